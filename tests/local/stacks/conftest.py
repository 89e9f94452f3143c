from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ceap.archive import build_zip
from ceap.local.engine import Engine
from tests.local.stacks.by_hand import TRUST, Resources


@pytest.fixture(scope="module")
def resources() -> Iterator[Resources]:
    """Resources of an engine that has a role `worker` and the code of functions, `1.zip` and `2.zip`."""
    with Engine.start(warm=False) as engine:
        s3 = engine.client("s3")
        s3.create_bucket(Bucket="code")
        engine.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(TRUST))
        for version in ("1", "2"):
            body = build_zip({"app.py": f"def handle(event, context): return {version}".encode()})
            s3.put_object(Bucket="code", Key=f"{version}.zip", Body=body)
        yield Resources(engine)
