"""Mermaid is not installed: its syntax is held to the few forms that are written, each of which Mermaid 11 parses."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from ceap.graph.chart import Aside, Block, Chart, Kind, Outcome
from ceap.graph.mermaid import draw_mermaid
from tests.graph.support import chart_of
from tests.reference import EXPRESS, GOVERNED, OUTSIDE, OWNED, STANDARD, TRIGGERED

LABEL = r'"(?:[\w .,:/()=+-]|#\d+;|<br/>)*"'
SHAPE = rf"n\d+(?:\[{LABEL}\]|\(\[{LABEL}\]\)|\[\[{LABEL}\]\]|\[/{LABEL}/\]|\[\({LABEL}\)\]|>{LABEL}\]|{{{{{LABEL}}}}})"
FORMS = [
    re.escape('%%{init: {"flowchart": {"wrappingWidth": 480}}}%%'),
    r"flowchart TB",
    rf" +{SHAPE}(?::::\w+)?",
    rf" +n\d+ (?:-->|-\.->)(?:\|{LABEL}\|)? n\d+",
    r"    n\d+ ~~~ n\d+",
    rf"  subgraph (?:machine|watch)\[{LABEL}\]",
    r"    direction TB",
    r"  end",
    r"  classDef \w+ [\w:#,\- ]+",
]
DECLARATIONS = [EXPRESS, STANDARD, TRIGGERED, OUTSIDE, OWNED, GOVERNED]


def strange(text: str) -> list[str]:
    """Return the lines that are none of the forms; `_` in a label is one, since Markdown reads it."""
    assert text.endswith("\n")
    lines = text.removesuffix("\n").split("\n")
    known = [line for line in lines if any(re.fullmatch(form, line, re.ASCII) for form in FORMS)]
    return [line for line in lines if line not in known or any("_" in label for label in re.findall(LABEL, line))]


def renamed(chart: Chart, name: str) -> Chart:
    """Return the chart with a name everywhere a template could have one."""
    states = tuple(msgspec.structs.replace(block, title=name, lines=(name,)) for block in chart.states)
    queue = msgspec.structs.replace(chart.queue, title=name)
    return msgspec.structs.replace(chart, title=name, description=name, queue=queue, states=states, topic=name)


@pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda path: path.stem)
def test_every_line_is_of_a_form_that_mermaid_parses(declaration: Path) -> None:
    assert strange(draw_mermaid(chart_of(declaration))) == []


@pytest.mark.parametrize(
    "name", ["end", "class", "click", "o", 'a"]; b', "$$x^2$$", "`_*bold*_`", "%%{init}%%", "<b>x</b>", "#35;", "a\nb"]
)
def test_no_name_breaks_the_syntax(name: str) -> None:
    assert strange(draw_mermaid(renamed(chart_of(EXPRESS), name))) == []


def test_a_name_reads_as_it_is_where_its_codes_are_characters_again() -> None:
    name = 'end"]#35;<br/>_*`$%&'
    drawn = draw_mermaid(renamed(chart_of(EXPRESS), name))
    label = re.search(r'^    n4\["(.*?)<br/>', drawn, re.MULTILINE)
    assert label
    assert re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label[1]) == name


def test_boxes_that_several_stages_use_are_drawn_once() -> None:
    lines = draw_mermaid(chart_of(EXPRESS)).splitlines()
    [box] = [line.strip() for line in lines if "executions/#123;id#125;/TakeStage/" in line]
    name = box.partition("[")[0]
    edges = [line.strip() for line in lines if re.search(rf"\b{name}\b", line) and "-.->" in line]
    assert edges == [f'n5 -.->|"writes"| {name}', f'{name} -.->|"reads output.json"| n6']


def test_stages_that_call_the_same_action_on_two_things_lead_to_two_boxes() -> None:
    functions = ("OldFunctionArn", "OlderFunctionArn", "OldFunctionArn")
    calls = [(Aside(Kind.CALL, "calls", ("lambda:InvokeFunction", function)),) for function in functions]
    chart = chart_of(EXPRESS)
    states = tuple(
        msgspec.structs.replace(block, asides=asides) for block, asides in zip(chart.states, calls, strict=False)
    )
    lines = draw_mermaid(msgspec.structs.replace(chart, states=states)).splitlines()
    boxes = dict(re.findall(r'(n\d+)>"lambda:InvokeFunction<br/>(\w+)"', "\n".join(lines)))
    assert sorted(boxes.values()) == ["OldFunctionArn", "OlderFunctionArn"]
    called = [boxes[box] for line in lines for box in re.findall(r'"calls"\| (n\d+)', line)]
    assert called == list(functions)


def test_the_stages_follow_each_other_and_the_pipe_leads_to_the_first_state() -> None:
    lines = draw_mermaid(chart_of(EXPRESS)).splitlines()
    assert [line.strip() for line in lines if re.fullmatch(r" +n\d+ --> n\d+", line)] == [
        "n3 --> n4",
        "n4 --> n5",
        "n5 --> n6",
        "n6 --> n7",
        "n7 --> n8",
        "n8 --> n9",
        "n1 --> n2",
        "n2 --> n3",
    ]


def test_the_outcome_of_a_stage_is_its_class_and_its_second_line() -> None:
    failed = Outcome("FAILED", 3, 61.5, "TransientStageError: slow")
    block = Block(Kind.FUNCTION, "TakeStage", outcome=failed)
    drawn = draw_mermaid(msgspec.structs.replace(chart_of(EXPRESS), states=(block,)))
    assert '    n4["TakeStage<br/>failed, 3 attempts in 61.5 s<br/>TransientStageError: slow"]:::failed' in drawn
    assert strange(drawn) == []
