"""`make bench-compare`: this tree against another revision."""

from pathlib import Path

import pytest

from bench.compare import compare, main, reason, tell
from bench.comparisons import Comparison, Tree
from bench.figure import Spread

NOW, THEN = Tree(Path("now")), Tree(Path("then"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: REV"),
        (["no-such-revision"], "REV=no-such-revision: git finds no such commit in "),
        (["HEAD", "sinth"], "there is no comparison 'sinth'; allowed: synth, "),
    ],
)
def test_a_wrong_argument_is_told_and_ends_with_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert (ended.value.code, message in capsys.readouterr().err) == (2, True)


def test_the_sides_take_turns_and_the_first_run_of_each_does_not_count() -> None:
    took = {NOW: iter([100.0, 1.0, 3.0]), THEN: iter([1.0, 2.0, 4.0])}
    order = []

    def take(tree: Tree) -> float:
        order.append(tree)
        return next(took[tree])

    assert compare(Comparison("start", 2, take), NOW, THEN) == [0.5, 0.75]
    assert order == [NOW, THEN] * 3


@pytest.mark.parametrize(
    ("found", "cells"),
    [
        (Spread(0.4, 0.5, 0.6), "0.50 | 0.40 to 0.60 | less"),
        (Spread(1.1, 1.2, 1.3), "1.20 | 1.10 to 1.30 | more"),
        (Spread(0.9, 0.98, 1.01), "0.98 | 0.90 to 1.01 | no difference seen"),
    ],
)
def test_a_ratio_is_told_with_its_middle_half(found: Spread, cells: str) -> None:
    assert tell(found) == cells


def test_a_side_runs_with_the_code_of_its_revision() -> None:
    assert NOW.ceap("check")[1:2] + NOW.ceap("check")[3:] == ["PYTHONPATH=now", "-P", "-m", "ceap", "check"]


def test_the_reason_of_what_is_skipped_is_the_last_line_that_its_process_wrote() -> None:
    assert reason(RuntimeError("failed: Traceback\n  ...\nImportError: a | b\n")) == "ImportError: a / b"
