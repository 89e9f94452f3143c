"""AWS for a measured `ceap status`: the engine, with a STANDARD workflow that has run often; prints its variables."""

import json
import signal
import sys
from pathlib import Path

import msgspec

from bench.many import fill
from ceap import project
from ceap.local import request, runner
from ceap.local.engine import Engine
from templates.model import WorkflowType

if __name__ == "__main__":
    path, number, failed = Path(sys.argv[1]), *map(int, sys.argv[2:])
    [workflow] = project.load_workflows([path])
    workflow = msgspec.structs.replace(workflow, type=WorkflowType.STANDARD)
    with Engine.start(warm=False) as engine:
        deployment = runner.deploy(engine, request.build_for(workflow))
        fill(engine, deployment.machine, number, failed)
        print(json.dumps(dict(engine.driver.variables(engine.url))), flush=True)
        signal.sigwait([signal.SIGTERM])
