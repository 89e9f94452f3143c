"""What handlers took and yielded at an earlier commit: their code of that time is asked, in a process of its own."""

import subprocess
import sys
from collections.abc import Collection, Mapping
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from ceap.deploy.diff.contracts import Field, Fields
from ceap.deploy.diff.repository import Repository

TIMEOUT_S: Final = 60

_SCRIPT: Final = """
import json, sys
from templates.contracts import fields_of
from templates.discovery import load_contract
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = [[list(field) for field in fields_of(kind)] for kind in load_contract(name)]
    except Exception:
        pass
print("\\n" + json.dumps(found))
"""


def load_old_fields(repository: Repository, commit: str, handlers: Collection[str]) -> Mapping[str, Fields]:
    """Return the fields of the contracts of handlers at a commit, without those whose code cannot be asked."""
    if not handlers:
        return {}
    with TemporaryDirectory() as folder:
        if not repository.write_tree(commit, Path(folder)):
            return {}
        command = [sys.executable, "-c", _SCRIPT, *handlers]
        variables = environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(  # noqa: S603 (our own interpreter)
                command, cwd=folder, env=variables, capture_output=True, check=False, timeout=TIMEOUT_S
            )
            lines = done.stdout.decode("utf-8", "replace").splitlines()
            found = msgspec.json.decode(lines[-1] if lines else "{}", type=dict[str, list[list[tuple[str, str, str]]]])
        except (subprocess.TimeoutExpired, msgspec.DecodeError):
            return {}
    return {name: Fields(*map(_read, parts)) for name, parts in found.items()}


def _read(fields: list[tuple[str, str, str]]) -> dict[str, Field]:
    return {path: Field(kind, bool(said)) for path, kind, said in fields}
