"""What the README shows of the sample."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import handlers
from ceap import project
from ceap.cfn.template import parse_template
from ceap.cli import main
from ceap.policy.verdict import judge, load_all_rules
from templates import discovery
from tests.policy.engines import FASTEST

TEMPLATE = re.compile(r"--template-file (\S+)")
README = (project.ROOT / "README.md").read_text(encoding="utf-8")
DECLARATION = project.WORKFLOWS / "realtime.yaml"


def test_the_declaration_that_it_shows_is_the_committed_one() -> None:
    [shown] = re.findall(r"```yaml\n# workflows/realtime.yaml\n(.*?)```", README, re.DOTALL)
    committed = DECLARATION.read_text(encoding="utf-8")
    for key in ("stage", "handler"):
        names = re.findall(rf"{key}: (\w+)", shown)
        assert names == re.findall(rf"{key}: (\w+)", committed)
        assert len(names) == 5


def test_the_templates_that_it_deploys_inline_are_as_small_as_that_demands() -> None:
    commands = re.findall(r"^aws cloudformation deploy(?:.*\\\n)*.*", README, re.MULTILINE)
    deployed = [(project.ROOT / path, command) for command in commands for path in TEMPLATE.findall(command)]
    large = [path.name for path, _ in deployed if path.stat().st_size > 51_200]
    assert large == [path.name for path, command in deployed if "--s3-bucket" in command]
    assert len(deployed) == 2


def test_a_run_ends_with_the_line_that_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(DECLARATION)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] in README.splitlines()


def test_its_own_handler_is_refused_before_the_store_of_the_sample_by_the_name_of_a_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [module] = re.findall(r"```python\n# handlers/convert.py\n(.*?)```", README, re.DOTALL)
    (tmp_path / "convert.py").write_text(module)
    monkeypatch.setattr(handlers, "__path__", [*handlers.__path__, str(tmp_path)])
    discovery.handler_names.cache_clear()
    convert, store = (
        "{stage: ConvertStage, handler: convert, settings: {currency: EUR}}",
        "{stage: StoreStage, handler: store}",
    )
    (tmp_path / "orders.yaml").write_text(f"name: orders\ntype: EXPRESS\nsteps:\n  - {convert}\n  - {store}\n")
    try:
        assert main(["synth", str(tmp_path / "orders.yaml"), "--stdout"]) == 2
    finally:
        discovery.handler_names.cache_clear()
    assert (
        "orders.yaml:5: steps[1].handler is 'store', which takes Candidate and requires customerId (string), "
        "but ConvertStage yields dict, which promises no field"
    ) in capsys.readouterr().err


def test_a_template_that_breaks_a_rule_is_answered_as_it_shows() -> None:
    [shown] = re.findall(r"```text\n(generated/realtime.*?)\n```", README, re.DOTALL)
    committed = (project.ROOT / "generated/realtime.template.yaml").read_text(encoding="utf-8")
    first = committed.index('"MaxAttempts": 2', committed.index('"ETLStage": {'))
    changed = committed[:first] + '"MaxAttempts": 3' + committed[first + len('"MaxAttempts": 2') :]
    template = parse_template(changed, "generated/realtime.template.yaml")
    [judgement] = judge([template], load_all_rules(), engine=FASTEST, lint=False)
    [found] = [finding for finding in judgement.findings if finding.rule.startswith("P16")]
    told = [
        f"{found.rule}: {found.what}",
        f"    found {found.found}",
        f"    fix   {found.fix}",
        f"    at    {found.path}",
    ]
    _, *expected = re.split(r"yaml:\d+: ", shown, maxsplit=1)  # the line moves with every change of a template
    assert ["\n".join(told)] == expected
    assert changed.splitlines()[found.line - 1].strip().startswith('"MaxAttempts": 3')
