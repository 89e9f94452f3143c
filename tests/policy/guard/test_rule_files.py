from __future__ import annotations

import json
import re
import tarfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

from ceap.cfn.template import parse_template
from ceap.errors import UsageError
from ceap.policy.finding import Fault
from ceap.policy.guard.cfn_guard import DISTRIBUTION
from ceap.policy.guard.engine import Engine
from ceap.policy.guard.rule_files import Result, RuleFailure, RuleFile, evaluate, load_rules, refuse_clashes
from ceap.policy.verdict import GUARD_RULES, judge
from tests.policy.engines import ENGINES
from tests.policy.samples import golden


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine, in turn."""
    chosen: Engine = request.param
    return chosen


def rule_file(text: str, *rules: str) -> RuleFile:
    return RuleFile("own.guard", text, rules or ("R",))


def result(engine: Engine, rules: RuleFile, data: object) -> Result:
    [of_template] = evaluate([json.dumps(data)], [rules], ["t.yaml"], engine)
    return of_template


def failures(engine: Engine, text: str, data: object) -> list[RuleFailure]:
    return result(engine, rule_file(text), data).failures


def failed(place: str, what: str, fix: str = "", rule: str = "R") -> RuleFailure:
    return RuleFailure(rule, Fault(place, what, fix), "")


def test_a_report_of_many_kilobytes_is_read_whole(engine: Engine) -> None:
    resources = {f"Queue{n}": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": n}} for n in range(1, 301)}
    found = failures(
        engine, "rule R { Resources.*.Properties.DelaySeconds == 0 <<[R] delays>> }", {"Resources": resources}
    )
    assert found == [failed(f"/Resources/Queue{n}/Properties/DelaySeconds", "delays") for n in range(1, 301)]


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
        ("Resources.Q { Size > 2 <<[R] wrong>> Size < 1 <<[R] wrong>> }", "/Resources/Q/Size"),
        ("Resources.*[ Type == 'B' ] !empty <<[R] wrong>>", ""),
        ("Resources.Q[ keys == 'None' ] !empty <<[R] wrong>>", ""),
        ("Resources.Q.Size > 'a' <<[R] wrong>>", "/Resources/Q/Size"),
        (
            "Resources.Q.Name == 'x' or Resources.Q.Size == 3 or Resources.Q.Size == 4 <<[R] wrong>>",
            "/Resources/Q/Size",
        ),
        ("Resources.Q.Size == 2 or Resources.Q.List empty <<[R] wrong>>", "/Resources/Q/List"),
        ("when Resources exists { Resources.Q { when Size exists { Size == 2 <<[R] wrong>> } } }", "/Resources/Q/Size"),
        ("Resources.Q.Size == 2 <<\n  [R]\n  wrong;\n>>", "/Resources/Q/Size"),
        ("Resources.*[ Type == 'B' ] !empty <<\n[R] wrong\n>>", ""),
    ],
)
def test_a_failed_clause_is_found_with_its_place_and_message(engine: Engine, clause: str, path: str) -> None:
    data = {"Resources": {"Q": {"Type": "A", "Size": 1, "List": ["a"]}}}
    assert failures(engine, f"rule R {{ {clause} }}", data) == [failed(path, "wrong")]


def test_what_only_decides_whether_a_rule_applies_is_no_finding(engine: Engine) -> None:
    text = """
    rule R {
        when Resources.A.Size == 5 { Resources.A.Name == 'never' <<[R] skipped>> }
        Resources.*[ Size == 2 ].Name == 'b' <<[R] wrong>>
    }
    """
    data = {"Resources": {"A": {"Size": 1, "Name": "a"}, "B": {"Size": 2, "Name": "c"}}}
    assert failures(engine, text, data) == [failed("/Resources/B/Name", "wrong")]


def test_a_clause_without_a_message_is_told_by_its_own_words(engine: Engine) -> None:
    [failure] = failures(engine, "rule R { Resources.Q.Size == 2 }", {"Resources": {"Q": {"Size": 1}}})
    assert failure == failed("/Resources/Q/Size", "does not hold: Resources.Q.Size EQUALS 2")


def test_a_block_over_what_is_not_there_is_told_by_what_is_missing(engine: Engine) -> None:
    found = failures(
        engine, "rule R { Resources.Q.Names[*] { Size == 2 <<[R] wrong>> } }", {"Resources": {"Q": {"Size": 1}}}
    )
    assert found == [failed("/Resources/Q", "does not hold: Names[*] exists")]


def test_each_resource_that_fails_all_alternatives_is_one_finding(engine: Engine) -> None:
    data = {"Resources": {"A": {"Size": 1}, "B": {"Size": 2}, "C": {}}}
    expected = [failed("/Resources/A/Size", "wrong"), failed("/Resources/C", "wrong")]
    assert failures(engine, "rule R { Resources.* { Size == 2 or Size == 3 <<[R] wrong>> } }", data) == expected


def test_a_rule_with_parameters_speaks_for_the_clauses_that_do_not(engine: Engine) -> None:
    data = {"Resources": {"Q": {"Size": 1}}}
    for inner, message in [("", "outer"), ("<<[R] inner>>", "inner")]:
        text = f"rule same(x, y) {{ %x == %y {inner} }}\nrule R {{ same(Resources.Q.Size, 2) <<[R] outer>> }}"
        assert {failure.fault.what for failure in failures(engine, text, data)} == {message}


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("[R] wrong | fix: Size: 2, or 3 | 4", Fault("/Resources/Q/Size", "wrong", "Size: 2, or 3 | 4")),
        ("[CT.SQS.1]: Require it\n[FIX]: Set it", Fault("/Resources/Q/Size", "[CT.SQS.1]: Require it", "Set it")),
        ("[X] wrong", Fault("/Resources/Q/Size", "[X] wrong", "")),
    ],
    ids=["ours", "Control Tower's", "another prefix"],
)
def test_a_message_is_taken_apart_into_fault_and_fix(engine: Engine, message: str, fault: Fault) -> None:
    found = failures(engine, f"rule R {{ Resources.Q.Size == 2 <<{message}>> }}", {"Resources": {"Q": {"Size": 1}}})
    assert [failure.fault for failure in found] == [fault]


def test_a_rule_that_fails_by_another_rule_is_never_without_a_finding(engine: Engine) -> None:
    text = "rule A when Resources exists { Resources.Q.Size == 2 <<[A] wrong>> }\nrule R {\n    A\n}"
    judged = result(engine, rule_file(text, "A", "R"), {"Resources": {"Q": {"Size": 1}}})
    assert judged.verdicts == {"A": "FAIL", "R": "FAIL"}
    assert judged.failures == [
        failed("/Resources/Q/Size", "wrong", rule="A"),
        failed("", "does not hold: A"),
    ]


def test_of_a_rule_declared_for_two_types_the_worst_verdict_counts(engine: Engine) -> None:
    text = "rule R when Resources.A exists { Resources.A == 1 }\nrule R when Resources.B exists { Resources.B == 1 }"
    for data, verdict in [({"A": 1}, "PASS"), ({"A": 1, "B": 2}, "FAIL"), ({"A": 2, "B": 1}, "FAIL"), ({}, "SKIP")]:
        assert result(engine, rule_file(text), {"Resources": data}).verdicts == {"R": verdict}


def test_a_finding_in_the_definition_has_the_line_of_the_template(engine: Engine) -> None:
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
    [judgement] = judge([parse_template(text, "t.yaml")], [rule_file(rule)], lint=False, engine=engine)
    assert judgement.verdicts == {"R": "FAIL"}
    [finding] = judgement.findings
    place = "/Resources/StateMachine/Properties/DefinitionString/States/Score/Retry/0/MaxAttempts"
    assert str(finding) == f"t.yaml:10: R: wrong | found: 3 [{place}]"


def test_a_rule_without_a_verdict_is_an_error(engine: Engine) -> None:
    with pytest.raises(
        UsageError, match=r"t.yaml: Guard gave no verdict on LOST of own.guard, so nothing was judged; rewrite the rule"
    ):
        result(engine, rule_file("rule R { Resources exists }", "R", "LOST"), {"Resources": {}})


def test_rules_that_do_not_parse_are_an_error(engine: Engine) -> None:
    with pytest.raises(UsageError, match=r"^own.guard: Guard cannot read these rules: .* line 1 .*; correct them$"):
        result(engine, rule_file("rule R { Resources ="), {"Resources": {}})


def test_rules_that_the_engine_cannot_evaluate_are_an_error(engine: Engine) -> None:
    text = "rule R { let x = json_parse(Resources.Text)\n %x.a == 1 }"
    with pytest.raises(
        UsageError,
        match=r"^t.yaml: Guard could not evaluate own.guard: .*; correct one of the two, nothing was judged$",
    ):
        result(engine, rule_file(text), {"Resources": {"Text": "{"}})


def test_many_files_and_templates_are_judged_as_each_of_them_alone(engine: Engine) -> None:
    files = [
        RuleFile(f"{n}.guard", f"rule R{n} {{ Resources.A == {n % 3} <<[R{n}] no>> }}", (f"R{n}",)) for n in range(40)
    ]
    data = [json.dumps({"Resources": {"A": value}}) for value in range(3)]
    together = evaluate(data, files, ["a", "b", "c"], engine)
    for text, judged in zip(data, together, strict=True):
        alone = [result for file in files for result in evaluate([text], [file], ["t"])]
        assert judged.verdicts == {rule: verdict for each in alone for rule, verdict in each.verdicts.items()}
        assert set(judged.failures) == {failure for each in alone for failure in each.failures}


def test_of_many_files_and_templates_the_two_that_do_not_go_together_are_named(engine: Engine) -> None:
    files = [rule_file(f"rule R{n} {{ Resources exists }}", f"R{n}") for n in range(19)]
    parses = RuleFile("parses.guard", "rule P { let x = json_parse(Resources.Text)\n %x.a == 1 }", ("P",))
    data = [json.dumps({"Resources": {"Text": text}}) for text in ('{"a": 1}', '{"a": 1}', "{", '{"a": 1}')]
    with pytest.raises(UsageError, match=r"^c.yaml: Guard could not evaluate parses.guard: .* expected node content"):
        evaluate(data, [*files[:13], parses, *files[13:]], ["a.yaml", "b.yaml", "c.yaml", "d.yaml"], engine)
    broken = RuleFile("broken.guard", "rule B {", ("B",))
    with pytest.raises(UsageError, match=r"^broken.guard: Guard cannot read these rules: at line 1 at column "):
        evaluate(data[:2], [*files[:13], broken, *files[13:]], ["a.yaml", "b.yaml"], engine)


def test_no_templates_have_no_results(engine: Engine) -> None:
    assert evaluate([], [rule_file("rule R { Resources exists }")], [], engine) == []


def test_aws_control_tower_rules_all_give_a_verdict_and_findings_with_their_places(
    engine: Engine, tmp_path: Path
) -> None:
    [archive] = [file for file in distribution(DISTRIBUTION).files or () if file.suffix == ".tgz"]
    with tarfile.open(archive.locate()) as tar:
        texts = {
            member.name: stream.read()
            for member in tar
            if member.name.startswith("package/rules/") and member.name.endswith(".guard")
            if (stream := tar.extractfile(member))
        }
    for name, text in texts.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)
    files = load_rules(tmp_path)
    [judged] = evaluate([json.dumps(golden("foundation").data)], files, ["foundation"], engine)
    assert len(files) == len(texts) > 200
    assert {rule for rule, verdict in judged.verdicts.items() if verdict == "FAIL"} == {
        "dynamodb_table_encrypted_kms_check",
        "s3_bucket_default_encryption_kms_check",
        "s3_bucket_logging_enabled_check",
        "s3_bucket_object_lock_enabled_check",
        "s3_bucket_versioning_enabled_check",
        "s3_event_notifications_enabled_check",
    }
    assert {failure.fault.place.split("/")[1] for failure in judged.failures} == {"Resources"}
    assert all(re.match(r"\[CT\.[A-Z0-9.]+\]: Require ", failure.fault.what) for failure in judged.failures)
    assert all(failure.fault.fix for failure in judged.failures)


def test_the_rules_of_a_folder_are_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "b.guard").write_text("# rule COMMENT {\nrule B1 when Resources exists {\n}\n  rule B2\n{ a exists }")
    (tmp_path / "a.guard").write_text("rule A(x) { %x exists }\nrule A1 { a exists <<say\nrule NONE { >> }")
    (tmp_path / "notes.txt").write_text("rule TEXT { }")
    (tmp_path / "below" / "tests").mkdir(parents=True)
    (tmp_path / "below" / "c.ruleset").write_text("rule C { a exists }")
    (tmp_path / "below" / "tests" / "c_tests.yaml").write_text("[]")
    (tmp_path / "folder.guard").mkdir()
    assert [(str(Path(file.file).relative_to(tmp_path)), file.rules) for file in load_rules(tmp_path)] == [
        ("a.guard", ("A1",)),
        ("b.guard", ("B1", "B2")),
        ("below/c.ruleset", ("C",)),
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (None, "there is no such folder"),
        ({}, "has no rules"),
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


@pytest.mark.parametrize("rule_file", load_rules(GUARD_RULES), ids=lambda rule_file: Path(rule_file.file).stem)
def test_each_of_our_files_names_the_page_that_it_rests_on(rule_file: RuleFile) -> None:
    assert re.fullmatch(r"https://(docs\.aws\.amazon\.com|states-language\.net)/\S+\.html", rule_file.source)
