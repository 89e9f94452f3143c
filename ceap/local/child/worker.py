"""A function's own process: imports the handler, then serves invocations over a pipe until the pipe is closed.

Run as a script by `workers`, with only what Lambda gives a function in its environment; standard library only, so that
nothing of ours is loaded beside the handler, which finds only the packages that it has on AWS.
One JSON document per line each way:
in  {"requestId", "event", "arn", "deadline", "offset", "fault"?},
out {"result"} or {"error"}, first {"ready"} or {"error"}.
Beside an error stands its "failure", which Lambda lacks: exceptions with their texts, frames and the record's number.
SIGUSR2 ends the process, after it has written where its threads are.
"""

import datetime
import errno
import faulthandler
import gc
import importlib
import json
import linecache
import math
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from importlib.machinery import ModuleSpec, PathFinder
from queue import SimpleQueue
from types import GeneratorType, TracebackType
from typing import Any, TextIO

Document = dict[str, Any]
Handler = Callable[[Any, "InvocationContext"], Any]

OFFSET = [0.0]
REAL_TIME = time.time
CAUSES_MAX = 10
ESCAPING = frozenset(f"AWS_Lambda_python3.{minor}" for minor in (8, 9, 10, 11))
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGES = frozenset(("os.mkdir", "os.remove", "os.rename", "os.rmdir"))


class InvocationContext:
    """What Lambda passes as `context`."""

    identity = None
    client_context = None

    def __init__(self, request_id: str, deadline: float, arn: str) -> None:
        name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_name = name
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.invoked_function_arn = arn
        self.aws_request_id = request_id
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - REAL_TIME()) * 1000))


def describe(error: Exception, request_id: str | None = None, skip: int = 0) -> Document:
    """Return an exception as Lambda's runtime reports it; `skip` is the number of its own frames."""
    frames = traceback.format_list(traceback.extract_tb(error.__traceback__)[skip:])
    document = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": frames}
    return document if request_id is None else {**document, "requestId": request_id}


def explain(error: BaseException) -> Document:
    """Return an exception and its causes, outermost first, for the developer: here no text is kept back.

    `record` is the number of the record that the stage took last, None if it had taken none.
    """
    causes: list[Document] = []
    record = None
    link: BaseException | None = error
    while link is not None and len(causes) < CAUSES_MAX:
        frames = [
            [frame.filename, frame.lineno, frame.name, frame.line] for frame in traceback.extract_tb(link.__traceback__)
        ]
        if isinstance(link, SyntaxError) and link.filename:
            frames.append([link.filename, link.lineno, "", (link.text or "").strip()])
        text = link.msg if isinstance(link, SyntaxError) else str(link)
        halted, taken = inspect_frames(link.__traceback__)
        record = record or taken
        causes.append({"type": type(link).__name__, "text": text, "frames": frames, "halted": halted})
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return {"causes": causes, "record": record}


def inspect_frames(trace: TracebackType | None) -> tuple[list[list[Any]], int | None]:
    """Return where the generators stand that the frames hold, and how many records the stage has taken.

    A stage that yields something wrong is such a generator: it is halted at its `yield`, outside of the traceback. What
    it yields is checked in batches, so it may have ended: then the place is its `def`.
    """
    ended: list[list[Any]] = []
    halted: list[list[Any]] = []
    taken: int | None = None
    for frame, _ in traceback.walk_tb(trace):
        for value in frame.f_locals.values():
            if type(value) is GeneratorType:  # isinstance could call the value
                code, frame_of_it = value.gi_code, value.gi_frame
                line = frame_of_it.f_lineno if frame_of_it else code.co_firstlineno
                place = [code.co_filename, line, code.co_name, linecache.getline(code.co_filename, line).strip()]
                places = halted if frame_of_it else ended
                places += [] if place in places else [place]
        taken = getattr(frame.f_locals.get("tally"), "records_in", 0) or taken
    return ended + halted, taken


def use_virtual_time() -> None:
    """Make `time.time` and `datetime.now` read the engine's clock, so that leases and windows outlast its jumps."""
    time.time = lambda: REAL_TIME() + OFFSET[0]
    time.time_ns = lambda: int(time.time() * 1_000_000_000)

    def now(cls: Any, tz: Any = None) -> Any:
        return cls.fromtimestamp(time.time(), tz)

    def utcnow(cls: Any) -> Any:
        return cls.fromtimestamp(time.time(), datetime.UTC).replace(tzinfo=None)

    # A built-in type refuses assignment, but its namespace does not; a subclass would be another type.
    namespace = gc.get_referents(datetime.datetime.__dict__)[0]
    namespace["now"], namespace["utcnow"] = classmethod(now), classmethod(utcnow)


def protect(root: str) -> None:
    """Let Python refuse to write below a folder with the error that /var/task gives, also to root."""

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            paths = arguments[:1] if (arguments[2] or 0) & WRITING else ()
        elif event in CHANGES and arguments[-1] == -1:  # else the path is relative to an open folder
            paths = arguments
        else:
            return
        for path in paths:
            if isinstance(path, str | bytes) and os.path.abspath(os.fsdecode(path)).startswith(f"{root}/"):  # noqa: PTH100
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    sys.addaudithook(refuse)


class PackagedFinder:
    """Python's own finder of modules, without the packages that the function lacks on AWS, though installed here.

    `lacking` gives their modules, each with its distribution; `folders` is where packages are installed.
    """

    def __init__(self, lacking: dict[str, str], folders: list[str]) -> None:
        self._lacking = lacking
        self._folders = tuple(folders)
        self._distributions = {*map(normalize, lacking.values())}
        self.invalidate_caches = PathFinder.invalidate_caches

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        if name in self._lacking:
            path = [entry for entry in (sys.path if path is None else path) if not entry.startswith(self._folders)]
        return PathFinder.find_spec(name, path, target)

    def find_distributions(self, context: Any) -> Iterator[Any]:
        found = PathFinder.find_distributions(context)
        return (each for each in found if normalize(each.name or "") not in self._distributions)

    def install(self) -> None:
        """Find modules in place of Python's own finder, and forget what was loaded before and is lacking."""
        sys.meta_path[:] = [self if finder is PathFinder else finder for finder in sys.meta_path]
        if self._lacking.keys() & sys.modules.keys():
            for name in list(sys.modules):
                parts = name.split(".")
                if any(".".join(parts[: end + 1]) in self._lacking for end in range(len(parts))):
                    del sys.modules[name]


def normalize(name: str) -> str:
    """Return the one form of a distribution's name, as `package_sets.normalize` does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def load(handler: str) -> tuple[Handler | None, Document]:
    """Return the handler, and the first answer: ready, or the error that Lambda gives when it cannot be loaded."""
    module_name, _, name = handler.rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ModuleNotFoundError as error:
        message = f"Unable to import module '{module_name}': {error}"
        return None, refuse("Runtime.ImportModuleError", message, error)
    except SyntaxError as error:
        return None, refuse("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", error)
    except Exception as error:
        return None, {"error": describe(error, skip=1), "failure": explain(error)}
    function = getattr(module, name, None)
    if function is None:
        return None, refuse("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module_name}'", None)
    return function, {"ready": True}


def refuse(kind: str, message: str, error: Exception | None) -> Document:
    """Return the answer of a handler that cannot be loaded."""
    document = {"errorMessage": message, "errorType": kind, "stackTrace": []}
    return {"error": document, "failure": explain(error) if error else None}


def invoke(handler: Handler, request: Document) -> Document:
    """Return the answer to one request."""
    request_id = request["requestId"]
    OFFSET[0] = request["offset"]
    try:
        if fault := request.get("fault"):
            raise type(fault["errorType"], (Exception,), {})(fault["errorMessage"])
        result = handler(request["event"], InvocationContext(request_id, request["deadline"], request["arn"]))
    except Exception as error:
        failure = None if request.get("fault") else explain(error)
        return {"error": describe(error, request_id, skip=1), "failure": failure}
    try:
        text = marshal(result, request_id)
    except Exception as error:
        document = {"errorMessage": f"Unable to marshal response: {error}", "errorType": "Runtime.MarshalError"}
        return {"error": {**document, "requestId": request_id, "stackTrace": []}}
    text.encode()  # half of a surrogate pair ends the runtime
    return {"result": text}


def marshal(result: Any, mark: str) -> str:
    """Return a result as the JSON that Lambda's runtime makes of it; `mark` is a text that no result holds.

    A result of bytes is the JSON itself. The runtime's encoder (simplejson) takes more than Python's: bytes as text,
    decimals with all their digits, named tuples as objects. That of a newer Python escapes no letters, so that a result
    has fewer bytes.
    """
    if isinstance(result, bytes):
        text = result.decode()
        json.loads(text)  # Step Functions could not read anything else
        return text
    is_old = os.environ.get("AWS_EXECUTION_ENV") in ESCAPING
    return re.sub(f'"{mark} ([^"]*)"', r"\1", json.dumps(plain(result, mark), ensure_ascii=is_old))


def plain(value: Any, mark: str) -> Any:
    """Return a value with the types that only the runtime's encoder takes replaced; a decimal becomes a marked text."""
    match value:
        case bytes():
            return value.decode()
        case Decimal():
            return math.nan if value.is_nan() else f"{mark} {value}"
        case dict():
            return {key.decode() if isinstance(key, bytes) else key: plain(item, mark) for key, item in value.items()}
        case tuple() if hasattr(value, "_asdict"):
            return plain(value._asdict(), mark)
        case list() | tuple():
            return [plain(item, mark) for item in value]
        case _:
            return value


def read_requests(source: TextIO, requests: SimpleQueue[Document]) -> None:
    """Pass requests on; when the engine is gone, end this process and all that it started."""
    for line in source:
        requests.put(json.loads(line))
    os.killpg(os.getpgid(0), signal.SIGKILL)


def main(source: TextIO, target: TextIO) -> None:
    """Load the handler, say so, and serve."""
    requests: SimpleQueue[Document] = SimpleQueue()
    threading.Thread(target=read_requests, args=(source, requests), daemon=True).start()
    use_virtual_time()
    handler, answer = load(os.environ["_HANDLER"])
    while True:
        sys.stdout.flush()
        sys.stderr.flush()
        target.write(json.dumps(answer) + "\n")
        target.flush()
        if handler is None:
            return
        answer = invoke(handler, requests.get())


if __name__ == "__main__":
    LACKING, *PATH = sys.argv[4:]
    # In place of this script's folder: the function's code first, and no other project that lies on the path.
    sys.path[:] = [os.environ["LAMBDA_TASK_ROOT"], *sys.path, *PATH]
    with open(LACKING, encoding="utf-8") as FILE:  # noqa: PTH123 (pathlib is slow to load)
        PackagedFinder(json.load(FILE), PATH).install()
    protect(os.environ["LAMBDA_TASK_ROOT"])
    SOURCE_FD, TARGET_FD, STACK_FD = map(int, sys.argv[1:4])
    # In C, because a handler may be in a call that never lets Python run; then the signal's own action, which ends it.
    faulthandler.register(signal.SIGUSR2, file=STACK_FD, all_threads=True, chain=True)
    with os.fdopen(SOURCE_FD, encoding="utf-8") as SOURCE, os.fdopen(TARGET_FD, "w", encoding="utf-8") as TARGET:
        try:
            main(SOURCE, TARGET)
        except SystemExit as stop:
            # At once, as Lambda's runtime ends: an orderly exit would wait for the thread that reads requests.
            sys.stdout.flush()
            print(stop.code if isinstance(stop.code, str) else "", end="", file=sys.stderr, flush=True)
            os._exit(stop.code if isinstance(stop.code, int) else int(stop.code is not None))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
