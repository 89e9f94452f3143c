from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import handlers
from templates import discovery
from templates.model import LEGACY_HANDLER

ROOT = Path(handlers.__file__).parent.parent


@pytest.mark.parametrize("module", [*discovery.handler_names(), LEGACY_HANDLER])
def test_a_handler_is_loaded_without_aws_libraries_and_without_the_rest_of_the_project(module: str) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
        f"import handlers; handlers.__path__[:] = {list(handlers.__path__)}; import handlers.{module} as module; "
        "assert callable(module.handler); print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"boto3", "botocore", "aws_lambda_powertools", "urllib3", "templates", "ceap", "troposphere", "yaml"}
    assert heavy & set(loaded) == set()
    assert "handlers" in loaded
