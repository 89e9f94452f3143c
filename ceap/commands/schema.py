"""`ceap schema`: a declaration -> the JSON Schemas of its message and of what each stage takes and yields."""

import argparse
import json
from pathlib import Path
from typing import Final

EXAMPLES: Final = {
    "ceap schema workflows/realtime.yaml": "print the schemas of the message and of each stage",
    "ceap schema workflows/realtime.yaml > schemas.json": "write them to a file, for a validator",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workflow", type=Path, metavar="WORKFLOW.yaml", help="declaration of the workflow")


def run(arguments: argparse.Namespace) -> int:
    """Print the schemas, as one JSON document."""
    import msgspec

    from ceap.contracts import workflow_schemas
    from templates.config import load_workflow

    # msgspec writes a default that is NaN or infinite as it writes records: null, which is JSON.
    schemas = msgspec.json.decode(msgspec.json.encode(workflow_schemas(load_workflow(arguments.workflow))))
    print(json.dumps(schemas, indent=2))
    return 0
