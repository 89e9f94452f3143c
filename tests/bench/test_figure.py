from bench.figure import Figure, Seen, Spread, ratios, spread


def test_a_goal_is_written_with_its_unit() -> None:
    assert [Figure("size", 64, "MiB").goal, Figure("ratio", 0.5).goal, Figure("seen").goal] == [
        "at most 64 MiB",
        "at most 0.5",
        "",
    ]


def test_a_number_has_three_digits_unless_it_is_larger() -> None:
    assert list(map(Figure("time", unit="s").write, (0.12345, 12.345, 1234.5))) == ["0.123 s", "12.3 s", "1,234 s"]


def test_a_value_is_told_with_its_goal() -> None:
    assert str(Seen(Figure("start", 0.5), 0.61)) == "start: 0.61 (goal: at most 0.5)"
    assert str(Seen(Figure("rate", unit="messages/s"), 18)) == "rate: 18 messages/s"


def test_a_ratio_is_that_of_neighbouring_runs() -> None:
    assert ratios([1.0, 4.0], [2.0, 2.0]) == [0.5, 2.0]


def test_a_spread_is_the_middle_half() -> None:
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0]) == Spread(2.0, 3.0, 4.0)


def test_no_difference_is_told_where_the_middle_half_holds_one() -> None:
    told = {found: found.tells_a_difference for found in map(spread, ([0.9, 1.0, 1.1], [0.7, 0.8, 0.9], [1.1, 1.2]))}
    assert list(told.values()) == [False, True, True]
