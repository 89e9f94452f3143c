"""What a page is made of: the report, what the run left, and what the account says of roles and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from ceap.local.engine import Engine
from ceap.local.page.grants import RoleUse, read_use
from ceap.local.progress import Printed
from ceap.local.run_report import RunReport
from ceap.local.runner import Deployment, Remains

ITEMS_MAX: Final = 3


class TableItems(NamedTuple):
    """A table, how many items it holds, and the first of them."""

    name: str
    total: int
    first: Sequence[Mapping[str, Any]]


class Contents(NamedTuple):
    """All that a page shows; `failures` are the lines that tell of them, an empty one before each failure."""

    report: RunReport
    remains: Remains
    failures: Sequence[str]
    printed: Sequence[Printed]
    roles: Sequence[RoleUse]
    tables: Sequence[TableItems]


def read_roles(engine: Engine, deployment: Deployment) -> list[RoleUse]:
    """Return the use of every role of the workflow's stack, the stages' first, in their order."""
    workers = {stage.worker: stage.state for stage in deployment.stages.values()}
    models = {
        **{model.function_name: model.role for model in deployment.stack.of_type("AWS::Lambda::Function").values()},
        **{model.job.name: model.job.role for model in deployment.stack.of_type("AWS::Glue::Job").values()},
    }
    owners = {models[worker]: state for worker, state in workers.items()}
    roles = {model.arn: logical_id for logical_id, model in deployment.stack.of_type("AWS::IAM::Role").items()}
    trace = Counter(engine.trace)
    ordered = [*owners, *(arn for arn in roles if arn not in owners)]
    return [read_use(owners.get(arn, roles.get(arn, arn)), arn, engine.grants(arn), trace) for arn in ordered]


def read_tables(deployment: Deployment) -> list[TableItems]:
    """Return the tables of the foundation that hold items."""
    models = deployment.foundation.of_type("AWS::DynamoDB::Table").values()
    return [
        TableItems(model.name, len(model), [item.to_regular_json() for item in islice(model.all_items(), ITEMS_MAX)])
        for model in models
        if len(model)
    ]
