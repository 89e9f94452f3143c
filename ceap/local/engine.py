"""The engine: deploys templates into this process and runs what they say.

with Engine.start() as engine:
    engine.deploy(template, "ceap-foundation-dev", {"Environment": "dev"})
    stack = engine.deploy(other, "ceap-realtime-dev", {"Environment": "dev", "HandlersPrefix": "handlers/"})
    engine.send(stack.physical_id("Queue"), body)
    executions = engine.drain()
"""

import gc
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import version
from types import TracebackType
from typing import Any, Final, Protocol, Self, assert_never

import moto.logs.models
import moto.sqs.models
from moto.core.base_backend import BackendDict
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from ceap import signals
from ceap.files import make_folder, remove_folder
from ceap.local import (
    cloudformation,
    events,
    gateway,
    interpreter,
    lifecycle,
    limits,
    log_patterns,
    moto_costs,
    moto_memory,
    queues,
    table_limits,
    tables,
    uploads,
)
from ceap.local.clock import CLOCK
from ceap.local.cloudwatch import serve_metrics
from ceap.local.deliveries import Delivery
from ceap.local.execution_metrics import add_status
from ceap.local.executions import DeployedMachine, Entry, Execution, Executions, Listener, Stage
from ceap.local.functions import FunctionListener, Functions
from ceap.local.hooks import replace
from ceap.local.identities import Identities
from ceap.local.jobs import JobListener, Jobs
from ceap.local.logs import Logs
from ceap.local.metrics import metrics_of
from ceap.local.move_tasks import MoveTasks
from ceap.local.queue_metrics import QueueGauges
from ceap.local.rest_api import serve_pipes, serve_schedules
from ceap.local.running import Running
from ceap.local.service_clients import ServiceClient
from ceap.local.sessions import FIRST_ACCOUNT, REGION, Decision, Session, Sessions
from ceap.local.stacks.api import StackApi
from ceap.local.stacks.registry import Registry
from ceap.local.states import StepFunctions
from ceap.local.web_identities import WebIdentities
from ceap.local.workers import Launch, end_processes, launch_process
from templates.model import StepKind

MOTO_VERSION: Final = "5.2.5"
LOOK_S: Final = 0.1
"""How often an engine that serves looks for messages and for its end, in real seconds."""
ABORT_S: Final = 5.0
"""How long aborted executions may take to end, in real seconds; it is far less, for none waits for its stage."""

# moto logs what it does not model; the engine reports as errors what matters of that.
logging.getLogger("moto").addHandler(logging.NullHandler())

# Not used twice unless asked for, so that the last threads of a closed engine touch no other engine.
_ACCOUNTS: Final = itertools.count(FIRST_ACCOUNT)
_START_LOCK: Final = threading.Lock()


class WorkerListener(FunctionListener, JobListener, Protocol):
    """Hears what functions and Glue jobs do while they do it, from several threads."""


class EngineError(RuntimeError):
    """The installed moto is not the one whose private parts the engine hooks."""


class Engine:
    """One AWS account in this process; several may live side by side, with the one clock of the process."""

    def __init__(self, account: str, *, warm: bool, launch: Launch) -> None:
        self.account: Final = account
        self._closed = False
        self._folder: Final = make_folder()
        signals.begin(self, end_processes)
        self._sessions: Final = Sessions(account)
        self.logs: Final = Logs(account, self._sessions, CLOCK)
        self.functions: Final = Functions(account, self._folder, self._sessions, self.logs, CLOCK, launch=launch)
        self.jobs: Final = Jobs(self._folder, self._sessions, self.logs, CLOCK)
        self._executions: Final = Executions(account, self.logs, _tell_status)
        self._lifecycle: Final = lifecycle.Lifecycle(account, CLOCK)
        self._gauges: Final = QueueGauges(account)
        metrics_of(account).gauges.append(self._gauges.read)
        self._moves: Final = MoveTasks(account, CLOCK)
        routes = [
            self._lifecycle.serve,
            limits.serve,
            self._moves.serve,
            self.functions.serve,
            self.jobs.serve,
            StepFunctions(self._executions).serve,
            serve_pipes(account),
            serve_schedules(account),
            serve_metrics(account),
        ]
        self._running: Final = Running(
            self._sessions,
            self.logs,
            functions=self.functions,
            jobs=self.jobs,
            executions=self._executions,
            client_of=self._service_client,
            warm=warm,
        )
        self._stacks: Final = Registry(account, self._running, self._sessions)
        self.web_identities: Final = WebIdentities(account, self._sessions)
        identities = Identities(account, self._sessions, self.web_identities)
        routes += [StackApi(self._stacks).serve, identities.serve]
        self._gateway: Final = gateway.Gateway(account, self._sessions, routes, [identities.serve_unsigned])
        self.functions.url = self.jobs.url = self._running.url = self._gateway.url
        self._deliveries: Final[list[Delivery]] = []
        self._clients: Final[dict[str, Any]] = {}
        self._clients_lock: Final = threading.Lock()

    @classmethod
    def start(cls, *, warm: bool = True, account: str | None = None, launch: Launch = launch_process) -> Self:
        """Start an empty engine; EngineError if moto is not the one that is hooked.

        Args:
            warm: Whether the worker of a function starts when it is deployed, or else when it is first invoked.
            account: An account that no engine uses any more; by default a new one.
            launch: How the processes of functions are started.
        """
        with _START_LOCK:
            install()
            engine = cls(account or str(next(_ACCOUNTS)), warm=warm, launch=launch)
        engine._gateway.start()
        return engine

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every worker, close the port and forget all resources; harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        self._stacks.close()
        self._running.close()
        self._executions.close()
        self.jobs.close()
        self.functions.close()
        for client in self._clients.values():
            client.close()
        self._gateway.stop()
        moto_memory.close_objects(self.account)
        instances: list[dict[str, Any]] = list(BackendDict._instances)  # type: ignore[misc]  # a generic class's own list
        for backends in instances:
            backends.pop(self.account, None)
        signals.settle(self)
        remove_folder(self._folder)

    @property
    def url(self) -> str:
        return self._gateway.url

    @property
    def driver(self) -> Session:
        return self._sessions.driver

    @property
    def trace(self) -> list[Decision]:
        """Every IAM decision so far, in order."""
        return self._sessions.trace

    @property
    def executions(self) -> list[Execution]:
        return self._executions.all

    def client(self, service: str) -> Any:
        """Return a boto client of the driver, to whom no policy applies."""
        with self._clients_lock:
            if service not in self._clients:
                self._clients[service] = gateway.client(service, self.url, self.driver)
            return self._clients[service]

    def enter(self, machine: DeployedMachine, entry: Entry) -> None:
        """Let executions of a machine begin at another state than its first."""
        self._executions.entries[machine.arn] = entry

    def machine(self, arn: str) -> DeployedMachine:
        return self._executions.machines[arn]

    def listen(self, listener: Listener, workers: WorkerListener) -> None:
        """Call `listener` for executions, attempts and waits while they happen, from several threads.

        `workers` hears what functions and jobs print, and how their invocations and runs end.
        """
        self._executions.listener = listener
        self.jobs.listener = self.functions.listener = workers

    def deploy(self, text: str, name: str, parameters: Mapping[str, str] | None = None) -> cloudformation.Stack:
        """Create a stack and start what it holds.

        Raises:
            DeployError: It is refused, or a role may not be assumed.
            SetupError: A package that a function imports is not installed here.
        """
        return cloudformation.deploy(self._stacks, text, name, parameters or {})

    def fail(self, stage: Stage, error_type: str, times: int | None) -> None:
        """Make the function or job of a stage fail before its code runs, on its next `times` runs; None: always."""
        match stage.kind:
            case StepKind.LAMBDA:
                self.functions.inject(stage.worker, error_type, times)
            case StepKind.GLUE:
                self.jobs.inject(stage.worker, error_type, times)
            case _:
                assert_never(stage.kind)

    def send(self, queue_url: str, body: str) -> str:
        """Send a message and return its id."""
        answer: str = self.client("sqs").send_message(QueueUrl=queue_url, MessageBody=body)["MessageId"]
        return answer

    def fire_schedules(self) -> list[Delivery]:
        """Let every enabled schedule send its message, whatever the time; return what became of it."""
        return self._noted(delivery for schedule in self._running.senders if (delivery := schedule.fire()))

    def announce_object(self, bucket: str, key: str, size_bytes: int) -> list[Delivery]:
        """Tell the event bus of a new object; return what the rules that match it did."""
        return self._noted(events.announce_object(self.account, bucket, key, size_bytes))

    def drain(self, *, once: bool = False) -> list[Execution]:
        """Run until nothing is left to do, and return the executions of this engine so far.

        Time jumps whenever everything waits, so a failing message is received until it is dead-lettered; `once`: it
        stays in its queue.
        """
        while self._step(once=once):
            pass
        return self.executions

    def travel(self, seconds: float) -> list[Execution]:
        """Run what there is, and let so much virtual time pass; return the executions of this engine so far."""
        until = CLOCK.now() + seconds
        while CLOCK.now() < until:
            self._step(until=until)
        return self.executions

    def serve(self, is_over: Callable[[], bool], *, once: bool = False) -> list[Execution]:
        """Run what there is and what comes until `is_over()`, then abort what still runs; otherwise as `drain`."""
        while not is_over():
            if not self._step(once=once, timeout_s=LOOK_S):
                time.sleep(LOOK_S)
        self._executions.close()
        deadline = time.monotonic() + ABORT_S
        while time.monotonic() < deadline and any(execution.status == "RUNNING" for execution in self.executions):
            time.sleep(0.01)
        return self.executions

    def messages(self, queue_url: str) -> list[str]:
        """Return the bodies of all messages of a queue, hidden ones too, and leave them there."""
        queue = sqs_backends[self.account][REGION].get_queue(queue_url.rpartition("/")[2])
        return [message.body for message in list(queue._messages)]

    def objects(self, bucket: str) -> Iterator[tuple[str, bytes]]:
        """Yield every object of a bucket, key and content, in the order of the keys."""
        self._lifecycle.apply()
        keys = s3_backends[self.account]["aws"].get_bucket(bucket).keys
        for name in sorted(keys):
            yield name, keys[name].value

    def problems(self) -> list[str]:
        """Return what keeps a pipe from working, and why messages of triggers did not arrive."""
        unsent = [f"{delivery.trigger}: {delivery.problem}" for delivery in self._deliveries if delivery.problem]
        return [f"pipe {poller.name} {poller.problem}" for poller in self._running.pollers if poller.problem] + unsent

    def grants(self, role: str) -> set[tuple[str, str]]:
        """Return every (action, resource pattern) that a role's policies allow."""
        return self._sessions.grants(role)

    def events(self) -> list[Mapping[str, Any]]:
        """Return the events that the buses took, in order, as PutEvents has them."""
        return events.put(self.account)

    def published(self, topic: str) -> list[str]:
        """Return the messages that were published to a topic, by its ARN."""
        return events.published(topic)

    def _noted(self, deliveries: Iterable[Delivery]) -> list[Delivery]:
        made = list(deliveries)
        self._deliveries.extend(made)
        return made

    def _step(self, *, once: bool = False, timeout_s: float | None = None, until: float | None = None) -> bool:
        """Take what messages there are, or let time pass; return whether there may be more to do at once."""
        ended = CLOCK.ended
        self._moves.advance()
        busy = [poller.poll(once=once) for poller in self._running.pollers]
        return any(busy) or CLOCK.jump(lambda: self._next_due(until), ended, timeout_s)

    def _service_client(self, session: Session, service: str) -> ServiceClient:
        """Return the client of a service that acts in a session: a pipe, a state machine or a schedule."""
        return ServiceClient(service, self.account, session, self._gateway.answer)

    def _next_due(self, until: float | None) -> float | None:
        """Return when something of a queue is due, or `until`, if that is sooner."""
        self._gauges.look()
        moments = [*(poller.next_due() for poller in self._running.pollers), self._moves.next_due(), until]
        return min((moment for moment in moments if moment is not None), default=None)


def _tell_status(machine: DeployedMachine, execution: Execution) -> None:
    """Tell CloudWatch and EventBridge of an execution's new status."""
    add_status(machine, execution)
    events.announce(machine, execution)


@cache
def _spare_modules() -> None:
    """Keep the garbage collector off what modules hold: each full look at it took 0.2 s, and they stay anyway."""
    gc.freeze()


def install() -> None:
    """Check moto and hook it; EngineError if the version is another, or a hooked part is missing."""
    if (found := version("moto")) != MOTO_VERSION:
        raise EngineError(
            f"moto is {found}, the local engine needs exactly {MOTO_VERSION}; run `make clean`, then `make run`"
        )
    try:
        cloudformation.install()
        interpreter.install()
        events.install()
        lifecycle.install()
        table_limits.install()
        uploads.install()
        queues.install()
        log_patterns.install()
        tables.install()
        moto_costs.install()
        moto_memory.install()
        for name, unit in (("unix_time", 1), ("unix_time_millis", 1000)):
            replace(moto.sqs.models, name, lambda unit=unit: CLOCK.now() * unit)
        # It refuses lines that are hours ahead, and would of a clock that has jumped.
        replace(moto.logs.models, "utcnow", lambda: interpreter.virtual_datetime().replace(tzinfo=None))
        _spare_modules()
    except (AttributeError, ImportError) as error:
        raise EngineError(f"moto {MOTO_VERSION} is not as the engine expects: {error}; run `make clean`") from error
