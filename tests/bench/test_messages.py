"""The messages that the measurement of the engine sends."""

from bench.messages import main
from tests import reference


def test_messages_are_sent_until_all_have_succeeded_and_their_cpu_is_told() -> None:
    took = main(reference.EXPRESS, 1, 2)
    assert took.keys() == {"wall_s", "cpu_s", "workers_s"}
    assert took["cpu_s"] > 0
