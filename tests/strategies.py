"""Hypothesis strategies that the property tests share."""

from __future__ import annotations

import string
from typing import Any

from hypothesis import strategies as st

from templates import budget, catalog, naming
from templates.config import RESERVED_STAGES, parse_workflow
from templates.model import Workflow
from templates.source import Source

# A project's own handlers may demand settings, which no strategy can know.
HANDLERS = ("etl", "filter", "reactive", "score", "store")
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,19}", fullmatch=True).filter(lambda name: name != naming.FOUNDATION)
STAGES = st.builds(
    lambda first, rest, ending: first + rest + ending,
    st.sampled_from(string.ascii_uppercase),
    st.text(string.ascii_letters + string.digits, max_size=12),
    st.sampled_from(("", "Stage")),
).filter(lambda stage: stage not in RESERVED_STAGES)


@st.composite
def declarations(draw: st.DrawFn) -> dict[str, Any]:
    """Valid EXPRESS declarations as plain data: 1 to 6 Lambda steps in any order, of any handlers."""
    stages = draw(st.lists(STAGES, min_size=1, max_size=6, unique_by=naming.purpose))
    share = budget.EXPRESS_LIMIT_S // len(stages)
    return {
        "name": draw(NAMES),
        "type": "EXPRESS",
        "steps": [
            {
                "stage": stage,
                "handler": (handler := draw(st.sampled_from(HANDLERS))),
                "timeout_s": draw(st.integers(1, share)),
                "memory_mb": draw(st.integers(128, 10240)),
                "settings": draw(_settings(handler, is_first=number == 0)),
            }
            for number, stage in enumerate(stages)
        ],
    }


def _settings(handler: str, *, is_first: bool) -> st.SearchStrategy[dict[str, str]]:
    """The setting of a handler that its role depends on, or none."""
    setting = catalog.load_needs(handler).bucket_setting
    if setting is None or not is_first:
        return st.just({})
    return st.fixed_dictionaries(
        {}, optional={setting: st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True)}
    )


def workflow_of(declaration: dict[str, Any]) -> Workflow:
    """Return the workflow that plain data declares."""
    return parse_workflow(Source("declaration", declaration, {}))


def workflows() -> st.SearchStrategy[Workflow]:
    """Valid EXPRESS workflows."""
    return declarations().map(workflow_of)
