from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from ceap.cfn.template import Template, parse_template
from ceap.errors import UsageError
from ceap.policy.finding import Finding
from ceap.policy.verdict import GUARD_RULES, judge
from ceap.policy.waiver import Waiver, apply_waivers, load_waivers, read_waivers
from tests.policy.samples import rules

RULES = ["P35_LOG_RETENTION", "SEC01_QUEUE_TLS", "CFN01_NO_NULL", "ASL04_DEFINITION_IS_JSON"]
TODAY = date(2026, 6, 1)
TEMPLATE = """\
Resources:
  LogGroup:
    Type: AWS::Logs::LogGroup
  Queue:
    Type: AWS::SQS::Queue
    Metadata:
      ceap:
        waivers:
          - rule: SEC01_QUEUE_TLS
            reason: {reason}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("Resources: {Queue: {Type: AWS::SQS::Queue}}")
    return tmp_path


def template(waivers: str, kind: str = "AWS::SQS::Queue") -> Template:
    text = f"Resources:\n  Queue:\n    Type: {kind}\n    Metadata: {waivers}\n"
    return parse_template(text, "a.yaml")


def in_metadata(fields: str) -> Waiver:
    [waiver] = read_waivers(template(f"{{ceap: {{waivers: [{{{fields}}}]}}}}"), RULES)
    return waiver


def in_file(fields: str) -> Waiver:
    Path("waivers.yaml").write_text(f"waivers:\n  - {{{fields}}}\n")
    [waiver] = load_waivers(Path("waivers.yaml"), RULES)
    return waiver


def found(rule: str, path: str, file: str = "a.yaml") -> Finding:
    return Finding(file, 1, rule, "wrong", "it", path)


def test_a_waiver_in_metadata_is_read_with_its_place() -> None:
    [waiver] = read_waivers(parse_template(TEMPLATE.format(reason="a sandbox"), "a.yaml"), RULES)
    assert waiver == Waiver(
        file="a.yaml",
        line=9,
        rule="SEC01_QUEUE_TLS",
        template=Path("a.yaml").resolve(),
        place="/Resources/Queue",
        reason="a sandbox",
    )
    assert waiver.is_in_source


@pytest.mark.parametrize(
    ("metadata", "reasons"),
    [
        ("{ceap: {own: true, waivers: [{rule: SEC01_QUEUE_TLS, reason: a sandbox}]}}", ["a sandbox"]),
        ("{ceap: {own: true}}", []),
        ("{ceap: {naming: generated, waivers: [{rule: SEC01_QUEUE_TLS, reason: a sandbox}]}}", ["a sandbox"]),
        ("{ceap: {naming: generated}}", []),
        ("{ceap: {naming: generated, own: true}}", []),
    ],
)
def test_a_mark_of_own_resources_and_who_names_a_function_may_stand_beside_waivers(
    metadata: str, reasons: list[str]
) -> None:
    assert [waiver.reason for waiver in read_waivers(template(metadata, "AWS::Lambda::Function"), RULES)] == reasons


def test_who_names_another_resource_than_a_function_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^a\.yaml:4: waiver: must be a mapping with one key, waivers: "):
        read_waivers(template("{ceap: {naming: generated}}"), RULES)


def test_a_mark_that_is_not_true_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^a\.yaml:4: waiver: must be a mapping with one key, waivers: "):
        read_waivers(template("{ceap: {own: 'yes', waivers: []}}"), RULES)


def test_a_waiver_in_a_file_is_read_with_its_place_relative_to_the_file(folder: Path) -> None:
    (folder / "below").mkdir()
    Path("below/waivers.yaml").write_text(
        "waivers:\n"
        "- rule: E3034\n"
        "  template: ../a.yaml\n"
        "  path: /Parameters/Size\n"
        "  reason: |\n"
        "    two\n"
        "    lines\n"
        "  expires: 2027-01-31\n"
    )
    [waiver] = load_waivers(Path("below/waivers.yaml"), RULES)
    assert waiver == Waiver(
        file="below/waivers.yaml",
        line=2,
        rule="E3034",
        template=(folder / "a.yaml").resolve(),
        place="/Parameters/Size",
        reason="two lines",
        expires=date(2027, 1, 31),
    )
    assert not waiver.is_in_source


@pytest.mark.parametrize(
    ("fields", "path", "is_covered"),
    [
        ("resource: Queue, ", "/Resources/Queue", True),
        ("resource: Queue, ", "/Resources/Queue/Properties/DelaySeconds", True),
        ("resource: Queue, ", "/Resources/QueuePolicy", False),
        ("resource: Queue, ", "/Resources", False),
        ("resource: Queue, ", "", False),
        ("path: /Resources/Queue/Properties, ", "/Resources/Queue/Properties/DelaySeconds", True),
        ("path: /Resources/Queue/Properties, ", "/Resources/Queue", False),
        ("", "", True),
        ("", "/Resources", True),
        ("", "/Resources/Queue", False),
        ("", "/Parameters/Size", False),
    ],
)
def test_a_waiver_covers_its_place_and_what_lies_below(fields: str, path: str, is_covered: bool) -> None:
    waiver = in_file(f"rule: SEC01_QUEUE_TLS, template: a.yaml, {fields}reason: x")
    assert waiver.covers(found("SEC01_QUEUE_TLS", path)) == is_covered


@pytest.mark.parametrize(
    ("rule", "file"), [("P35_LOG_RETENTION", "a.yaml"), ("SEC01_QUEUE_TLS", "b.yaml")], ids=["rule", "file"]
)
def test_a_waiver_covers_no_other_rule_and_no_other_file(rule: str, file: str) -> None:
    assert not in_metadata("rule: SEC01_QUEUE_TLS, reason: x").covers(found(rule, "/Resources/Queue", file))


def test_what_is_waived_does_not_count_and_keeps_its_reason() -> None:
    waiver = in_metadata("rule: SEC01_QUEUE_TLS, reason: x")
    waived, kept = found("SEC01_QUEUE_TLS", "/Resources/Queue"), found("P35_LOG_RETENTION", "/Resources/Queue")
    applied = apply_waivers([waived, kept], [waiver], TODAY)
    assert applied.findings == [kept]
    assert [(one.finding, one.waiver) for one in applied.waived] == [(waived, waiver)]
    assert applied.unused == []


@pytest.mark.parametrize(("today", "counts"), [(date(2027, 1, 31), False), (date(2027, 2, 1), True)])
def test_a_waiver_counts_to_the_end_of_the_day_on_which_it_expires(today: date, counts: bool) -> None:
    waiver = in_metadata("rule: SEC01_QUEUE_TLS, reason: x, expires: 2027-01-31")
    applied = apply_waivers([found("SEC01_QUEUE_TLS", "/Resources/Queue")], [waiver], today)
    assert [finding.text for finding in applied.findings] == (
        ["wrong; its waiver (a.yaml:4) expired on 2027-01-31 | fix: it"] if counts else []
    )
    assert (len(applied.waived), applied.unused) == (not counts, [])


def test_a_second_waiver_that_has_not_expired_counts() -> None:
    old = in_metadata("rule: SEC01_QUEUE_TLS, reason: old, expires: 2026-01-31")
    new = in_file("rule: SEC01_QUEUE_TLS, template: a.yaml, resource: Queue, reason: new")
    applied = apply_waivers([found("SEC01_QUEUE_TLS", "/Resources/Queue")], [old, new], TODAY)
    assert [one.waiver.reason for one in applied.waived] == ["new"]


def test_a_waiver_that_covers_nothing_is_unused() -> None:
    waiver = in_metadata("rule: SEC01_QUEUE_TLS, reason: x")
    assert apply_waivers([found("SEC01_QUEUE_TLS", "")], [waiver], TODAY).unused == [waiver]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("rule: SEC01_QUEUE_TSL, reason: x", "there is no rule SEC01_QUEUE_TSL; did you mean SEC01_QUEUE_TLS?"),
        ("rule: SEC01, reason: x", "there is no rule SEC01; did you mean SEC01_QUEUE_TLS?"),
        ("rule: Q, reason: x", "there is no rule Q; allowed: ASL04_DEFINITION_IS_JSON, CFN01_NO_NULL, P35_"),
        ("rule: GEN01_FRESH, reason: x", "GEN01_FRESH cannot be waived: it means that nothing was judged; correct it"),
        ("rule: ASL04_DEFINITION_IS_JSON, reason: x", "ASL04_DEFINITION_IS_JSON cannot be waived"),
        ("rule: E0000, reason: x", "E0000 cannot be waived"),
        ("reason: x", "has no rule; add it"),
        ("rule: CFN01_NO_NULL", "has no reason; add it"),
        ("rule: CFN01_NO_NULL, reason: ' '", "reason is ' '; it must be a text"),
        ("rule: CFN01_NO_NULL, reason: 3", "reason is 3; it must be a text"),
        ("rule: CFN01_NO_NULL, reason: x, until: 2027-01-31", "there is no key 'until'; allowed: expires, "),
        ("rule: CFN01_NO_NULL, reason: x, expire: 2027-01-31", "there is no key 'expire'; did you mean expires?"),
        ("rule: CFN01_NO_NULL, reason: x, expires: 2027", "expires is 2027; it must be a date, e.g. 2027-01-31"),
        ("rule: CFN01_NO_NULL, reason: x, expires: 2027-02-30", "expires is '2027-02-30'; it must be a date"),
        ("rule: CFN01_NO_NULL, reason: x, expires: 20270131", "expires is 20270131; it must be a date"),
        ("rule: CFN01_NO_NULL, reason: x, expires: ~", "expires is None; it must be a date"),
    ],
)
def test_a_malformed_waiver_is_refused_where_it_stands(fields: str, message: str) -> None:
    with pytest.raises(UsageError) as in_template:
        in_metadata(fields)
    assert str(in_template.value).startswith(f"a.yaml:4: waiver: {message}")
    with pytest.raises(UsageError) as of_file:
        in_file(f"{fields}, template: a.yaml")
    assert str(of_file.value).startswith(f"waivers.yaml:2: waiver: {message}")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("rule: E3034, reason: x", "waivers.yaml:2: waiver: has no template; add it"),
        (
            "rule: E3034, reason: x, template: b.yaml",
            "waivers.yaml:2: waiver: there is no template b.yaml; correct the path",
        ),
        (
            "rule: E3034, reason: x, template: a.yaml, resource: A, path: /A",
            "waivers.yaml:2: waiver: has both a resource and a path; keep one of them",
        ),
        (
            "rule: E3034, reason: x, template: a.yaml, path: Queue",
            "waivers.yaml:2: waiver: the path is 'Queue'; write it as findings do, /Resources/Queue/...",
        ),
    ],
)
def test_a_waiver_of_a_file_must_say_of_what(fields: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        in_file(fields)
    assert str(caught.value).startswith(message)


def test_metadata_names_no_other_template() -> None:
    with pytest.raises(UsageError, match="there is no key 'template'; allowed: expires, reason, rule"):
        in_metadata("rule: E3034, reason: x, template: b.yaml")


@pytest.mark.parametrize("shape", ["[]", "{waivers: {}}", "{waivers: [x]}", "{waiver: []}", "x", ""])
def test_what_is_no_list_of_waivers_is_refused(shape: str) -> None:
    with pytest.raises(UsageError, match=r"^a.yaml:4: waiver: must be a mapping with one key, waivers: a list of"):
        read_waivers(template(f"{{ceap: {shape}}}"), RULES)


@pytest.mark.parametrize("metadata", ["", "x", "[]", "{other: 1}"])
def test_other_metadata_is_left_alone(metadata: str) -> None:
    assert read_waivers(template(metadata), RULES) == []


def test_the_waivers_that_the_documentation_shows_are_read() -> None:
    page = (GUARD_RULES.parent / "docs/reference/check.md").read_text(encoding="utf-8")
    metadata, file = (block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "waivers:" in block)
    Path("generated").mkdir()
    Path("generated/orders.template.yaml").touch()
    Path("waivers.yaml").write_text(file)
    [of_file] = load_waivers(Path("waivers.yaml"), [*RULES, "P24_JOB_DOES_NOT_RETRY"])
    template = parse_template(metadata, "a.yaml")
    [in_source] = read_waivers(template, [*RULES, "SEC06_DATA_STAYS"])
    assert (of_file.place, of_file.expires) == ("/Resources/HeavyETLJob", None)
    assert (in_source.place, in_source.expires) == ("/Resources/Archive", date(2027, 1, 31))
    [judgement] = judge([template], rules(), lint=False)
    assert apply_waivers(judgement.findings, [in_source], date(2027, 1, 31)).unused == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "waivers.yaml: cannot be read: No such file or directory; name a file of waivers in ceap.toml"),
        (b"\xff", "waivers.yaml: not a text file (UTF-8); waivers are YAML"),
        (b"waivers:\n- {rule: A, rule: B}\n", "waivers.yaml:2: the key 'rule' stands twice"),
        (b"- rule: A\n", "waivers.yaml:1: waiver: must be a mapping with one key, waivers"),
        (b"", "waivers.yaml:1: contains only"),
    ],
)
def test_a_file_that_holds_no_waivers_is_refused(content: bytes | None, message: str) -> None:
    if content is not None:
        Path("waivers.yaml").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        load_waivers(Path("waivers.yaml"), RULES)
    assert str(caught.value).startswith(message)
