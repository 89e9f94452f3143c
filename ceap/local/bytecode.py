"""Bytecode for unpacked code: each module is compiled once, not by every process that imports it."""

import importlib.util
import marshal
import sys
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Final

CHECKED_HASH: Final = (0b11).to_bytes(4, "little")
"""The flags of bytecode that is valid for a source of the same hash, whatever its date is. Source: PEP 552."""


def write_bytecode(root: Path) -> None:
    """Write the bytecode of the modules below a folder to where their import looks for it."""
    for path in root.rglob("*.py"):
        if bytecode := _compile(path.read_bytes()):
            folder = path.parent / "__pycache__"
            folder.mkdir(exist_ok=True)
            (folder / f"{path.stem}.{sys.implementation.cache_tag}.pyc").write_bytes(bytecode)


@lru_cache(maxsize=1024)
def _compile(source: bytes) -> bytes | None:
    """Return the bytecode of a module, or None: then its import says what is wrong, or warns."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # The import puts the module's path in place of this name.
            code = compile(source, "<module>", "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, Warning, RecursionError):
        return None
    return importlib.util.MAGIC_NUMBER + CHECKED_HASH + importlib.util.source_hash(source) + marshal.dumps(code)
