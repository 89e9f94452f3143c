"""`ceap diff --deployed`, against stacks of the local engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ceap.cli import main
from ceap.local.engine import Engine

TEMPLATE = """
Parameters:
  Environment: {Type: String}
  Size: {Type: String, Default: small}
Resources:
  Q:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub "q-${Environment}-${Size}", DelaySeconds: %d}
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine.start(warm=False) as engine:
        engine.deploy(TEMPLATE % 1, "ceap-some-dev", {"Environment": "dev"})
        yield engine


@pytest.fixture
def folder(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, from which the engine is reached as AWS is."""
    for name, value in engine.driver.variables(engine.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    return tmp_path


def told(folder: Path, name: str, delay_s: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    (folder / f"{name}.template.yaml").write_text(TEMPLATE % delay_s, encoding="utf-8")
    assert main(["diff", f"{name}.template.yaml", "--deployed", "--env", "dev"]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_deployed_template_has_no_change(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    against, change, note = told(folder, "some", 1, capsys)
    assert against.startswith("against what is deployed in dev (account ")
    assert change == "ceap-some-dev: no change"
    assert note.startswith("note: the code of functions and jobs is not compared")


def test_a_change_of_a_deployed_resource_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(folder, "some", 2, capsys)
    assert "    Q (AWS::SQS::Queue q-dev-small, stateful) changes in place" in lines
    assert "      DelaySeconds: 1 -> 2" in lines


def test_a_parameter_of_the_environment_counts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "ceap.toml").write_text('[env.dev.parameters]\nSize = "large"\n', encoding="utf-8")
    lines = told(folder, "some", 1, capsys)
    assert "      QueueName: q-dev-small -> q-dev-large (create-only)" in lines
    assert "    Parameters.Size.value: small -> large" in lines


def test_a_stack_that_is_not_there_is_new(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(folder, "other", 1, capsys)
    assert lines[1:4] == [
        "ceap-other-dev: 1 change",
        "  added",
        "    Q (AWS::SQS::Queue q-dev-small, stateful) is new",
    ]
