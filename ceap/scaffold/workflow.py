"""The files of a new workflow, and what its name may be."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template
from typing import Final

import msgspec

from templates import naming
from templates.config import FUNCTION_NAME_MAX
from templates.model import WorkflowName, WorkflowType
from templates.scalars import AmbiguousScalarError, read_plain

_TEXTS: Final = Path(__file__).parent / "texts"
_FILES: Final = {
    "workflows/$name.yaml": "declaration.yaml",
    "handlers/$handler.py": "handler.py.txt",
    "workflows/messages/$name.json": "message.json",
    "workflows/fixtures/$name/s3/amzn-s3-demo-source-bucket/$name/records.csv": "records.csv",
    "tests/handlers/test_$handler.py": "test.py.txt",
}
"""Each file from the root of the project, and its text in `texts/`: both with names to fill in."""
_OTHERS: Final = ("generated/$name.template.yaml", "handlers/$handler", "tests/reference/handlers/$handler.py")
"""What else takes a name: a template, a package, a handler of the framework's own tests."""


def build_files(name: str, workflow_type: WorkflowType) -> dict[str, str]:
    """Return path, from the root of the project, and text of each file of a new workflow."""
    words = {**_words(name), "type": workflow_type.value}
    return {
        Template(path).substitute(words): Template((_TEXTS / text).read_text(encoding="utf-8")).substitute(words)
        for path, text in _FILES.items()
    }


def name_problem(name: str) -> str | None:
    """Return why no project can have a workflow of a name; None if one can."""
    try:
        msgspec.convert(name, WorkflowName)
    except msgspec.ValidationError:
        return "a workflow's name begins with a letter and has a-z, 0-9 and hyphens only, e.g. orders"
    if not _is_text(name):
        return "it is not a text to all readers of YAML; choose another name"
    if name in (naming.FOUNDATION, naming.DEPLOY):
        return "it is that of another template of every project; choose another name"
    if keyword.iskeyword(_handler(name)):
        return f"it is a keyword of Python, so handlers/{name}.py could not be imported; choose another name"
    function = naming.function(name, _stage(name))
    if (length := naming.longest(function)) > FUNCTION_NAME_MAX:
        return (
            f"the function {function} could have {length} characters with an Environment of "
            f"{naming.ENVIRONMENT_MAX}; AWS Lambda allows {FUNCTION_NAME_MAX}: choose a shorter name"
        )
    return None


def find_owner(name: str, root: Path) -> str | None:
    """Return what takes a name in a project, a path from its root; None if the name is free."""
    for path in (Template(path).substitute(_words(name)) for path in (*_FILES, *_OTHERS)):
        if (root / path).exists():
            return path
    declared = re.compile(rf"^name: *[\"']?{name}[\"']? *(#.*)?$", re.MULTILINE)
    for declaration in sorted((root / "workflows").glob("*.yaml")):
        if declared.search(declaration.read_text(encoding="utf-8", errors="replace")):
            return f"workflows/{declaration.name}"
    return None


def _words(name: str) -> dict[str, str]:
    title = " ".join(name.replace("-", " ").split()).capitalize()
    return {"name": name, "stage": _stage(name), "handler": _handler(name), "title": title}


def _stage(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-")) + "Stage"


def _handler(name: str) -> str:
    return name.replace("-", "_")


def _is_text(name: str) -> bool:
    try:
        return read_plain(name) == name
    except AmbiguousScalarError:
        return False
