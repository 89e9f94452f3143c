"""The engines that can judge on this machine, and the mark of tests that need the library."""

from __future__ import annotations

import functools
import importlib.util
from typing import Any, Final

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.guard import cfn_guard, library
from ceap.policy.guard.engine import Engine
from ceap.policy.lint import check_lint

HAS_LIBRARY: Final = importlib.util.find_spec("cfn_guard_rs") is not None
FASTEST: Final[Engine] = library if HAS_LIBRARY else cfn_guard
"""For tests with many calls: a call of the library starts no process."""

needs_library = pytest.mark.skipif(not HAS_LIBRARY, reason="needs cfn-guard-rs, which has no wheel here")

ENGINES: Final[list[Any]] = [
    pytest.param(cfn_guard, id="binary"),
    pytest.param(library, id="library", marks=needs_library),
]


@functools.cache
def load_lint() -> None:
    """Load cfn-lint and its schemas into this process, whose copies then have them, each time a second sooner."""
    check_lint(parse_template("Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n", "t.yaml"))
