"""The committed templates are those that the declarations give: a change of any shows in the review."""

from __future__ import annotations

import sys

from ceap import project
from tests import processes

CODE = """
from ceap import project
from ceap.policy.freshness import check_generated
print(check_generated(project.build_generated(), project.GENERATED))
"""


def test_the_committed_templates_are_current() -> None:
    done = processes.run([sys.executable, "-c", CODE], cwd=project.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
