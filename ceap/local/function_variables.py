"""The environment variables of a function's process."""

import hashlib
from pathlib import Path
from typing import Any

from ceap.local.sessions import Session


def variables_of(deployed: Any, version: str, session: Session, url: str, *, root: Path, own: Path) -> dict[str, str]:
    """Return all variables of a version of a function: its own, Lambda's, its role's keys and the address of AWS.

    Its code is in the folder `root`; the folder `own` stands for Lambda's /tmp.

    Source: Lambda Developer Guide, "Defined runtime environment variables".
    """
    stream = hashlib.sha256(deployed.function_name.encode()).hexdigest()[:32]
    return {key: str(value) for key, value in deployed.environment_vars.items()} | {
        **session.variables(url),
        "_HANDLER": deployed.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{deployed.run_time}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(deployed.memory_size),
        "AWS_LAMBDA_FUNCTION_NAME": deployed.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": deployed.logs_group_name,
        "AWS_LAMBDA_LOG_STREAM_NAME": f"local/[{version}]{stream}",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "HOME": str(own),
        "LAMBDA_TASK_ROOT": str(root),
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TMPDIR": str(own),
        "TZ": "UTC",
    }
