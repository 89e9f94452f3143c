from __future__ import annotations

import json
from pathlib import Path

import pytest

from ceap.errors import UsageError
from ceap.policy.guard import Failure, Result, RuleFile, evaluate, load_rules, refuse_clashes
from ceap.policy.template import parse_template
from ceap.policy.verdict import judge


def rule_file(text: str, *rules: str) -> RuleFile:
    return RuleFile("own.guard", text, rules or ("R",))


def result(rules: RuleFile, data: object) -> Result:
    [of_template] = evaluate([json.dumps(data)], [rules], ["t.yaml"])
    return of_template


def failures(text: str, data: object) -> list[Failure]:
    return result(rule_file(text), data).failures


def test_a_report_of_many_kilobytes_is_read_whole() -> None:
    resources = {f"Queue{n}": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": n}} for n in range(1, 301)}
    found = failures("rule R { Resources.*.Properties.DelaySeconds == 0 <<[R] delays>> }", {"Resources": resources})
    assert found == [Failure("R", f"/Resources/Queue{n}/Properties/DelaySeconds", "[R] delays") for n in range(1, 301)]


@pytest.mark.parametrize(
    ("clause", "path"),
    [
        ("Resources.Q.Size == 2 <<[R] wrong>>", "/Resources/Q/Size"),
        ("Resources.Q.Size in [2, 3] <<[R] wrong>>", "/Resources/Q/Size"),
        ("Resources.Q.Size not exists <<[R] wrong>>", "/Resources/Q/Size"),
        ("Resources.Q.Name == 'x' <<[R] wrong>>", "/Resources/Q"),
        ("Resources.Q.Name exists <<[R] wrong>>", "/Resources/Q"),
        ("Resources.Q.List empty <<[R] wrong>>", "/Resources/Q/List"),
        ("some Resources.Q.List[*] == 'b' <<[R] wrong>>", "/Resources/Q/List/0"),
        ("Resources.Q[ keys != /^(Size|List)$/ ] empty <<[R] wrong>>", "/Resources/Q/Type"),
        ("Resources.Q.Size == 2 or Resources.Q.Size == 3 <<[R] wrong>>", "/Resources/Q/Size"),
        ("Resources.Q { Size == 2 <<[R] wrong>> }", "/Resources/Q/Size"),
        ("Resources.*[ Type == 'B' ] !empty <<[R] wrong>>", ""),
    ],
)
def test_a_failed_clause_is_found_with_its_place_and_message(clause: str, path: str) -> None:
    data = {"Resources": {"Q": {"Type": "A", "Size": 1, "List": ["a"]}}}
    assert failures(f"rule R {{ {clause} }}", data) == [Failure("R", path, "[R] wrong")]


def test_what_only_decides_whether_a_rule_applies_is_no_finding() -> None:
    text = """
    rule R {
        when Resources.A.Size == 5 { Resources.A.Name == 'never' <<[R] skipped>> }
        Resources.*[ Size == 2 ].Name == 'b' <<[R] wrong>>
    }
    """
    data = {"Resources": {"A": {"Size": 1, "Name": "a"}, "B": {"Size": 2, "Name": "c"}}}
    assert failures(text, data) == [Failure("R", "/Resources/B/Name", "[R] wrong")]


def test_a_clause_without_a_message_is_told_by_its_own_words() -> None:
    [failure] = failures("rule R { Resources.Q.Size == 2 }", {"Resources": {"Q": {"Size": 1}}})
    assert failure == Failure("R", "/Resources/Q/Size", "does not hold: Resources.Q.Size EQUALS 2")


def test_a_rule_that_fails_by_another_rule_is_never_without_a_finding() -> None:
    text = "rule A when Resources exists { Resources.Q.Size == 2 <<[A] wrong>> }\nrule R {\n    A\n}"
    judged = result(rule_file(text, "A", "R"), {"Resources": {"Q": {"Size": 1}}})
    assert judged.verdicts == {"A": "FAIL", "R": "FAIL"}
    assert judged.failures == [
        Failure("A", "/Resources/Q/Size", "[A] wrong"),
        Failure("R", "", "does not hold: A"),
    ]


def test_of_a_rule_declared_for_two_types_the_worst_verdict_counts() -> None:
    text = "rule R when Resources.A exists { Resources.A == 1 }\nrule R when Resources.B exists { Resources.B == 1 }"
    for data, verdict in [({"A": 1}, "PASS"), ({"A": 1, "B": 2}, "FAIL"), ({"A": 2, "B": 1}, "FAIL"), ({}, "SKIP")]:
        assert result(rule_file(text), {"Resources": data}).verdicts == {"R": verdict}


def test_a_finding_in_the_definition_has_the_line_of_the_template() -> None:
    text = """\
Resources:
  StateMachine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      DefinitionString: |
        {
          "States": {
            "Score": {
              "Retry": [
                {"MaxAttempts": 3}
              ]
            }
          }
        }
"""
    rule = """
    rule R {
        let asl = json_parse(Resources.StateMachine.Properties.DefinitionString)
        %asl.States.*.Retry[*].MaxAttempts == 2 <<[R] wrong>>
    }
    """
    [judgement] = judge([parse_template(text, "t.yaml")], [rule_file(rule)], lint=False)
    assert judgement.verdicts == {"R": "FAIL"}
    [finding] = judgement.findings
    place = "/Resources/StateMachine/Properties/DefinitionString/States/Score/Retry/0/MaxAttempts"
    assert str(finding) == f"t.yaml:10: R: [R] wrong | found: 3 [{place}]"


def test_a_rule_without_a_verdict_is_an_error() -> None:
    with pytest.raises(
        UsageError, match=r"t.yaml: Guard gave no verdict on LOST of own.guard, so nothing was judged; write it anew"
    ):
        result(rule_file("rule R { Resources exists }", "R", "LOST"), {"Resources": {}})


def test_rules_that_do_not_parse_are_an_error() -> None:
    with pytest.raises(UsageError, match=r"^own.guard: Guard cannot read these rules: .* line 1 .*; correct them$"):
        result(rule_file("rule R { Resources ="), {"Resources": {}})


def test_rules_that_the_engine_cannot_evaluate_are_an_error() -> None:
    text = "rule R { let x = json_parse(Resources.Text)\n %x.a == 1 }"
    with pytest.raises(
        UsageError,
        match=r"^t.yaml: Guard could not evaluate own.guard: .*; correct one of the two, nothing was judged$",
    ):
        result(rule_file(text), {"Resources": {"Text": "{"}})


def test_the_rules_of_a_folder_are_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "b.guard").write_text("# rule COMMENT {\nrule B1 when Resources exists {\n}\n  rule B2\n{ a exists }")
    (tmp_path / "a.guard").write_text("rule A(x) { %x exists }\nrule A1 { a exists <<say\nrule NONE { >> }")
    (tmp_path / "notes.txt").write_text("rule TEXT { }")
    assert [(Path(file.file).name, file.rules) for file in load_rules(tmp_path)] == [
        ("a.guard", ("A1",)),
        ("b.guard", ("B1", "B2")),
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (None, "there is no such folder"),
        ({}, "holds no rules"),
        ({"a.guard": b""}, "a.guard: declares no rule, so it could never fail"),
        ({"a.guard": b"let x = Resources.*"}, "a.guard: declares no rule, so it could never fail"),
        ({"a.guard": b"\xff\xfe"}, "a.guard: not a text file"),
    ],
    ids=["missing", "empty folder", "empty file", "definitions only", "binary"],
)
def test_a_folder_without_usable_rules_is_refused(files: dict[str, bytes] | None, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    if files is not None:
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        load_rules(folder)


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match=r"b.guard: the rule R is already in a.guard; rename one of them"):
        refuse_clashes([RuleFile("a.guard", "", ("R", "R")), RuleFile("b.guard", "", ("R",))])
