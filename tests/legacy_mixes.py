"""A workflow of five stages in each mix of what handlers do and what existing functions do."""

from __future__ import annotations

from itertools import product
from typing import Any

from templates.model import Workflow, WorkflowType
from tests.strategies import workflow_of

HANDLERS = {"TakeStage": "take", "SiftStage": "sift", "RateStage": "rate", "KeepStage": "keep", "TellStage": "tell"}
MIXES = [
    tuple(stage for stage, is_legacy in zip(HANDLERS, choice, strict=True) if is_legacy)
    for choice in product((False, True), repeat=len(HANDLERS))
]
"""The stages that existing functions do, of all 32 mixes."""


def existing(stage: str) -> str:
    """Return the parameter of the existing function that does a stage, e.g. `TakeFunctionArn`."""
    return f"{stage.removesuffix('Stage')}FunctionArn"


def mixed(kind: WorkflowType, legacy: tuple[str, ...]) -> Workflow:
    """Return the workflow in which existing functions do some stages; a STANDARD one has a Glue job in the middle."""
    steps: list[dict[str, Any]] = [
        {"stage": stage, **({"legacy": existing(stage)} if stage in legacy else {"handler": handler})}
        for stage, handler in HANDLERS.items()
    ]
    if kind is WorkflowType.STANDARD:
        steps.insert(2, {"stage": "HeavyStage", "glue": "heavy"})
    return workflow_of({"name": "orders", "type": kind.value, "steps": steps})
