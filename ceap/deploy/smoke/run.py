"""One smoke run: send the message, follow its execution, judge what AWS shows, remove what it made."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, assert_never

import msgspec

from ceap.aws.deployed import agrees
from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow
from ceap.deploy.smoke.cleaning import Cleaned, Cleaner
from ceap.deploy.smoke.expectations import (
    Check,
    Expectations,
    LogLines,
    NoDeadLetters,
    QuietAlarm,
    RunsDefinition,
    StageObject,
    Succeeds,
    TableItems,
    Traced,
    expectations,
)
from ceap.deploy.smoke.facts import Facts, Run
from ceap.deploy.smoke.judgement import SmokeVerdict, judge, ran_another
from ceap.deploy.smoke.message import Message
from ceap.deploy.smoke.reading import Reader
from ceap.deploy.smoke.report import SmokeReport
from ceap.deploy.smoke.waiting import Waiting
from ceap.errors import UsageError

START_S: Final = 120.0
"""How long an execution may take to begin, and to show in the log of an EXPRESS machine."""
UPDATE_S: Final = 60.0
"""How long an updated definition may take to be the one that runs; AWS says: a few seconds."""
LOGS_S: Final = 60.0
"""How long log lines and traces may take to arrive after the execution."""
TIMEOUT_S: Final = 900.0


class Options(NamedTuple):
    """`timeout_s` is how long an execution is waited for; `keep`: nothing is removed."""

    timeout_s: float = TIMEOUT_S
    allow_events: bool = False
    keep: bool = False


class Telling(NamedTuple):
    """How a run tells of its progress, and how it waits."""

    say: Callable[[str], None]
    waiting: Waiting = Waiting()


class _Smoke:
    """What the steps of one run share; `runs` are the executions by the messages that were sent."""

    def __init__(self, aws: Aws, workflow: DeployedWorkflow, message: Message, options: Options, tell: Telling) -> None:
        self._aws: Final = aws
        self._workflow: Final = workflow
        self._message: Final = message
        self._options: Final = options
        self._say: Final = tell.say
        self._waiting: Final = tell.waiting
        self._reader: Final = Reader(aws, workflow, time.time())
        self._dead_letters: Final = self._reader.dead_letters()
        self._definition: dict[str, Any] = {}
        self._waited_s = 0.0
        self.runs: Final[dict[str, list[Run]]] = {}

    def go(self, expected: Expectations) -> SmokeReport:
        checks, cleaned = expected.checks, Cleaned()
        [definition] = [check for check in checks if isinstance(check, RunsDefinition)]
        if self._settles(definition):
            self._send_until_it_runs(definition)
        facts = self._facts_in_time(checks)
        if not self._options.keep:
            before, after = facts.dead_letters
            cleaner = Cleaner(self._aws, self._reader, self._workflow)
            cleaned = cleaner.clean(self.runs, facts.items, has_dead_letters=after > before)
            if self._run:
                unknown = (
                    f"what the function behind {stage} did, which smoke cannot know" for stage in expected.callers
                )
                cleaned = cleaned._replace(left=(*cleaned.left, *unknown))
        return SmokeReport(
            stack=self._workflow.name,
            smoke_id=self._message.id,
            messages=tuple(self.runs),
            executions=tuple(run.arn for runs in self.runs.values() for run in runs),
            findings=judge(checks, facts),
            removed=cleaned.removed,
            left=cleaned.left or (("all that it made: --keep",) if self._options.keep else ()),
        )

    @property
    def _run(self) -> Run | None:
        """The execution to judge: of the last message, one that succeeded, or else the last one."""
        runs = list(self.runs.values())[-1] if self.runs else []
        return next((run for run in runs if run.status == "SUCCEEDED"), runs[-1] if runs else None)

    def _settles(self, check: RunsDefinition) -> bool:
        """Wait until the state machine has the template's definition; tell whether it has."""
        for _ in self._waiting.tries(UPDATE_S):
            self._definition = self._reader.definition()
            if agrees(check.definition, self._definition):
                return True
        return False

    def _send_until_it_runs(self, check: RunsDefinition) -> None:
        """Send the message, and again while an earlier definition still runs: what has just been updated may."""
        for _ in self._waiting.tries(UPDATE_S):
            self._await_states(check, self._send_and_follow())
            if self._run is None or self._run.status == "RUNNING" or not ran_another(check, self._run):
                return
            self._say(f"execution {self._run.name} ran an earlier definition: sending the message again")

    def _send_and_follow(self) -> str:
        """Send the message, wait for its execution to end, and return the message's id."""
        sqs = self._aws.client("sqs")
        message: str = sqs.send_message(QueueUrl=self._workflow.queue, MessageBody=self._message.body)["MessageId"]
        self.runs[message] = []
        self._say(f"message {message} sent to {self._workflow.queue}")
        began = self._waiting.now()
        for _ in self._waiting.tries(self._options.timeout_s):
            known = self._run
            self.runs[message] = self._reader.runs(message)
            self._waited_s = self._waiting.now() - began
            if self._run and not known:
                self._say(f"execution {self._run.name} took it")
            if (self._run and self._run.status != "RUNNING") or (not self._run and self._waited_s >= START_S):
                break
        return message

    def _await_states(self, check: RunsDefinition, message: str) -> None:
        """Wait until the log shows all states of an execution that succeeded, as far as its definition needs them."""
        for _ in self._waiting.tries(LOGS_S):
            run = self._run
            if run is None or run.status != "SUCCEEDED" or ran_another(check, run) is not None:
                return
            self.runs[message] = self._reader.runs(message)

    def _facts_in_time(self, checks: Sequence[Check]) -> Facts:
        """Return the facts once nothing fails that may still arrive, or as they are when it had its time."""
        late = [check for check in checks if isinstance(check, LogLines | Traced)]
        facts = self._facts(checks)
        for _ in self._waiting.tries(LOGS_S):
            run = self._run
            if run is None or run.status != "SUCCEEDED":
                break
            if all(finding.verdict is not SmokeVerdict.FAILED for finding in judge(late, facts)):
                break
            facts = self._facts(checks)
        return facts

    def _facts(self, checks: Sequence[Check]) -> Facts:
        run, reader = self._run, self._reader
        facts = Facts(
            definition=self._definition,
            run=run,
            waited_s=self._waited_s,
            alarms=reader.alarms(check.name for check in checks if isinstance(check, QuietAlarm)),
            dead_letters=(self._dead_letters, reader.dead_letters()),
        )
        if run is None:
            return facts
        marks = [found.name for runs in self.runs.values() for found in runs] + [self._message.id]
        objects, lines, items, trace = dict(facts.objects), dict(facts.lines), dict(facts.items), facts.trace
        for check in checks:
            match check:
                case StageObject():
                    objects[check.stage] = reader.object(check, run.name)
                case LogLines():
                    lines[check.log_group] = reader.lines_of(check, run.name)
                case TableItems():
                    items[check.table] = reader.items(check.table, marks, self._message.id)
                case Traced():
                    trace = reader.trace(check, run.name)
                case RunsDefinition() | Succeeds() | QuietAlarm() | NoDeadLetters():
                    pass  # of all executions, not of this one
                case _:
                    assert_never(check)
        return msgspec.structs.replace(facts, objects=objects, lines=lines, items=items, trace=trace)


def smoke(aws: Aws, workflow: DeployedWorkflow, message: Message, options: Options, tell: Telling) -> SmokeReport:
    """Send a message through a deployed workflow and return what came of it.

    Raises:
        UsageError: It publishes events, or calls functions that may, which is not allowed.
    """
    expected = expectations(workflow)
    publishers = [*expected.publishers, *(f"the function behind {stage}" for stage in expected.callers)]
    if publishers and not options.allow_events:
        raise UsageError(
            f"{workflow.name}: {' and '.join(publishers)} may publish events, which reach real consumers; "
            f"give --allow-events if they can tell those of {message.id!r} from others, or smoke an environment "
            "without them"
        )
    run = _Smoke(aws, workflow, message, options, tell)
    try:
        return run.go(expected)
    except BaseException:
        if run.runs:
            tell.say(f"not ended: message {' and '.join(run.runs)} was sent; what its executions made is left")
        raise
