from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from ceap.errors import UsageError
from ceap.policy.guard import cfn_guard
from ceap.policy.guard.engine import Engine, EngineReport
from ceap.policy.guard.joined import join
from ceap.policy.guard.rule_files import RuleFile, evaluate, load_rules
from tests.policy.engines import ENGINES, FASTEST
from tests.policy.mutants import MUTANTS
from tests.policy.samples import KINDS, cases, changed, golden, rules

QUEUES = "let queues = Resources.*[ Type == 'AWS::SQS::Queue' ]\n"
DELAY = f"{QUEUES}rule DELAY when %queues !empty {{\n    %queues.Properties.DelaySeconds == 0 <<[DELAY] late>>\n}}\n"
SIZE = DELAY.replace("DELAY", "SIZE").replace("DelaySeconds", "MaximumMessageSize")


def reports(engine: Engine, texts: Sequence[str], data: Sequence[str]) -> list[EngineReport]:
    """Return what an engine says, in an order that does not depend on that of the texts."""
    return [EngineReport(each.verdicts, sorted(each.failed, key=str)) for each in engine.run_engine(texts, data)]


def test_joined_rules_say_the_same_of_every_case_of_every_rule() -> None:
    texts = [rule_file.text for rule_file in rules()]
    inputs = [case["input"] for rule_file in rules() for case in cases(rule_file) if case["input"].get("Resources")]
    data = [json.dumps(each) for each in inputs]
    assert len(data) > 300
    assert reports(cfn_guard, join(texts), data) == reports(cfn_guard, texts, data)


def test_joined_rules_say_the_same_of_whole_and_of_wrong_templates() -> None:
    texts = [rule_file.text for rule_file in rules()]
    data = [json.dumps(golden(kind).data) for kind in KINDS]
    data += [json.dumps(changed(mutant.kind, mutant.change)) for mutant in MUTANTS[::80]]
    found = reports(cfn_guard, join(texts), data)
    assert found == reports(cfn_guard, texts, data)
    assert sum(bool(report.failed) for report in found) > len(MUTANTS[::80]) * 0.9


def test_our_rules_are_few_texts() -> None:
    assert len(join([rule_file.text for rule_file in rules()])) <= 4


def test_what_two_files_look_up_stands_once() -> None:
    [text] = join([DELAY, SIZE])
    assert text.count("let queues") == 1
    assert (text.count("rule DELAY"), text.count("rule SIZE")) == (1, 1)


@pytest.mark.parametrize(
    "other",
    [
        SIZE.replace("let queues = Resources.*[ Type == 'AWS::SQS::Queue' ]", "let queues = Resources"),
        SIZE.replace("'AWS::SQS::Queue' ]", "'AWS::SQS::Queue'\n]"),
        SIZE.replace("rule SIZE", "rule DELAY"),
    ],
    ids=["another meaning", "the same, written otherwise", "a rule of one name"],
)
def test_files_that_differ_in_a_name_stay_two(other: str) -> None:
    assert len(join([DELAY, other])) == 2


@pytest.mark.parametrize(
    "unusual",
    [
        "Resources exists\n",
        "AWS::SQS::Queue {\n    Properties exists\n}\n",
        SIZE.replace("late>>", "late\nlet queues = Resources\n>>"),
        SIZE + SIZE,
        SIZE + QUEUES,
        SIZE.replace("rule SIZE when", "rule SIZE\nwhen"),
        SIZE.replace("queues", "every_resource_of_the_template"),
    ],
    ids=["a clause", "a type", "a message", "a rule twice", "a name twice", "a condition below", "our name"],
)
def test_what_is_written_in_an_unusual_way_stays_as_it_is(unusual: str) -> None:
    assert join([DELAY, unusual])[1:] == [unusual]


def test_files_after_an_unusual_one_are_joined() -> None:
    unusual = "Resources exists\n"
    [joined, alone] = join([unusual, DELAY, SIZE])
    assert (joined.count("rule DELAY"), joined.count("rule SIZE"), alone) == (1, 1, unusual)


def test_rules_that_cannot_be_read_are_named_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "a.guard").write_text(DELAY)
    (tmp_path / "b.guard").write_text(SIZE.replace("== 0", "=== 0"))
    with pytest.raises(UsageError, match=r"b.guard: Guard cannot read these rules: .*line 3"):
        evaluate(['{"Resources": {}}'], load_rules(tmp_path), ["t.yaml"])


@pytest.mark.parametrize("processors", [1, 2, 5])
@pytest.mark.parametrize("number", [1, 2, 7, 40])
def test_results_do_not_depend_on_how_the_work_is_shared_out(
    processors: int, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [
        RuleFile(f"{name}.guard", SIZE.replace("SIZE", name), (name,)) for name in (f"R{each}" for each in range(40))
    ]
    data = [
        json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"MaximumMessageSize": size % 3}}}})
        for size in range(number)
    ]
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    results = evaluate(data, files, [f"{size}.yaml" for size in range(number)], FASTEST)
    for size, result in enumerate(results):
        verdict = "FAIL" if size % 3 else "PASS"
        assert list(result.verdicts.items()) == [(file.rules[0], verdict) for file in files]
        assert {failure.rule for failure in result.failures} == {f.rules[0] for f in files if size % 3}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", [1, 2, 7])
@pytest.mark.parametrize("processors", [1, 2])
def test_clauses_outside_of_rules_are_called_by_their_file(
    processors: int, number: int, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two such files that get the same number in two calls of the engine would hide each other's verdict."""
    named = [RuleFile(f"{each}.guard", SIZE.replace("SIZE", f"R{each}"), (f"R{each}",)) for each in range(16)]
    broken = RuleFile("broken.guard", "Resources.*.Type == 'X'\nrule B { Resources exists }\n", ("B",), "https://b")
    kept = RuleFile("kept.guard", "Resources exists\nrule K { Resources exists }\n", ("K",))
    data = [json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"MaximumMessageSize": 0}}}})]
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    for result in evaluate(data * number, [broken, kept, *named], [f"{each}.yaml" for each in range(number)], engine):
        assert [*result.verdicts.items()][:4] == [
            ("B", "PASS"),
            ("broken.guard/default", "FAIL"),
            ("K", "PASS"),
            ("kept.guard/default", "PASS"),
        ]
        assert {(each.rule, each.source) for each in result.failures} == {("broken.guard/default", "https://b")}
