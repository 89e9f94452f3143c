"""Work that forked copies of this process share: what the first has loaded, the others do not load again."""

import gc
import os
import pickle
import selectors
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, Generic, NoReturn, Protocol, TypeVar

from ceap import signals
from ceap.errors import CommandError, SetupError

_T = TypeVar("_T")
_R = TypeVar("_R")

COPIES_MAX: Final = 8
"""Each holds some 150 MiB, which they share as long as none of them writes there."""

_NUMBER: Final = struct.Struct("=I")
"""The place of an item, in the queue."""

_HEAD: Final = struct.Struct("=iQ")
"""What stands before each result: the place of its item, and its size in bytes."""

_PREPARING: Final = -1
"""Stands for the place of an item in what is told of a failed preparation."""


class Work(Protocol[_R]):
    """Work that was begun."""

    def results(self) -> list[_R]:
        """Return the result of each item, in their order.

        Raises:
            Exception: what the work raised on the first item, in their order, that it could not do.
            SetupError: a copy was ended.
        """

    def stop(self) -> None:
        """End the work; its results are not needed."""


def begin(prepare: Callable[[], object], work: Callable[[_T], _R], items: Sequence[_T]) -> Work[_R]:
    """Begin work on items beside this process, or return work that is done when its results are asked for.

    The first copy calls `prepare`, once, then makes the others, as many as there are processors. Results are pickled.
    """
    if can_fork() and items:
        return _Shared(prepare, work, items)
    return _Later(work, items)


def can_fork() -> bool:
    """Tell whether a copy of this process can go on: on macOS the system's own libraries may crash it.

    Threads are not copied, nor are the locks released that they hold. Source: Python, `os.fork`.
    """
    return sys.platform == "linux" and len(sys._current_frames()) == 1


class _Later(Generic[_T, _R]):
    """Work that this process does itself."""

    def __init__(self, work: Callable[[_T], _R], items: Sequence[_T]) -> None:
        self._work: Final = work
        self._items: Final = items

    def results(self) -> list[_R]:
        return [self._work(item) for item in self._items]

    def stop(self) -> None:
        """Do nothing: nothing has begun."""


class _Shared(Generic[_T, _R]):
    """Work of a group of processes, which ends with this one: a copy that cannot hand on its result ends, too."""

    def __init__(self, prepare: Callable[[], object], work: Callable[[_T], _R], items: Sequence[_T]) -> None:
        self._count: Final = len(items)
        number = min(COPIES_MAX, len(os.sched_getaffinity(0)), len(items))
        # A file, whose position the copies share: who reads a number takes it from the others.
        queue = os.memfd_create("queue")
        os.write(queue, b"".join(map(_NUMBER.pack, range(len(items)))))
        os.lseek(queue, 0, os.SEEK_SET)
        pipes = [os.pipe() for _ in range(number)]
        self._results: Final = [reading for reading, _ in pipes]
        self._is_over = False
        sys.stdout.flush()
        with signals.starting():
            self._pid: Final = os.fork()
            if not self._pid:
                _lead(prepare, partial(_do_all, work, items, queue), pipes)
            with suppress(OSError):
                os.setpgid(self._pid, self._pid)
            signals.begin(self, self._end)
        for unused in (queue, *(writing for _, writing in pipes)):
            os.close(unused)

    def results(self) -> list[_R]:
        outcomes = dict(outcome for text in self._read() for outcome in _outcomes(text))
        status = self._wait()
        failures = [place for place, outcome in outcomes.items() if isinstance(outcome, _Failure)]
        if failures:
            raise outcomes[min(failures)].error
        if len(outcomes) < self._count:
            ended = f"by signal {-status}" if status < 0 else "early"
            raise SetupError(
                f"a process that judges templates was ended {ended}, {self._count - len(outcomes)} of {self._count} "
                "templates are not judged; perhaps memory ran out: free some, and run `ceap check` again"
            )
        return [outcomes[place] for place in range(self._count)]

    def stop(self) -> None:
        if not self._is_over:
            self._end()
            signals.settle(self)

    def _end(self) -> None:
        with suppress(OSError):
            os.killpg(self._pid, signal.SIGKILL)
        signals.end_child(self._pid)

    def _wait(self) -> int:
        """Return the exit code of the first copy, which is that of the others if one of them failed."""
        _, status = os.waitpid(self._pid, 0)
        self._is_over = True
        signals.settle(self)
        code = os.waitstatus_to_exitcode(status)
        return 128 - code if code > 128 else code

    def _read(self) -> list[bytes]:
        """Return what each copy wrote; all are read at once, so that none waits."""
        texts = {pipe: bytearray() for pipe in self._results}
        with selectors.DefaultSelector() as selector:
            for pipe in self._results:
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    if chunk := os.read(key.fd, 65536):
                        texts[key.fd] += chunk
                    else:
                        selector.unregister(key.fd)
                        os.close(key.fd)
        return [bytes(text) for text in texts.values()]


class _Failure:
    """The error that ended work on an item; one that no command expects is told with its traceback."""

    def __init__(self, error: Exception) -> None:
        is_expected = isinstance(error, CommandError)
        self.error: Final = error if is_expected else RuntimeError("".join(traceback.format_exception(error)).rstrip())


def _lead(prepare: Callable[[], object], do_all: Callable[[int], None], pipes: Sequence[tuple[int, int]]) -> NoReturn:
    """Prepare, make the other copies, work with them, and end as they end."""
    with suppress(OSError):
        os.setpgid(0, 0)
    for number in signals.WORDS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # in the background of a terminal, a warning would stop it
    for reading, _ in pipes:
        os.close(reading)
    code = 1
    try:
        _, mine = pipes[0]
        if _succeeds(prepare, mine):
            gc.freeze()  # what was loaded stays shared: collecting garbage would write to it
            others = [pid for _, writing in pipes[1:] if (pid := _fork(partial(do_all, writing)))]
            for _, writing in pipes[1:]:
                os.close(writing)
            do_all(mine)
            codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in others]
            code = next((128 - each if each < 0 else each for each in codes if each), 0)
    finally:
        sys.stderr.flush()
        os._exit(code)


def _fork(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def _succeeds(prepare: Callable[[], object], pipe: int) -> bool:
    try:
        prepare()
    except Exception as error:
        os.write(pipe, _framed(_PREPARING, _Failure(error)))
        return False
    return True


def _do_all(work: Callable[[_T], _R], items: Sequence[_T], queue: int, pipe: int) -> None:
    """Work on the items whose numbers this copy is the first to read from the queue."""
    with open(pipe, "wb", closefd=False) as stream:
        while number := os.read(queue, _NUMBER.size):
            [place] = _NUMBER.unpack(number)
            try:
                outcome: _R | _Failure = work(items[place])
            except Exception as error:
                outcome = _Failure(error)
            stream.write(_framed(place, outcome))
            stream.flush()


def _framed(place: int, outcome: object) -> bytes:
    text = pickle.dumps(outcome)
    return _HEAD.pack(place, len(text)) + text


def _outcomes(text: bytes) -> Iterator[tuple[int, Any]]:
    """Yield places and outcomes in what a copy wrote; one that was ended while it wrote leaves half of the last."""
    begin = 0
    while begin + _HEAD.size <= len(text):
        place, size = _HEAD.unpack_from(text, begin)
        begin += _HEAD.size + size
        if begin <= len(text):
            yield place, pickle.loads(text[begin - size : begin])  # noqa: S301 (a copy of this process wrote it)
