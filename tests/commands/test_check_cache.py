"""Verdicts of `ceap check` that are kept, told as those that are not."""

# ruff: noqa: F811 - fixtures of another module are arguments here

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ceap import project
from ceap.cfn.template import Template
from ceap.commands.check import FORMATS
from tests.commands.test_check import OWN, SETTING, WAIVERS, check, folder, own, verdicts  # noqa: F401 (fixtures)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates that were judged, one after another."""
    from ceap.policy import verdict

    files: list[str] = []
    judge = verdict.judge

    def note(templates: Sequence[Template], *arguments: Any, **options: Any) -> list[verdict.Judgement]:
        files.extend(template.file for template in templates)
        return judge(templates, *arguments, **options)

    monkeypatch.setattr(verdict, "judge", note)
    return files


@pytest.mark.parametrize("waivers", [WAIVERS, "waivers: []"])
def test_a_verdict_that_was_kept_is_told_in_the_same_words(
    waivers: str, own: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (own / "waivers.yaml").write_text(waivers)
    for form in FORMATS:
        calls = []
        for options in (["--no-cache"], [], []):
            code = check("b.yaml", "a.yaml", "--format", form, *options)
            calls.append((code, capsys.readouterr()))
        assert calls[0][0] == 1
        assert calls[1:] == calls[:1] * 2
    assert asked == ["b.yaml", "a.yaml"] * (len(FORMATS) + 1)


def test_without_the_cache_none_is_read_and_none_written(own: Path, asked: list[str], verdicts: Path) -> None:
    assert check("a.yaml", "--no-cache") == 1
    assert not verdicts.exists()
    assert (check("a.yaml"), check("a.yaml", "--no-cache")) == (1, 1)
    assert asked == ["a.yaml"] * 3


def test_only_the_changed_template_is_judged_again(
    own: Path, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    check("a.yaml", "b.yaml")
    capsys.readouterr()
    (own / "b.yaml").write_text(SETTING.replace("slow", "fast"))
    assert check("a.yaml", "b.yaml") == 1
    assert asked == ["a.yaml", "b.yaml", "b.yaml"]
    assert [line.partition(" | ")[0] for line in capsys.readouterr().out.splitlines()] == [
        "a.yaml:7: OWN: too slow",
        "b.yaml:5: E3030: 'Text' is not one of ['String', 'StringList'] [/Resources/Setting/Properties/Type]",
        "b.yaml:6: CFN01_NO_NULL: the value is null, which CloudFormation refuses",
    ]


def test_waivers_and_their_days_count_for_a_verdict_that_was_kept(
    own: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (own / "rules/own.guard").write_text(OWN.replace("'fast'", "'slow'"))
    assert check("a.yaml") == 0
    monkeypatch.setattr("ceap.commands.check.today", lambda: date(2027, 2, 1))
    assert check("a.yaml") == 1
    assert "expired on 2027-01-31" in capsys.readouterr().out
    (own / "waivers.yaml").write_text("waivers: []")
    assert check("a.yaml") == 1
    assert capsys.readouterr().out.count("\n") == 2
    assert asked == ["a.yaml"]


def test_own_rules_and_the_engine_are_asked_again_when_they_change(own: Path, asked: list[str]) -> None:
    check("a.yaml")
    (own / "rules/own.guard").write_text(OWN.replace("too slow", "slow"))
    check("a.yaml")
    (own / "ceap.toml").write_text('waivers = "waivers.yaml"\n')
    check("a.yaml")
    check("a.yaml", "--rules", "rules")
    assert asked == ["a.yaml"] * 3


def test_a_kept_verdict_does_not_hide_a_stale_file(
    folder: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(project, "GENERATED", folder / "generated")
    monkeypatch.setattr(project, "SCHEMA", folder / "generated/schema.json")
    monkeypatch.setattr(project, "declarations", list)
    for path, text in project.build_generated():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (folder / "generated/old.json").touch()
    assert (check(), check()) == (1, 1)
    assert asked == ["generated/foundation.template.yaml"]
    first, second = capsys.readouterr().out.splitlines()
    assert first == second == "generated/old.json:1: GEN01_FRESH: no declaration generates this file | fix: remove it"


def test_a_failure_of_the_engine_is_no_verdict_to_keep(
    own: Path, verdicts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (own / "rules/own.guard").write_text("rule OWN {")
    assert check("a.yaml") == 2
    monkeypatch.setattr("ceap.policy.lint.check_lint", lambda template: 1 / 0)
    (own / "rules/own.guard").write_text(OWN)
    assert check("a.yaml") == 4
    assert not verdicts.exists()
