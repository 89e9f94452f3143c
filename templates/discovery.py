"""The handlers and Glue jobs that a declaration may name, read from their folders."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, get_args

import msgspec

import handlers
from handlers.runtime.needs import Needs, Table, TableAction
from templates.contracts import Contract, type_problem
from templates.errors import ConfigError

HANDLERS_FOLDER: Final = Path(handlers.__file__).parent
TABLE_NAME: Final = re.compile("[a-z][a-z0-9]*(_[a-z0-9]+)*")
GLUE_FOLDER: Final = HANDLERS_FOLDER.parent / "glue"
JOB_FOLDERS: Final = [GLUE_FOLDER]
"""Where scripts of jobs are, as `handlers.__path__` says where stages are."""


@cache
def handler_names() -> tuple[str, ...]:
    """Return the modules of `handlers/`, sorted: each is a stage. This imports none of them."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(handlers.__path__) if not module.ispkg))


@cache
def job_names() -> tuple[str, ...]:
    """Return the jobs among the scripts of `glue/`, sorted."""
    return tuple(sorted(file.stem for folder in JOB_FOLDERS for file in folder.glob("*.py") if is_job(file)))


def is_job(script: Path) -> bool:
    """Tell whether a script runs as a job: it has `if __name__ == "__main__":` at its top level."""
    try:
        tree = ast.parse(script.read_bytes())
    except (SyntaxError, ValueError):
        return False
    return any(isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'" for node in tree.body)


def helper_problem(name: str) -> str | None:
    """Return what is wrong with naming a module of `glue/` that is not a job; None if there is no such module."""
    script = next((file for folder in JOB_FOLDERS if (file := folder / f"{name}.py").is_file()), None)
    if script is None or name in job_names():
        return None
    try:
        ast.parse(script.read_bytes())
    except (SyntaxError, ValueError) as error:
        return f"is {name!r}, but glue/{name}.py is not Python: {error}; correct the script"
    return (
        f'is {name!r}, but glue/{name}.py is not a job: it has no top-level `if __name__ == "__main__":` block; '
        "move it to glue/lib/, or end it with that block"
    )


@cache
def load_needs(handler: str) -> Needs:
    """Import a handler's module and return its NEEDS; ConfigError if module, NEEDS or handler is wrong."""
    where = f"handlers/{handler}.py"
    try:
        module = importlib.import_module(f"handlers.{handler}")
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"{where}: cannot be imported: {type(error).__name__}: {error}; correct the module"
        ) from error
    needs = getattr(module, "NEEDS", None)
    if needs is None:
        raise ConfigError(
            f"{where}: has no NEEDS, but every module of handlers/ is a stage; declare NEEDS, or move the module "
            "to a package, e.g. handlers/shared/"
        )
    if not isinstance(needs, Needs):
        raise ConfigError(f"{where}: NEEDS is a {type(needs).__name__}; make it a handlers.runtime.needs.Needs")
    for problem in (*_needs_problems(needs), *_handler_problems(getattr(module, "handler", None))):
        raise ConfigError(f"{where}: {problem}")
    return needs


@cache
def load_contract(handler: str) -> Contract:
    """Return what a handler takes and yields, as `WorkflowLambdaHandler` says; one of another base promises nothing."""
    load_needs(handler)
    stage = importlib.import_module(f"handlers.{handler}").handler
    takes = getattr(stage, "record_type", dict[str, Any])
    return Contract(takes, getattr(stage, "yields", None) or takes, getattr(stage, "message_type", dict[str, Any]))


def _needs_problems(needs: Needs) -> Iterator[str]:
    """Yield the problems that types alone cannot show: NEEDS are written in Python, so msgspec does not check them."""
    settings: Any = needs.settings
    if not (isinstance(settings, type) and issubclass(settings, msgspec.Struct)):
        yield f"NEEDS.settings is {settings!r}; give the class, a msgspec.Struct, not a value of it"
    elif not (settings.__struct_config__.frozen and settings.__struct_config__.forbid_unknown_fields):
        yield f"{settings.__name__} would accept misspelt settings; declare it frozen=True, forbid_unknown_fields=True"
    elif needs.bucket_setting not in (None, *settings.__struct_fields__):
        yield f"NEEDS.bucket_setting is {needs.bucket_setting!r}; name a field of its Settings"
    for table, actions in needs.tables.items():
        if not isinstance(table, Table):
            yield f"NEEDS.tables has the key {table!r}; make it a handlers.runtime.needs.Table"
        elif not TABLE_NAME.fullmatch(table.name):
            yield f"table {table.name!r} must be lower-case words, e.g. score_cache; rename it"
        elif isinstance(actions, str) or not actions:
            yield f'table {table.name}: its actions are {actions!r}; list them, e.g. ("UpdateItem",)'
        elif unknown := [action for action in actions if action not in get_args(TableAction)]:
            allowed = ", ".join(get_args(TableAction))
            yield f"table {table.name}: {unknown[0]!r} is not an action on a table; allowed: {allowed}"


def _handler_problems(handler: Any) -> Iterator[str]:
    if not callable(handler) or isinstance(handler, type):
        yield f"handler is {handler!r}; end the module with `handler = YourStage(NEEDS)`"
    for name in ("record_type", "yields"):
        kind = getattr(handler, name, None)
        if kind is not None and (problem := type_problem(kind)):
            yield f"{name} {problem}"


@cache
def tables() -> MappingProxyType[str, Table]:
    """Return the declared tables by name, sorted; ConfigError if two handlers declare one with different keys."""
    found: dict[str, Table] = {}
    for handler in handler_names():
        for table in load_needs(handler).tables:
            if found.setdefault(table.name, table) != table:
                raise ConfigError(
                    f"handlers/{handler}.py: table {table.name!r} is declared differently elsewhere; "
                    "declare it once and import it"
                )
    return MappingProxyType(dict(sorted(found.items())))
