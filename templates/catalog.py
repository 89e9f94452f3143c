"""The handlers and Glue jobs that a declaration may name, read from their folders."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import handlers
from handlers.needs import Needs, Table
from templates.errors import ConfigError

HANDLERS_FOLDER: Final = Path(handlers.__file__).parent
GLUE_FOLDER: Final = HANDLERS_FOLDER.parent / "glue"


@cache
def handler_names() -> tuple[str, ...]:
    """Return the modules of `handlers/` that declare NEEDS, sorted; none is imported for it."""
    files = sorted(HANDLERS_FOLDER.glob("*.py"))
    return tuple(file.stem for file in files if "\nNEEDS" in file.read_text(encoding="utf-8"))


@cache
def job_names() -> tuple[str, ...]:
    """Return the scripts of `glue/`, sorted."""
    return tuple(sorted(file.stem for file in GLUE_FOLDER.glob("*.py")))


@cache
def load_needs(handler: str) -> Needs:
    """Import a handler's module and return what it declares.

    Raises:
        ConfigError: the module cannot be imported, or its NEEDS is not a `Needs`, or names no setting of its own.
    """
    where = f"handlers/{handler}.py"
    try:
        needs = importlib.import_module(f"handlers.{handler}").NEEDS
    except Exception as error:
        raise ConfigError(
            f"{where}: cannot be imported: {type(error).__name__}: {error}; correct the module"
        ) from error
    if not isinstance(needs, Needs):
        raise ConfigError(f"{where}: NEEDS is a {type(needs).__name__}; make it a handlers.needs.Needs")
    if needs.bucket_setting not in (None, *needs.settings.__struct_fields__):
        raise ConfigError(f"{where}: NEEDS.bucket_setting is {needs.bucket_setting!r}; name a field of its Settings")
    return needs


@cache
def tables() -> MappingProxyType[str, Table]:
    """Return the tables that the handlers declare, by name, sorted.

    Raises:
        ConfigError: two handlers declare one name with different keys.
    """
    found: dict[str, Table] = {}
    for handler in handler_names():
        for table in load_needs(handler).tables:
            if found.setdefault(table.name, table) != table:
                raise ConfigError(
                    f"handlers/{handler}.py: table {table.name!r} is declared differently elsewhere; "
                    "declare it once and import it"
                )
    return MappingProxyType(dict(sorted(found.items())))
