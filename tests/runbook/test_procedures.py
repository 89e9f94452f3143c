"""Every command of the runbook is typed in the state that its procedure is for, and leaves what that promises."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

import pytest

from ceap.local.executions import Execution
from tests.runbook.support import RUNBOOK, Place, place, write_the_day

PAGES: Final = sorted(page for page in RUNBOOK.glob("*.md") if page.name != "a-day.md")
SECTION: Final = re.compile(r"^#{2,3} (?P<heading>.+?)$(?P<body>.*?)(?=^#{2,3} |\Z)", re.DOTALL | re.MULTILINE)
BLOCK: Final = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)

GOOD: Final = {"id": "o1", "amount": 10, "currency": "EUR", "country": "at"}
FRANCS, DISCOUNT = GOOD | {"currency": "CHF"}, GOOD | {"discount": 1}
NO_COUNTRY: Final = GOOD | {"country": None}

CURES: Final = (
    ("handlers/price.py", '{"EUR": 100', '{"CHF": 105, "EUR": 100'),
    ("handlers/book.py", 'if "discount" in record', 'if record.get("discount", 0) > 1'),
    ("handlers/count.py", 'record["country"].upper()', 'str(record["country"]).upper()'),
)
"""What is wrong in the stages of the day, and what is right."""


class Scene:
    """An environment, and what was sent to it; `words` stand for the words in capitals of a page."""

    def __init__(self, at: Place, environment: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.at = at
        self.environment = environment
        self.words: dict[str, str] = {}
        self.shown = ""
        """All that commands have printed."""
        self._capsys = capsys
        write_the_day(at)

    def type(self, command: str) -> int:
        words = [self.words.get(word, word) for word in command.split(" ")]
        text = " ".join(words).replace("--env dev", f"--env {self.environment}")
        typed = self.at.type(text, self._capsys)
        self.shown += typed.printed
        assert typed.code in {0, 1}, f"$ {text}\n{typed.printed}{typed.told}"
        return typed.code

    def deploy(self, *workflows: str) -> None:
        for workflow in workflows:
            self.at.deploy(self.environment, workflow)

    def deploy_by_command(self, workflow: str) -> None:
        assert self.type(f"ceap deploy --env dev workflows/{workflow}.yaml --yes") == 0, self.shown

    def send(self, workflow: str, *records: dict[str, Any]) -> None:
        """Send a message for each record; from now on MESSAGE is the last one's id, EXECUTION the last one's name."""
        sqs = self.at.engine.client("sqs")
        url = sqs.get_queue_url(QueueName=f"ceap-{workflow}-{self.environment}-queue")["QueueUrl"]
        for record in records:
            body = json.dumps({"source": {"kind": "inline", "records": [record]}})
            self.words["MESSAGE"] = self.at.engine.send(url, body)
        self.at.rest()
        self.words["EXECUTION"] = self.executions(workflow)[-1].name

    def mend(self, workflow: str) -> None:
        """Correct the code of the stages that fail, and deploy it."""
        for path, wrong, right in CURES:
            file = self.at.folder / path
            self.at.write(path, file.read_text(encoding="utf-8").replace(wrong, right))
        self.deploy_by_command(workflow)

    def executions(self, workflow: str) -> list[Execution]:
        machine = f":ceap-{workflow}-{self.environment}"
        return [run for run in self.at.engine.executions if run.machine.endswith(machine)]

    def outcomes(self, workflow: str) -> list[tuple[str, int]]:
        """Return statuses and numbers of redrives of the executions, in the order of their starts."""
        return [(run.status, run.redrives) for run in self.executions(workflow)]

    def pipe(self, workflow: str) -> str:
        found = self.at.engine.client("pipes").describe_pipe(Name=f"ceap-{workflow}-{self.environment}")
        state: str = found["CurrentState"]
        return state


Setting: TypeAlias = Callable[[Scene], Iterator[None]]
"""Makes the state that a procedure is for; when its commands have been typed, looks at what they left."""


def all_is_well(scene: Scene) -> Iterator[None]:
    scene.deploy("orders", "clicks")
    yield
    assert (scene.pipe("orders"), scene.pipe("clicks")) == ("RUNNING", "RUNNING")


def there_are_messages_to_try(scene: Scene) -> Iterator[None]:
    for name, key in (("orders.json", "o1"), ("orders.smoke.json", "${SmokeId}-1")):
        body = {"source": {"kind": "inline", "records": [GOOD | {"id": key}]}}
        scene.at.write(f"workflows/messages/{name}", json.dumps(body))
    yield from all_is_well(scene)


def an_execution_has_failed(scene: Scene) -> Iterator[None]:
    scene.deploy("orders")
    scene.send("orders", FRANCS)
    yield
    assert scene.words["EXECUTION"] in scene.shown
    assert scene.outcomes("orders") == [("FAILED", 0)]


def a_message_is_a_dead_letter(scene: Scene) -> Iterator[None]:
    scene.deploy("clicks")
    scene.send("clicks", NO_COUNTRY)
    yield
    assert scene.words["MESSAGE"] in scene.shown
    assert scene.outcomes("clicks") == [("FAILED", 0)] * 3


def the_cause_of_dead_letters_is_mended(scene: Scene) -> Iterator[None]:
    scene.deploy("clicks")
    scene.send("clicks", NO_COUNTRY)
    scene.mend("clicks")
    yield
    assert scene.outcomes("clicks") == [("FAILED", 0)] * 3 + [("SUCCEEDED", 0)]
    assert scene.at.waiting(f"ceap-clicks-{scene.environment}-dead-letter-queue") == 0


def the_cause_of_failures_is_mended(scene: Scene) -> Iterator[None]:
    scene.deploy("orders")
    scene.send("orders", FRANCS)
    scene.mend("orders")
    yield
    assert scene.outcomes("orders") == [("SUCCEEDED", 1)]


def failures_are_to_be_replayed(scene: Scene) -> Iterator[None]:
    scene.deploy("orders")
    scene.send("orders", DISCOUNT)
    failed = scene.words["EXECUTION"]
    scene.mend("orders")
    yield
    runs = [(run.name, run.status) for run in scene.executions("orders")]
    assert runs == [(failed, "FAILED"), (f"{failed}-replay-1", "SUCCEEDED")]


def many_messages_fail(scene: Scene) -> Iterator[None]:
    scene.deploy("clicks")
    scene.send("clicks", NO_COUNTRY, NO_COUNTRY)
    yield
    assert scene.pipe("clicks") == "RUNNING"
    assert scene.at.waiting(f"ceap-clicks-{scene.environment}-dead-letter-queue") == 2


def the_last_deployment_was_wrong(scene: Scene) -> Iterator[None]:
    scene.deploy_by_command("orders")
    right = (scene.at.folder / "handlers/price.py").read_text(encoding="utf-8")
    scene.at.write("handlers/price.py", right.replace('"EUR": 100', '"GBP": 120'))
    scene.deploy_by_command("orders")
    scene.send("orders", GOOD)
    yield
    scene.send("orders", GOOD)
    assert scene.outcomes("orders") == [("FAILED", 0), ("SUCCEEDED", 0)]


class Played(NamedTuple):
    """In which state a procedure is played, and the exit codes of its commands; None: an alarm may still fire, or not.

    Those that share the state use one environment.
    """

    setting: Setting
    codes: tuple[int | None, ...]


SETTINGS: Final = {
    "detect#Is a workflow healthy?": Played(all_is_well, (0,)),
    "detect#All workflows of an environment": Played(all_is_well, (0, 0)),
    "detect#Further back": Played(an_execution_has_failed, (1,)),
    "emergencies#A Region in trouble": Played(all_is_well, (0, 0)),
    "emergencies#A bill that runs away": Played(there_are_messages_to_try, (0, 1, 0, 0)),
    "emergencies#A flood of messages that all fail": Played(many_messages_fail, (0, 1, 0, 0)),
    "emergencies#A wrong deployment": Played(the_last_deployment_was_wrong, (1, 0, 1, 0)),
    "emergencies#Data that must not be there": Played(an_execution_has_failed, (0, 0, 0)),
    "investigate#What does the workflow do at all?": Played(all_is_well, (0,)),
    "investigate#Where is the message that somebody asks for?": Played(an_execution_has_failed, (0,)),
    "investigate#Why did a STANDARD execution fail?": Played(an_execution_has_failed, (1, 0, 0, 0)),
    "investigate#Why did an EXPRESS message fail?": Played(a_message_is_a_dead_letter, (1, 0, 0)),
    "lifecycle#What is about to be deleted": Played(all_is_well, (0, 0)),
    "pause#Before a deployment that must not meet running executions": Played(all_is_well, (0, 0, 0)),
    "pause#Before maintenance: drain": Played(all_is_well, (0, 0)),
    "pause#Pause and resume": Played(all_is_well, (0, 1, 0)),
    "recover#Nothing helps: keep the message": Played(an_execution_has_failed, (0,)),
    "recover#Redrive failed executions": Played(the_cause_of_failures_is_mended, (0, 0, None)),
    "recover#Replay dead letters": Played(the_cause_of_dead_letters_is_mended, (0, 0, 0, None)),
    "recover#Replay failed executions from their message": Played(failures_are_to_be_replayed, (0, 0, None)),
    "recover#Replay from the middle": Played(failures_are_to_be_replayed, (0, 0, None)),
    "rotate#A secret or parameter that handlers read": Played(all_is_well, (0,)),
    "rotate#The KMS key of an environment": Played(there_are_messages_to_try, (0, 0, 0)),
}


def procedures() -> Iterator[tuple[str, list[str]]]:
    """Yield page and heading of each procedure, and its commands."""
    for page in PAGES:
        for section in SECTION.finditer(page.read_text(encoding="utf-8")):
            commands = [line for block in BLOCK.findall(section["body"]) for line in block.splitlines()]
            if commands:
                yield f"{page.stem}#{section['heading']}", commands


PROCEDURES: Final = dict(procedures())


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(tmp_path_factory.mktemp("runbook")) as found:
        yield found


@pytest.mark.xdist_group("runbook")
@pytest.mark.parametrize("procedure", PROCEDURES)
def test_a_procedure_leaves_what_it_promises(procedure: str, at: Place, capsys: pytest.CaptureFixture[str]) -> None:
    setting, codes = SETTINGS[procedure]
    is_shared = setting in {all_is_well, there_are_messages_to_try}
    scene = Scene(at, "shared" if is_shared else f"p{list(PROCEDURES).index(procedure)}", capsys)
    playing = setting(scene)
    next(playing)
    typed = [(command, scene.type(command)) for command in PROCEDURES[procedure]]
    wanted = [code if wanted is None else wanted for (_, code), wanted in zip(typed, codes, strict=True)]
    assert typed == list(zip(PROCEDURES[procedure], wanted, strict=True)), scene.shown
    assert next(playing, None) is None


def test_every_setting_is_that_of_a_procedure() -> None:
    assert SETTINGS.keys() == PROCEDURES.keys()
