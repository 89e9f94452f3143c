from __future__ import annotations

import json

import pytest

from templates.document import DocumentError, json_lines, parse_document, parse_json, walk_scalars


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!Ref Queue", {"Ref": "Queue"}),
        ("!Condition IsProd", {"Condition": "IsProd"}),
        ("!GetAtt Queue.Arn", {"Fn::GetAtt": ["Queue", "Arn"]}),
        ("!GetAtt Nested.Outputs.Arn", {"Fn::GetAtt": ["Nested", "Outputs.Arn"]}),
        ("{'Fn::GetAtt': Queue.Arn}", {"Fn::GetAtt": ["Queue", "Arn"]}),
        ("!GetAtt [Queue, Arn]", {"Fn::GetAtt": ["Queue", "Arn"]}),
        ("!Sub a-${B}", {"Fn::Sub": "a-${B}"}),
        ("!Sub [a, {b: !Ref C}]", {"Fn::Sub": ["a", {"b": {"Ref": "C"}}]}),
        ("!If [A, !Ref B, !Ref 'AWS::NoValue']", {"Fn::If": ["A", {"Ref": "B"}, {"Ref": "AWS::NoValue"}]}),
        ("!Sub 012", {"Fn::Sub": "012"}),
    ],
)
def test_a_short_intrinsic_is_read_in_its_long_form(text: str, value: object) -> None:
    assert parse_document(f"Key: {text}").data == {"Key": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2012-10-17", "2012-10-17"),
        ("'14'", "14"),
        ("14", 14),
        ("0x10", 16),
        ("2.5", 2.5),
        ("true", True),
        ("No", False),
        ("~", None),
        ("", None),
        ("089", "089"),
        ("!!str 14", "14"),
        ("!!int '14'", 14),
    ],
)
def test_a_scalar_is_read_as_cloudformation_reads_it(text: str, value: object) -> None:
    assert parse_document(f"Key: {text}").data == {"Key": value}


def test_a_key_is_text_whatever_it_looks_like() -> None:
    assert parse_document("123456789012: a\nOn: b\n1.0: c\n").data == {"123456789012": "a", "On": "b", "1.0": "c"}


def test_json_is_read_as_json_with_lines() -> None:
    document = parse_document('{\n\t"a": {"b": 1e3, "emoji": "\\ud83d\\ude00"},\n"c\\/d": [null,\n true]}')
    assert document.data == {"a": {"b": 1000.0, "emoji": "😀"}, "c/d": [None, True]}
    assert document.lines == {"": 1, "/a": 2, "/a/b": 2, "/a/emoji": 2, "/c/d": 3, "/c/d/0": 3, "/c/d/1": 4}


def test_yaml_may_begin_with_a_brace() -> None:
    assert parse_document("{a: !Ref b, # why\n c: [1]}").data == {"a": {"Ref": "b"}, "c": [1]}


def test_the_line_of_a_key_is_its_own_and_not_its_values() -> None:
    document = parse_document("A:\n  B:\n    - x\n    - !Sub\n      - y\n      - {Z: 1}\nC: |\n  text\n")
    assert document.lines == {
        "": 1,
        "/A": 1,
        "/A/B": 2,
        "/A/B/0": 3,
        "/A/B/1": 4,
        "/A/B/1/Fn::Sub/0": 5,
        "/A/B/1/Fn::Sub/1": 6,
        "/A/B/1/Fn::Sub/1/Z": 6,
        "/C": 7,
    }
    assert document.blocks == {"/C": 8}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("# nothing\n", 1, "contains only comments"),
        ("a: 1\nb: [", 3, "not YAML: "),
        ("a: 1\n---\nb: 2\n", 2, "a second document begins here; keep one template per file"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", 4, "the key 'c' stands twice, first in line 3; keep one of them"),
        ('{"a": 1,\n"a": 2}', 2, "the key 'a' stands twice, first in line 1; keep one of them"),
        ('{"a":\n{"b" 1}}', 2, "not JSON: Expecting ':' delimiter; correct the syntax"),
        ("{a: &x 1,\nb: *x}", 2, r"CloudFormation refuses YAML aliases \(\*x\)"),
        ("a: &x 1\nb: *x\n", 2, r"CloudFormation refuses YAML aliases \(\*x\); write the value out"),
        ("a: &x [*x]\n", 1, "CloudFormation refuses YAML aliases"),
        ("a: {b: 1}\nc:\n  <<: {d: 1}\n", 3, "CloudFormation refuses YAML merges"),
        ("a:\n  - !!binary eA==\n", 2, "CloudFormation refuses the YAML tag tag:yaml.org,2002:binary"),
        ("? [a]\n: 1\n", 1, "a key is neither text nor a number"),
        ("a: 1\nb: .inf\n", 2, ".inf is not JSON"),
        ('{"a": NaN}', 1, "NaN is not JSON"),
        ("a: !!int x\n", 1, "not YAML: invalid literal"),
        ("a: \x07\n", 1, "not YAML: "),
        ("[" * 100_000, 1, "nested deeper than 100 levels"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, 1, "nested deeper than 100 levels"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_what_cloudformation_would_not_read_is_refused_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(DocumentError, match=message) as caught:
        parse_document(text)
    assert caught.value.line == line


@pytest.mark.parametrize(("begin", "end"), [('{"a":', "}"), ("[", "]")], ids=["mappings", "lists"])
def test_json_may_be_as_deep_as_yaml_and_no_deeper(begin: str, end: str) -> None:
    deepest = begin * 100 + "1" + end * 100
    assert parse_json(deepest) == parse_document(f"# YAML\n{deepest}").data
    for parse in (parse_json, parse_document):
        with pytest.raises(DocumentError, match="nested deeper than 100 levels"):
            parse(begin + deepest + end)


def test_json_is_refused_where_it_is_not_json() -> None:
    with pytest.raises(json.JSONDecodeError):
        parse_json("{a: 1}")


def test_lines_of_a_text_that_is_not_json_are_unknown() -> None:
    assert json_lines("{") == {}


def test_every_scalar_is_walked_with_its_path() -> None:
    value = {"a": [1, {"b": None}], "c": {}, "d": "x"}
    assert list(walk_scalars(value)) == [("/a/0", 1), ("/a/1/b", None), ("/d", "x")]
