"""What a page is made of: the report, what the run left, what its stages printed, and what its roles may do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ceap.local import keep
from ceap.local.engine import Engine
from ceap.local.page.grants import RoleUse, read_use
from ceap.local.progress import Printed, Progress
from ceap.local.run_report import RunReport
from ceap.local.runner import Deployment, Remains
from handlers.runtime.tables import Item
from templates import discovery


class Contents(NamedTuple):
    """All that a page shows.

    `failures` are the lines that tell of them, an empty one before each failure; `tables` are the items of those that
    have some, by declared name.
    """

    report: RunReport
    remains: Remains
    failures: Sequence[str]
    printed: Sequence[Printed]
    roles: Sequence[RoleUse]
    tables: Mapping[str, Sequence[Item]]


def read_contents(
    engine: Engine, deployment: Deployment, remains: Remains, progress: Progress, report: RunReport
) -> Contents:
    """Return what the page of a run is made of, while its engine is open."""
    return Contents(
        report=report,
        remains=remains,
        failures=progress.failures(),
        printed=progress.printed(),
        roles=_read_roles(engine, deployment),
        tables=keep.read_tables(discovery.tables().values(), engine.client, deployment.foundation.outputs),
    )


def _read_roles(engine: Engine, deployment: Deployment) -> list[RoleUse]:
    """Return the use of every role of the workflow's stack, the stages' first, in their order."""
    models = {
        **{model.function_name: model.role for model in deployment.stack.of_type("AWS::Lambda::Function").values()},
        **{model.job.name: model.job.role for model in deployment.stack.of_type("AWS::Glue::Job").values()},
    }
    names = {model.arn: logical_id for logical_id, model in deployment.stack.of_type("AWS::IAM::Role").items()}
    owners = {models[stage.worker]: stage.state for stage in deployment.stages.values()}
    trace = Counter(engine.trace)
    return [read_use(owner, arn, engine.grants(arn), trace) for arn, owner in (owners | names | owners).items()]
