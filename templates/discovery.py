"""The handlers and Glue jobs that a declaration may name, read from their folders."""

import ast
import contextlib
import importlib
import pkgutil
import sys
import traceback
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from threading import RLock
from types import MappingProxyType
from typing import Any, Final

import handlers
from handlers.runtime.needs import Needs, Table
from templates import naming, settings
from templates.contracts import Contract, type_problem
from templates.errors import ConfigError
from templates.model import LambdaStep
from templates.needs_problems import needs_problem, schema_problem

HANDLERS_FOLDER: Final = Path(handlers.__file__).parent
GLUE_FOLDER: Final = HANDLERS_FOLDER.parent / "glue"
JOB_FOLDERS: Final = [GLUE_FOLDER]
"""Where scripts of jobs are, as `handlers.__path__` says where stages are."""

# Two threads that redirect at once would put back each other's stream.
_IMPORTING: Final = RLock()


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


def handler_file(handler: str) -> str:
    """Return where the module of a handler is, e.g. `handlers/runtime/legacy.py`."""
    return f"handlers/{handler.replace('.', '/')}.py"


@cache
def load_needs(handler: str) -> Needs:
    """Import a handler's module and return its NEEDS; ConfigError if module, NEEDS or handler is wrong."""
    where = handler_file(handler)
    try:
        # What a handler prints must not stand among the output of a command.
        with _IMPORTING, contextlib.redirect_stdout(sys.stderr):
            module = importlib.import_module(f"handlers.{handler}")
    except (Exception, SystemExit) as error:
        where = " -> ".join(_import_chain(error)) or where
        cure = "correct the module"
        if isinstance(error, ModuleNotFoundError):
            cure = "correct the name, or import a package of a set in the function that uses it"
        raise ConfigError(f"{where}: cannot be imported: {type(error).__name__}: {error}; {cure}") from error
    needs = getattr(module, "NEEDS", None)
    if needs is None:
        raise ConfigError(
            f"{where}: has no NEEDS, but every module of handlers/ is a stage; declare NEEDS, or move the module "
            "to a package, e.g. handlers/shared/"
        )
    if not isinstance(needs, Needs):
        raise ConfigError(f"{where}: NEEDS is a {type(needs).__name__}; make it a handlers.runtime.needs.Needs")
    problem = needs_problem(needs) or next(_handler_problems(getattr(module, "handler", None)), None)
    if problem:
        raise ConfigError(f"{where}: {problem}")
    return needs


def source_bucket(step: LambdaStep) -> str | None:
    """Return the bucket that a step lets messages name, with its placeholders."""
    return settings.source_bucket(load_needs(step.handler), step.settings)


def _import_chain(error: BaseException) -> list[str]:
    """Return where the project's modules import each other down to the error, e.g. `handlers/score.py:7`."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        places.append((str(error.filename), error.lineno))
    folders = [Path(folder) for folder in handlers.__path__]
    return [
        f"handlers/{Path(file).relative_to(folder).as_posix()}:{line}"
        for file, line in places
        for folder in folders
        if Path(file).is_relative_to(folder)
    ]


@cache
def load_contract(handler: str) -> Contract:
    """Return what a handler takes and yields, as `WorkflowLambdaHandler` says; one of another base promises nothing."""
    load_needs(handler)
    stage = importlib.import_module(f"handlers.{handler}").handler
    takes = getattr(stage, "record_type", dict[str, Any])
    return Contract(takes, getattr(stage, "yields", None) or takes, getattr(stage, "message_type", dict[str, Any]))


def forget_handlers() -> None:
    """Forget all that was imported and read of stages and jobs, but for the framework `handlers.runtime`."""
    for name in [name for name in sys.modules if name.startswith("handlers.") and name.split(".")[1] != "runtime"]:
        del sys.modules[name]
        # `from handlers import NAME` would still find it there.
        vars(handlers).pop(name.removeprefix("handlers."), None)
    importlib.invalidate_caches()
    for function in (handler_names, job_names, load_needs, load_contract, tables):
        function.cache_clear()


def _handler_problems(handler: Any) -> Iterator[str]:
    if not callable(handler) or isinstance(handler, type):
        yield f"handler is {handler!r}; end the module with `handler = YourStage(NEEDS)`"
    for name in ("record_type", "yields", "message_type"):
        kind = getattr(handler, name, None)
        if kind is not None and (problem := _record_problem(kind)):
            yield f"{name} {problem}"


@cache
def _record_problem(kind: Any) -> str | None:
    """Return what is wrong with a type of records; cached, as the stages of a chain share theirs."""
    try:
        problem = type_problem(kind)
    except Exception as error:  # of the user's own annotations, which are evaluated only here
        return f"is {kind!r}, which cannot be read: {type(error).__name__}: {error}; correct its fields"
    if problem is None and (said := schema_problem(kind)):
        return f"is {kind!r}, which cannot be read: {said}"
    return problem


@cache
def tables() -> MappingProxyType[str, Table]:
    """Return the declared tables by name, sorted; ConfigError if two handlers declare one with different keys."""
    found: dict[str, tuple[Table, str]] = {}
    for handler in handler_names():
        for table in load_needs(handler).tables:
            # Two names may differ and yet give one logical id: a1 and a_1.
            other, owner = found.setdefault(naming.table_id(table.name), (table, handler))
            if other != table:
                raise ConfigError(
                    f"handlers/{handler}.py: table {table.name!r} is not what handlers/{owner}.py declares as "
                    f"{other.name!r}; declare it once and import it, or give it another name"
                )
    return MappingProxyType(dict(sorted((table.name, table) for table, _ in found.values())))
