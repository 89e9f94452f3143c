"""What stages take and yield, for readers: as JSON Schemas, and on the page docs/reference/handlers.md.

`python -m ceap.contracts` writes the parts of the page that begin with `<!-- contract HANDLER -->`, or, for the fields
of what a handler yields, `<!-- record HANDLER -->`, and end with `<!-- end -->`.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, assert_never

import msgspec

from ceap import project
from handlers.runtime.records import type_name
from handlers.runtime.sources import Inline
from templates.contracts import Contract, fields_of
from templates.discovery import load_contract, load_needs
from templates.model import GlueStep, LambdaStep, Workflow

PAGE: Final = project.ROOT / "docs/reference/handlers.md"

_PART: Final = re.compile(r"(?<=<!-- )(contract|record) (\w+) -->\n.*?(?=<!-- end -->)", re.DOTALL)


def workflow_schemas(workflow: Workflow) -> dict[str, Any]:
    """Return the JSON Schemas of a workflow's message and, by stage, of the records that it takes and yields.

    A Glue job hands on what it is given; the message that a first Glue job takes is known only when it comes.
    """
    contracts = dict(_contracts(workflow))
    first, *_ = contracts.values()
    types = [first.message, *(kind for contract in contracts.values() for kind in (contract.takes, contract.yields))]
    schemas, definitions = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    message, *of_stages = schemas
    # The records of a message are those that the first stage takes.
    if inline := definitions.get(Inline.__name__):
        inline["properties"]["records"]["items"] = of_stages[0]
    pairs = zip(contracts, of_stages[::2], of_stages[1::2], strict=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"What the stages of {workflow.name} take and yield",
        "message": message,
        "stages": {stage: {"takes": takes, "yields": yields} for stage, takes, yields in pairs},
        "$defs": definitions,
    }


def _contracts(workflow: Workflow) -> Iterator[tuple[str, Contract]]:
    handed_on: Any = dict[str, Any]
    for step in workflow.steps:
        match step:
            case LambdaStep():
                contract = load_contract(step.handler)
            case GlueStep():
                contract = Contract(handed_on, handed_on, message=dict[str, Any])
            case _:
                assert_never(step)
        handed_on = contract.yields
        yield step.stage, contract


def fill_page(text: str) -> str:
    """Return the page with each of these parts written anew; ConfigError if one names a handler that is not there."""
    return _PART.sub(lambda part: f"{part[1]} {part[2]} -->\n\n{_PARTS[part[1]](part[2])}\n\n", text)


def _contract_part(handler: str) -> str:
    contract, needs = load_contract(handler), load_needs(handler)
    tables = [f"`{table.name}` ({', '.join(actions)})" for table, actions in needs.tables.items()]
    cells = (
        _linked(contract.takes),
        _linked(contract.yields),
        ", ".join(tables) or "none",
        f"`{needs.events.detail_type}`" if needs.events else "none",
    )
    return f"| takes | yields | tables | events |\n|---|---|---|---|\n| {' | '.join(cells)} |"


def _linked(kind: Any) -> str:
    name = type_name(kind)
    return "any JSON object" if name == "dict" else f"[{name}](#{name.lower()})"


def _record_part(handler: str) -> str:
    rows = [f"| `{path}` | {kind} | {said} |" for path, kind, said in fields_of(load_contract(handler).yields)]
    return "\n".join(["| field | JSON | |", "|---|---|---|", *rows])


_PARTS: Final = {"contract": _contract_part, "record": _record_part}


if __name__ == "__main__":
    PAGE.write_text(fill_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
