from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ceap import project
from ceap.cli import main
from ceap.commands.check import FORMATS
from templates.render import render
from templates.stacks import foundation_stack
from tests import processes
from tests.policy.engines import load_lint, needs_library
from tests.reference import EXPRESS
from tests.terminals import read_all

RULES_PAGE = project.ROOT / "docs/reference/rules.md"
SETTING = """\
Resources:
  Setting:
    Type: AWS::SSM::Parameter
    Properties:
      Type: Text
      Description: ~
      Value: slow
  Reading:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: '2012-10-17'
        Statement: [{Effect: Allow, Action: [s3:GetObject], Resource: ['arn:aws:s3:::b/k']}]
"""
OWN = "rule OWN { Resources.Setting.Properties.Value == 'fast' <<[OWN] too slow | fix: fast>> }"
OWN_CATALOGUE = "rules:\n  OWN: {title: No delay, why: Orders wait., fix: Set 0.}\n"
WAIVERS = """\
waivers:
- {rule: E3030, template: a.yaml, resource: Setting, reason: a sandbox, expires: 2027-01-31}
- {rule: CFN01_NO_NULL, template: a.yaml, resource: Setting, reason: kept elsewhere}
- {rule: SEC01_QUEUE_TLS, template: b.yaml, resource: Setting, reason: of a template that nobody asks for}
"""


def check(*arguments: object) -> int:
    return main(["check", *map(str, arguments)])


@pytest.fixture(autouse=True)
def verdicts(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Verdicts are kept in a folder of the test's own, and of the code as it was when the test began."""
    load_lint()
    folder = tmp_path_factory.mktemp("environment") / "verdicts"
    monkeypatch.setattr("ceap.policy.verdict_cache.place", lambda: folder)
    monkeypatch.setattr("ceap.policy.inputs.read_inputs", lambda: "inputs")
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("own_project")
def test_the_project_is_clean(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(project.ROOT)
    assert check() == 0
    out, err = capsys.readouterr()
    assert out == ""
    rules = r"rules: \d+ pass, 0 fail, \d+ not applicable; 0 findings"
    assert re.fullmatch(
        rf"generated/: \d+ files, all fresh\n(generated/[a-z0-9-]+\.template\.yaml: {rules}\n)+"
        r"0 findings in \d+ templates\n",
        err,
    )


def test_a_stale_a_missing_and_a_left_over_file_are_findings(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(project, "GENERATED", folder / "generated")
    monkeypatch.setattr(project, "SCHEMA", folder / "schema.json")
    monkeypatch.setattr(project, "declarations", lambda: [EXPRESS])
    (folder / "generated").mkdir()
    stale = render(foundation_stack())
    (folder / "generated" / "foundation.template.yaml").write_text(
        stale.replace("ExpirationInDays: 7", "ExpirationInDays: 8")
    )
    (folder / "generated" / "old.template.yaml").write_text(SETTING)
    line = stale[: stale.index("ExpirationInDays: 7")].count("\n") + 1
    place = f"generated/foundation.template.yaml:{line}"
    assert check() == 1
    out, err = capsys.readouterr()
    assert [text.split(" | ")[0] for text in out.splitlines()] == [
        "generated/deploy.template.yaml:1: GEN01_FRESH: the file is missing",
        "generated/express.template.yaml:1: GEN01_FRESH: the file is missing",
        f"{place}: GEN01_FRESH: differs from what the declarations generate",
        f"{place}: P07_EXECUTIONS_EXPIRE: executions do not expire after 7 days",
        "generated/old.template.yaml:1: GEN01_FRESH: no declaration generates this file",
        "schema.json:1: GEN01_FRESH: the file is missing",
    ]
    assert err.startswith("generated/: 4 files, 5 not fresh\n")
    assert check("--format", "sarif") == 1
    assert capsys.readouterr().out.count('"ruleId": "GEN01_FRESH"') == 5
    assert err.endswith(f"; why each rule is there, and what to do: {os.path.relpath(RULES_PAGE)}\n")


def test_findings_of_any_template_go_to_standard_output_by_file_and_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("b.yaml").write_text(SETTING)
    Path("a.yaml").write_text("# moved\n" + SETTING)
    assert check("b.yaml", "a.yaml", "b.yaml") == 1
    out, err = capsys.readouterr()
    assert [" ".join(line.split()[:2]) for line in out.splitlines()] == [
        "a.yaml:6: E3030:",
        "a.yaml:7: CFN01_NO_NULL:",
        "b.yaml:5: E3030:",
        "b.yaml:6: CFN01_NO_NULL:",
    ]
    assert [line.partition(":")[0] for line in err.splitlines()[:-1]] == ["b.yaml", "a.yaml"]


@pytest.fixture
def own(folder: Path) -> Path:
    """A project with a template, rules of its own and waivers of all that is found, as its ceap.toml says."""
    (folder / "rules").mkdir()
    (folder / "rules/own.guard").write_text(OWN)
    (folder / "rules/catalogue.yaml").write_text(OWN_CATALOGUE)
    (folder / "a.yaml").write_text(SETTING)
    (folder / "b.yaml").write_text(SETTING)
    (folder / "waivers.yaml").write_text(WAIVERS)
    (folder / "ceap.toml").write_text('rules = ["rules"]\nwaivers = "waivers.yaml"\n')
    return folder


def test_json_tells_the_same(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "waivers.yaml").write_text("waivers: []")
    assert check("a.yaml", "--format", "json") == 1
    report = json.loads(capsys.readouterr().out)
    assert [(finding["line"], finding["rule"], finding["path"]) for finding in report["findings"]] == [
        (5, "E3030", "/Resources/Setting/Properties/Type"),
        (6, "CFN01_NO_NULL", "/Resources/Setting/Properties/Description"),
        (7, "OWN", "/Resources/Setting/Properties/Value"),
    ]
    [template] = report["templates"]
    assert template["file"] == "a.yaml"
    assert (template["rules"]["OWN"], template["rules"]["P41_PIPE"]) == ("FAIL", "SKIP")


def test_rules_of_ones_own_are_judged_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        Path(name).mkdir()
        Path(f"{name}/own.guard").write_text(OWN.replace("OWN", name.upper()))
    Path("a.yaml").write_text(SETTING.replace("Text", "String").replace("~", "x"))
    assert check("a.yaml", "--rules", "one", "--rules", "two") == 1
    place = 'too slow | found: "slow" | fix: fast [/Resources/Setting/Properties/Value]\n'
    assert capsys.readouterr().out == f"a.yaml:7: ONE: {place}a.yaml:7: TWO: {place}"


def test_the_project_says_which_rules_and_waivers_count(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("a.yaml") == 1
    out, err = capsys.readouterr()
    assert out == 'a.yaml:7: OWN: too slow | found: "slow" | fix: fast [/Resources/Setting/Properties/Value]\n'
    reference = os.path.relpath(RULES_PAGE)
    assert err.splitlines()[:2] + err.splitlines()[3:] == [
        "a.yaml:5: E3030: 'Text' is not one of ['String', 'StringList']; waived until 2027-01-31: a sandbox "
        "[/Resources/Setting/Properties/Type]",
        "a.yaml:6: CFN01_NO_NULL: the value is null, which CloudFormation refuses; waived: kept elsewhere "
        "[/Resources/Setting/Properties/Description]",
        f"1 finding in 1 template, 2 waived; why each rule is there, and what to do: {reference}",
    ]
    assert err.splitlines()[2].endswith(" not applicable; 1 finding, 2 waived")


def test_the_rules_of_the_project_may_be_named_again(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (own / ".git").mkdir()
    monkeypatch.chdir(own / "rules")
    assert check("../a.yaml", "--rules", own / "rules") == 1
    assert capsys.readouterr().out.count(" OWN: ") == 1


def test_an_expired_waiver_counts_no_more(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ceap.commands.check.today", lambda: date(2027, 2, 1))
    assert check("a.yaml") == 1
    assert [line.split(" [/")[0] for line in capsys.readouterr().out.splitlines()] == [
        "a.yaml:5: E3030: 'Text' is not one of ['String', 'StringList']; "
        "its waiver (waivers.yaml:2) expired on 2027-01-31",
        'a.yaml:7: OWN: too slow | found: "slow" | fix: fast',
    ]


def test_all_waived_is_clean_and_an_unused_waiver_is_a_warning(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "rules/own.guard").write_text(OWN.replace("'fast'", "'slow'"))
    (own / "waivers.yaml").write_text(WAIVERS.replace("b.yaml", "a.yaml"))
    assert check("a.yaml") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "\nwaivers.yaml:4: warning: this waiver of SEC01_QUEUE_TLS matches no finding | fix: remove it\n" in err


def test_a_waiver_in_metadata_counts_in_every_format(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waiver = "    Metadata: {ceap: {waivers: [{rule: OWN, reason: a sandbox}]}}\n"
    (own / "a.yaml").write_text(SETTING.replace("  Reading:\n", f"{waiver}  Reading:\n"))
    for form in FORMATS:
        assert check("a.yaml", "--format", form) == 0
    out = capsys.readouterr().out
    assert out.count("a sandbox") == 6
    assert '"kind": "inSource"' in out


@needs_library
def test_the_library_finds_the_same_as_the_binary(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "waivers.yaml").write_text("waivers: []")
    assert check("a.yaml") == 1
    found = capsys.readouterr()
    assert check("a.yaml", "--engine", "library") == 1
    assert capsys.readouterr() == found


@needs_library
def test_where_the_binary_has_no_build_it_says_that_the_library_judges(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.yaml").write_text(SETTING)
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert check("a.yaml") == 1
    first, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith("ceap: cfn-guard, which judges the rules, has no build for ")
    assert first.endswith("; the library cfn-guard-rs judges instead")


def test_a_waiver_of_no_rule_ends_with_one_message_and_code_2(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "waivers.yaml").write_text(WAIVERS.replace("SEC01_QUEUE_TLS", "SEC01_QUEUE_TSL"))
    assert check("a.yaml") == 2
    assert capsys.readouterr() == (
        "",
        "ceap: waivers.yaml:4: waiver: there is no rule SEC01_QUEUE_TSL; did you mean SEC01_QUEUE_TLS?\n",
    )


def test_sarif_has_both_tools_and_the_words_of_the_catalogues(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / ".git").mkdir()
    assert check("a.yaml", "--format", "sarif") == 1
    ours, lint = json.loads(capsys.readouterr().out)["runs"]
    titles = {rule["id"]: rule["shortDescription"]["text"] for rule in ours["tool"]["driver"]["rules"]}
    assert titles["OWN"] == "No delay"
    assert titles["P41_PIPE"] == "A pipe delivers messages from the queue to the state machine, one at a time"
    assert titles["GEN01_FRESH"] == "The files in generated/ are what the declarations generate"
    assert [(result["ruleId"], len(result["suppressions"])) for result in (*ours["results"], *lint["results"])] == [
        ("CFN01_NO_NULL", 1),
        ("OWN", 0),
        ("E3030", 1),
    ]


def test_junit_has_a_case_of_every_rule(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("a.yaml", "--format", "junit") == 1
    [suite] = ET.fromstring(capsys.readouterr().out)
    outcomes = {case.attrib["name"]: [child.tag for child in case] for case in suite}
    assert (outcomes["OWN"], outcomes["E3030"], outcomes["ASL05_TOKENS_SUBSTITUTED"]) == (["failure"], ["skipped"], [])


def test_an_output_that_cannot_carry_a_name_gets_it_escaped(folder: Path) -> None:
    Path("größe.yaml").write_text(SETTING, encoding="utf-8")
    code = "import sys; from ceap.cli import main; sys.exit(main(['check', 'größe.yaml']))"
    environment = {"PATH": os.defpath, "PYTHONPATH": str(project.ROOT), "PYTHONIOENCODING": "ascii"}
    done = processes.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout[:27]) == (1, "gr\\xf6\\xdfe.yaml:5: E3030: ")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(("no_color", "begin"), [("", "\x1b[1ma.yaml:5\x1b[0m: "), ("1", "a.yaml:5: E3030: ")])
def test_a_terminal_is_shown_paragraphs_in_colour(no_color: str, begin: str, folder: Path) -> None:
    import pty

    Path("a.yaml").write_text(SETTING)
    environment = {"PATH": os.defpath, "PYTHONPATH": str(project.ROOT), **({"NO_COLOR": no_color} if no_color else {})}
    code = "import sys; from ceap.cli import main; sys.exit(main(['check', 'a.yaml']))"
    master, slave = pty.openpty()
    done = processes.run([sys.executable, "-c", code], env=environment, stdout=slave, stderr=slave, check=False)
    os.close(slave)
    assert (done.returncode, read_all(master)[: len(begin)]) == (1, begin)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "wrong.yaml: there is no such file; name a template"),
        (b"", "wrong.yaml: the file is empty; name a CloudFormation template"),
        (b"\x80\x81\x00", "wrong.yaml: not a text file (UTF-8); a template is YAML or JSON"),
        (b"name: express\n", "wrong.yaml: not a CloudFormation template: it has no Resources; name another file"),
        (b"Resources: [\n", "wrong.yaml:2: not YAML: "),
        (b"a: 1\n---\nb: 1\n", "wrong.yaml:2: a second document begins here; keep one template per file"),
        (b"[" * 100_000, "wrong.yaml:1: nested deeper than 100 levels; write it flatter"),
    ],
    ids=["missing", "empty", "binary", "no template", "no YAML", "several documents", "brackets"],
)
def test_a_file_that_cannot_be_judged_ends_with_one_message_and_code_2(
    content: bytes | None, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        Path("wrong.yaml").write_bytes(content)
    Path("right.yaml").write_text(SETTING)
    assert check("right.yaml", "wrong.yaml") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"ceap: {message}")


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (None, "rules: there is no such folder; name one with .guard files"),
        ("", "rules/own.guard: declares no rule, so it could never fail"),
        ("rule OWN {", "rules/own.guard: Guard cannot read these rules: "),
        ("rule P41_PIPE { Resources exists }", "rules/own.guard: the rule P41_PIPE is already in "),
    ],
    ids=["no folder", "no rule", "no Guard", "a name of ours"],
)
def test_rules_that_cannot_be_judged_end_with_one_message_and_code_2(
    rules: str | None, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.yaml").write_text(SETTING)
    if rules is not None:
        Path("rules").mkdir()
        Path("rules/own.guard").write_text(rules)
    assert check("a.yaml", "--rules", "rules") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"ceap: {message}")


@pytest.mark.parametrize("form", ["html", "xml"])
def test_a_format_that_is_not_there_is_a_wrong_usage(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        check("--format", form)
    assert caught.value.code == 2
    assert "choose from" in capsys.readouterr().err


def test_cfn_lint_is_not_loaded_before_it_is_needed(tmp_path: Path) -> None:
    code = (
        "import sys; from ceap.cli import main; code = main(['check', 'none.yaml']); "
        "sys.exit(code if not any('cfnlint' in name for name in sys.modules) else 99)"
    )
    environment = {"PATH": os.defpath, "PYTHONPATH": str(project.ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 2


def test_a_folder_is_no_template(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(folder) == 2
    assert "cannot be read: Is a directory; name a readable template file" in capsys.readouterr().err


def test_a_template_to_which_no_rule_applies_is_a_finding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.yaml").write_text("Resources:\n  Wait: {Type: AWS::CloudFormation::WaitConditionHandle}\n")
    assert check("a.yaml") == 1
    assert capsys.readouterr().out.startswith("a.yaml:1: GEN03_JUDGED: no Guard rule applies to anything in this")


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("rules/more.guard", "rules/more.guard: cannot be read: No such file or directory"),
        ("rules/more", "rules/more: is a link to a folder; name that folder itself"),
        ("ceap.toml", "ceap.toml: cannot be read: No such file or directory"),
    ],
)
def test_what_a_link_would_leave_out_is_refused(
    link: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.yaml").write_text(SETTING)
    (folder / "rules").mkdir()
    (folder / "rules/own.guard").write_text(OWN)
    (folder / link).symlink_to(folder if link == "rules/more" else folder / "nowhere")
    assert check("a.yaml", "--rules", "rules") == 2
    assert capsys.readouterr().err.startswith(f"ceap: {message}")


def test_deep_toml_is_refused_by_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "ceap.toml").write_text(f"x = {'[' * 5000}{']' * 5000}\n")
    assert check("a.yaml") == 2
    assert (
        capsys.readouterr().err == "ceap: ceap.toml: is nested too deeply; its keys are rules, waivers, bytecode, env\n"
    )
