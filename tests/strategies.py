"""Hypothesis strategies that the property tests share."""

from __future__ import annotations

import operator
import string
from typing import Any

from hypothesis import strategies as st

from templates import budget, discovery, naming
from templates.config import RESERVED_STAGES, parse_workflow
from templates.model import Workflow
from templates.source import Source

# Those of tests/reference: a project's own handlers may demand settings, which no strategy can know.
HANDLERS = ("keep", "rate", "sift", "take", "tell")
JOBS = ("heavy",)
EXISTING = ("OrdersFunctionArn", "VendorFunctionArn")
"""Parameters of existing functions, which steps may share."""
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,19}", fullmatch=True).filter(lambda name: name != naming.FOUNDATION)
STAGES = st.builds(
    lambda first, rest, ending: first + rest + ending,
    st.sampled_from(string.ascii_uppercase),
    st.text(string.ascii_letters + string.digits, max_size=12),
    st.sampled_from(("", "Stage")),
).filter(lambda stage: stage not in RESERVED_STAGES)

PLACED = st.lists(st.sampled_from(("a", "7", "/", "${Environment}", "${AWS::Region}")), min_size=1, max_size=3).map(
    "".join
)
"""Texts that may hold placeholders."""

COMMON_KEYS = st.fixed_dictionaries(
    {},
    optional={
        "tags": st.dictionaries(st.sampled_from(("Team", "Cost centre", "Stage")), PLACED),
        "permissions_boundary": st.booleans(),
    },
)
FUNCTION_KEYS = st.fixed_dictionaries(
    {},
    optional={
        "environment": st.dictionaries(st.sampled_from(("VENDOR_URL", "VENDOR_LEVEL")), PLACED),
        "ephemeral_storage_mb": st.integers(512, 10240),
    },
)


@st.composite
def declarations(draw: st.DrawFn) -> dict[str, Any]:
    """Valid EXPRESS declarations as plain data: 1 to 6 steps in any order, of handlers and existing functions."""
    stages = draw(st.lists(STAGES, min_size=1, max_size=6, unique_by=naming.purpose))
    share = budget.EXPRESS_LIMIT_S // len(stages)
    return {
        "name": draw(NAMES),
        "type": "EXPRESS",
        "steps": [
            {
                "stage": stage,
                **draw(_function(is_first=number == 0)),
                "timeout_s": draw(st.integers(1, share)),
                "memory_mb": draw(st.integers(128, 10240)),
                **draw(FUNCTION_KEYS),
            }
            for number, stage in enumerate(stages)
        ],
        **draw(COMMON_KEYS),
        **draw(st.fixed_dictionaries({}, optional={"vpc": st.booleans()})),
    }


@st.composite
def _function(draw: st.DrawFn, *, is_first: bool) -> dict[str, Any]:
    """Draw what does a Lambda step: a handler with its settings, or an existing function."""
    handler = draw(st.sampled_from(HANDLERS) | st.none())
    if handler is None:
        return {"legacy": draw(st.sampled_from(EXISTING))}
    return {"handler": handler, "settings": draw(_settings(handler, is_first=is_first))}


def _settings(handler: str, *, is_first: bool) -> st.SearchStrategy[dict[str, str]]:
    """The setting of a handler that its role depends on, or none."""
    setting = discovery.load_needs(handler).bucket_setting
    if setting is None or not is_first:
        return st.just({})
    return st.fixed_dictionaries(
        {}, optional={setting: st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True)}
    )


@st.composite
def standard_declarations(draw: st.DrawFn) -> dict[str, Any]:
    """Valid STANDARD declarations as plain data: 1 to 6 steps, also of existing functions and Glue, in any order."""
    stages = draw(st.lists(STAGES, min_size=1, max_size=6, unique_by=naming.purpose))
    steps = [draw(_standard_step(stage)) for stage in stages]
    vpc = draw(st.booleans()) and any("glue" not in step for step in steps)
    return {"name": draw(NAMES), "type": "STANDARD", "steps": steps, "vpc": vpc, **draw(COMMON_KEYS)}


def _standard_step(stage: str) -> st.SearchStrategy[dict[str, Any]]:
    function = st.fixed_dictionaries({"handler": st.sampled_from(HANDLERS)}) | st.fixed_dictionaries(
        {"legacy": st.sampled_from(EXISTING)}
    )
    timed = st.fixed_dictionaries({"stage": st.just(stage), "timeout_s": st.integers(1, 900)})
    lambda_step = st.builds(operator.or_, timed, function)
    glue_step = st.fixed_dictionaries(
        {
            "stage": st.just(stage),
            "glue": st.sampled_from(JOBS),
            "workers": st.integers(2, 299),
            "worker_type": st.sampled_from(("G.1X", "G.2X", "G.4X", "G.8X")),
            "timeout_min": st.integers(1, 10_079),
        }
    )
    return st.builds(operator.or_, lambda_step, FUNCTION_KEYS) | glue_step


@st.composite
def named_declarations(draw: st.DrawFn) -> dict[str, Any]:
    """Valid declarations of both types as plain data, in which each step may choose the naming of its function.

    Their names are so short that CloudFormation keeps them in full, with any stage.
    """
    declaration = draw(declarations() | standard_declarations())
    chosen = st.fixed_dictionaries({}, optional={"naming": st.sampled_from(("explicit", "generated"))})
    steps = [step | (draw(chosen) if "glue" not in step else {}) for step in declaration["steps"]]
    name = draw(st.from_regex(r"[a-z][a-z0-9-]{0,6}", fullmatch=True))
    return declaration | draw(chosen) | {"name": name, "steps": steps}


TIMES = ("rate(1 hour)", "cron(0/15 8-17 ? * MON-FRI *)", "at(2027-01-31T02:00:00)")
INLINE = {"source": {"kind": "inline", "records": []}}


@st.composite
def triggered_declarations(draw: st.DrawFn) -> dict[str, Any]:
    """Valid declarations of both types as plain data, with a schedule, object events or both."""
    declaration = draw(declarations() | standard_declarations())
    part = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
    triggers: dict[str, Any] = {
        "schedule": draw(st.fixed_dictionaries({"expression": st.sampled_from(TIMES), "message": st.just(INLINE)})),
        "s3_events": draw(st.fixed_dictionaries({}, optional={"prefix": part, "suffix": part})),
    }
    kept = draw(st.sampled_from([["schedule"], ["s3_events"], ["schedule", "s3_events"]]))
    if "s3_events" in kept:
        reader = {
            "stage": "ReaderStage",
            "handler": "take",
            "timeout_s": 1,
            "settings": {"source_bucket": "my-exports"},
        }
        declaration["steps"] = [reader]
    return declaration | {name: triggers[name] for name in kept}


@st.composite
def reasoned_declarations(draw: st.DrawFn) -> dict[str, Any]:
    """Valid STANDARD declarations as plain data, with other retriers and days of logs, for which they give reasons."""
    declaration = draw(standard_declarations())
    declaration["steps"] = [{"stage": "TakeStage", "handler": "take"}, {"stage": "HeavyStage", "glue": "heavy"}]
    retry = {"max_attempts": draw(st.integers(3, 10)), "reason": "The vendor asks for it"}
    return declaration | {
        "retry": {"lambda": retry, "glue": retry},
        "log_retention_days": {"value": draw(st.sampled_from((1, 90, 3653))), "reason": "The audit asks for it"},
    }


def workflow_of(declaration: dict[str, Any]) -> Workflow:
    """Return the workflow that plain data declares."""
    return parse_workflow(Source("declaration", declaration, {}))


def workflows() -> st.SearchStrategy[Workflow]:
    """Valid EXPRESS workflows."""
    return declarations().map(workflow_of)


def standard_workflows() -> st.SearchStrategy[Workflow]:
    """Valid STANDARD workflows."""
    return standard_declarations().map(workflow_of)


def named_workflows() -> st.SearchStrategy[Workflow]:
    """Valid workflows of both types, in which either names functions: ceap or CloudFormation."""
    return named_declarations().map(workflow_of)


def triggered_workflows() -> st.SearchStrategy[Workflow]:
    """Valid workflows of both types that something starts."""
    return triggered_declarations().map(workflow_of)


def reasoned_workflows() -> st.SearchStrategy[Workflow]:
    """Valid STANDARD workflows that give reasons for other retriers and days of logs."""
    return reasoned_declarations().map(workflow_of)


def all_workflows() -> st.SearchStrategy[Workflow]:
    """Valid workflows of both types."""
    return workflows() | standard_workflows()
