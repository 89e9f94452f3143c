from __future__ import annotations

import json
from typing import Final

from ceap.deploy.diff.describe import Form, describe_all
from ceap.deploy.diff.report import Report, failures
from tests.deploy.diff.support import diff_of, resource

QUEUE: Final = "AWS::SQS::Queue"
LOST: Final = diff_of({"Q": resource(QUEUE, QueueName="a_*")}, {"Q": resource(QUEUE, QueueName="b_*")})
SAME: Final = diff_of({"Q": resource(QUEUE)}, {"Q": resource(QUEUE)})
REPORT: Final = Report("main", (LOST, SAME), ("a note",))
SAID: Final = "is replaced: the old one is deleted with the data in it, and the new one begins empty"


def test_the_text_has_a_line_for_each_change() -> None:
    assert describe_all(REPORT, Form.TEXT) == (
        "against main\n"
        "t.json: 1 replaced, 1 data lost (1 change)\n"
        "  replaced\n"
        f"    Q (AWS::SQS::Queue b_*, stateful) {SAID}\n"
        "      QueueName: a_* -> b_* (create-only)\n"
        "t.json: no change\n"
        "note: a note\n"
    )


def test_the_markdown_tells_losses_first_and_folds_the_rest() -> None:
    change = f"Q (AWS::SQS::Queue b\\_\\*, stateful) {SAID}\n  - QueueName: a\\_\\* -\\> b\\_\\* (create-only)\n"
    assert describe_all(REPORT, Form.MARKDOWN) == (
        "### What changes against main\n\n"
        "| stack | will fail | replaced | data lost | contracts broken | wider access | kept shorter | changes |\n"
        "|---|---|---|---|---|---|---|---|\n"
        "| t.json |  | 1 | 1 |  |  |  | 1 |\n\n"
        "No change: t.json.\n\n"
        f"- **t.json** {change}\n"
        "<details><summary>t.json: 1 replaced, 1 data lost (1 change)</summary>\n\n"
        f"**replaced**\n\n- {change}\n"
        "</details>\n\n"
        "- note: a note\n"
    )


def test_the_json_has_the_documented_keys() -> None:
    document = json.loads(describe_all(REPORT, Form.JSON))
    subject = {"logicalId": "Q", "type": QUEUE, "name": "b_*", "isStateful": True}
    change = {"path": ["QueueName"], "old": "a_*", "new": "b_*", "consequence": "replaces", "cause": None}
    assert document == {
        "against": "main",
        "notes": ["a note"],
        "diffs": [
            {
                "name": "t.json",
                "old": "t.json",
                "new": "t.json",
                "summary": {"replaced": 1, "data lost": 1, "changes": 1},
                "changes": [{"kind": "replaced", "subject": subject, "properties": [change], "fate": "deleted"}],
            },
            {"name": "t.json", "old": "t.json", "new": "t.json", "summary": {"changes": 0}, "changes": []},
        ],
    }


def test_a_build_fails_on_what_it_names() -> None:
    assert list(failures(REPORT, ["loss", "wider"])) == ["t.json: 1 data lost"]
    assert list(failures(REPORT, ["replacement"])) == ["t.json: 1 replaced"]
    assert list(failures(REPORT, ["wider"])) == []
