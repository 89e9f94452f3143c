from __future__ import annotations

import json
import re
import typing
from pathlib import Path

import pytest

from ceap import project
from ceap.cli import main
from ceap.commands.diff import FAIL_ON, FORMATS
from ceap.deploy.diff.change import Change
from ceap.deploy.diff.describe import Form
from ceap.deploy.diff.report import FAILURES

QUEUE = "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: %s}}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.yaml").write_text(QUEUE % "a", encoding="utf-8")
    (tmp_path / "new.yaml").write_text(QUEUE % "b", encoding="utf-8")
    return tmp_path


def test_the_options_are_those_that_the_diff_knows() -> None:
    assert tuple(sorted(FORMATS)) == tuple(sorted(Form))
    assert tuple(FAILURES) == FAIL_ON


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 0, ""),
        (["--fail-on", "wider"], 0, ""),
        (["--fail-on", "wider,loss"], 1, "ceap: --fail-on wider,loss: new.yaml: 1 data lost\n"),
        (
            ["--fail-on", "wider", "--fail-on", "replacement"],
            1,
            "ceap: --fail-on wider,replacement: new.yaml: 1 replaced\n",
        ),
    ],
)
@pytest.mark.usefixtures("folder")
def test_it_fails_only_on_what_is_named(
    options: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", "new.yaml", "--against", "old.yaml", *options]) == code
    out, err = capsys.readouterr()
    assert out.startswith("against old.yaml\nnew.yaml: 1 replaced, 1 data lost (1 change)\n")
    assert err == said


@pytest.mark.usefixtures("folder")
def test_the_same_file_has_no_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "new.yaml", "--against", "new.yaml", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["diffs"][0]["changes"] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--deployed"], "--deployed: which environment? name it: --deployed --env dev"),
        (["--region", "eu-west-1"], "--profile and --region are for --deployed; without it no account is asked"),
        (["new.yaml", "old.yaml", "--against", "old.yaml"], "--against old.yaml: is one template; name one to compare"),
        (["--against", "old.yaml"], "has no old.yaml; name the template to compare with it: ceap diff TEMPLATE"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_wrong_usage_is_told(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *words]) == 2
    assert message in capsys.readouterr().err


def test_an_unknown_kind_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["diff", "--fail-on", "los"])
    assert "'los' is no kind of change; did you mean loss?" in capsys.readouterr().err


def test_the_page_has_every_kind_of_change_and_its_keys() -> None:
    page = (project.ROOT / "docs/reference/diff.md").read_text(encoding="utf-8")
    rows = {cells[0]: cells[1] for cells in re.findall(r"^\| (`.*?`) \| (`.*`) \|$", page, re.MULTILINE)}
    told = {kind: keys for kinds, keys in rows.items() for kind in re.findall(r"`(\w+)`", kinds)}
    for change in typing.get_args(Change):
        config = change.__struct_config__
        keys = {*change.__struct_encode_fields__}
        assert set(re.findall(r"`(\w+)`", told[config.tag])) == keys, config.tag
