"""The records of each stage as a flow: widths to one scale, and every number as text."""

from __future__ import annotations

from ceap.local.page.flow import draw_flow
from tests.local.page.support import attributes, stage, texts

RECT = ".//svg[@class='bar']/rect"


def rectangles(markup: str) -> list[tuple[str, ...]]:
    return attributes(markup, RECT, "class", "x", "width")


def test_a_stage_shows_what_it_took_above_what_became_of_it() -> None:
    one = stage(recordsIn=80, recordsExpanded=20, recordsOut=60, recordsRejected=20, recordsMerged=15, recordsStale=5)
    drawn = draw_flow([one])
    assert rectangles(drawn) == [
        ("in", "0.0", "787.2"),
        ("expanded", "787.2", "196.8"),
        ("out", "0.0", "590.4"),
        ("rejected", "590.4", "196.8"),
        ("merged", "787.2", "147.6"),
        ("stale", "934.8", "49.2"),
    ]
    numbers = "80 in, 20 expanded, 60 out, 20 rejected, 15 merged, 5 stale"
    assert texts(drawn, ".//svg/title") == ["Records of SiftStage"]
    assert texts(drawn, ".//svg/desc") == [numbers]
    assert texts(drawn, ".//div[@class='numbers']") == [numbers.replace(",", "")]
    kinds = ["in", "expanded", "out", "rejected", "merged", "stale"]
    assert texts(drawn, ".//ul[@class='legend']/li") == kinds
    assert attributes(drawn, ".//ul[@class='legend']//span", "class") == [(f"key {kind}",) for kind in kinds]
    assert attributes(drawn, ".//div[@class='numbers']//span", "class") == [(f"amount {kind}",) for kind in kinds]


def test_what_passes_to_the_next_stage_narrows_to_what_that_took() -> None:
    drawn = draw_flow([stage("A", recordsIn=100, recordsOut=100), stage("B", recordsIn=50, recordsOut=50)])
    assert attributes(drawn, ".//svg[@class='passage']/path", "d") == [("M0 0H984.0L492.0 100H0Z",)]


def test_one_of_a_hundred_thousand_can_be_seen_and_no_line_is_wider_than_the_drawing() -> None:
    drawn = draw_flow([stage(recordsIn=100_000, recordsOut=99_997, recordsRejected=1, recordsMerged=1, recordsStale=1)])
    assert [width for _, _, width in rectangles(drawn)][2:] == ["4.0", "4.0", "4.0"]
    assert max(float(left) + float(width) for _, left, width in rectangles(drawn)) <= 1000


def test_fifteen_stages_are_drawn_in_their_order() -> None:
    names = [f"Number{number}Stage" for number in range(15)]
    drawn = draw_flow([stage(name, recordsIn=9 - n // 2, recordsOut=8 - n // 2) for n, name in enumerate(names)])
    assert texts(drawn, ".//ol/li//h3") == names


def test_a_stage_that_yields_none_of_its_records_says_so() -> None:
    drawn = draw_flow([stage(recordsIn=3, recordsRejected=3, rejections={"DROPPED": 2, "OTHER": 1})])
    assert rectangles(drawn) == [("in", "0.0", "984.0"), ("rejected", "0.0", "984.0")]
    assert texts(drawn, ".//div[@class='numbers']/p") == [
        "3 in 0 out 3 rejected",
        "yielded none of 3 records",
        "rejected: 2 DROPPED, 1 OTHER",
    ]


def test_a_stage_without_records_has_an_empty_drawing() -> None:
    drawn = draw_flow([stage()])
    assert (rectangles(drawn), texts(drawn, ".//div[@class='numbers']")) == ([], ["0 in 0 out"])


def test_a_stage_without_a_document_tells_whether_it_ran() -> None:
    nothing = dict.fromkeys(f"records{kind}" for kind in ("In", "Out", "Expanded", "Rejected", "Merged", "Stale"))
    failed = stage("A", status="TIMED_OUT", attempts=3, durationS=61.0, waitsS=[20.0, 40.0], **nothing)
    idle = stage("B", status="NOT_RUN", attempts=0, durationS=0.0, **nothing)
    drawn = draw_flow([failed, idle])
    assert texts(drawn, ".//div[@class='numbers']") == ["no output", ""]
    assert texts(drawn, ".//div[@class='name']/p") == ["timed out 3 attempts, 1 min 1 s, 1 min of it waits", "not run"]


def test_many_codes_are_counted_after_the_most_frequent_and_own_counts_follow() -> None:
    codes = {f"CODE_{number}": number for number in range(1, 10)}
    drawn = draw_flow([stage(recordsIn=45, recordsRejected=45, rejections=codes, counts={"vouchers": 1200})])
    *_, named, own = texts(drawn, ".//div[@class='numbers']/p")
    assert named == "rejected: 9 CODE_9, 8 CODE_8, 7 CODE_7, 6 CODE_6, 5 CODE_5, 4 CODE_4, 3 more codes"
    assert own == "counted: 1,200 vouchers"
