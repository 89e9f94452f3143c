from __future__ import annotations

from ceap.aws.history import Operation, Outcome, Record
from ceap.deploy.rollback import lineage


def led_to(*steps: str) -> str:
    """Return the lineage of records, each a letter for its template behind a sign: + deployed, - rolled back to."""
    operations = {"+": Operation.DEPLOY, "-": Operation.ROLLBACK, "x": Operation.DESTROY}
    records = [
        Record(
            id=str(number),
            stack="ceap-x-dev",
            operation=operations[step[0]],
            outcome=Outcome.FAILED if step.endswith("!") else Outcome.STARTED if step.endswith("?") else Outcome.DONE,
            by="arn:aws:iam::123456789012:user/x",
            template_sha256=step[1:2],
        )
        for number, step in enumerate(steps)
    ]
    return "".join(record.template_sha256 or "" for record in lineage(records))


def test_deployments_lead_to_the_last_one() -> None:
    assert led_to("+A", "+B", "+C") == "ABC"


def test_a_rollback_takes_away_what_came_after() -> None:
    assert led_to("+A", "+B", "+C", "-B") == "AB"


def test_a_second_rollback_goes_further_back() -> None:
    assert led_to("+A", "+B", "+C", "-B", "-A") == "A"


def test_what_a_rollback_undid_does_not_come_back_after_the_next_deployment() -> None:
    assert led_to("+A", "+B", "-A", "+C") == "AC"


def test_a_deployment_that_changed_nothing_is_none() -> None:
    assert led_to("+A", "+A", "+B", "+B") == "AB"


def test_what_failed_or_never_ended_is_left_out() -> None:
    assert led_to("+A", "+B!", "+C?", "-A!") == "A"


def test_what_was_deployed_before_a_destruction_is_still_known() -> None:
    assert led_to("+A", "+B", "x", "+C") == "ABC"


def test_a_rollback_whose_deployment_is_no_longer_known_begins_anew() -> None:
    assert led_to("-A", "+B") == "AB"
