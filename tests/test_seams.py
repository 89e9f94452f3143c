"""The libraries still have the parts that the project replaces, hooks or reads though they are private."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.seams import (
    PYTHON,
    ROOT,
    Part,
    Seam,
    changes,
    digest_of,
    load_seams,
    origin_of,
    overridden,
    parts_of,
    private_uses,
    source_of,
)

SEAMS = load_seams()
LIBRARIES = sorted(
    {part.module.partition(".")[0] for seam in SEAMS for part, digest in parts_of(seam) if digest != PYTHON}
)
PACKAGES = ("ceap", "templates", "handlers", "glue", "guard_rules")

# One worker reads the sources of the libraries for all these tests.
pytestmark = pytest.mark.xdist_group("seams")

# Runs apart: this process has hooked moto already, or will while other tests run.
_RECORD = """
import json
from ceap.local import hooks
seen, original = [], hooks.replace

def replace(owner, name, value):
    seen.append([owner.__module__, owner.__qualname__ + "." + name] if isinstance(owner, type)
                else [owner.__name__, name])
    original(owner, name, value)

hooks.replace = replace
from ceap.local import engine
engine.install()
print(json.dumps(seen))
"""


def sources() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), file


def listed(file: str) -> set[Part]:
    return {part for seam in SEAMS if seam.used_by == file for part, _ in parts_of(seam)}


@pytest.mark.parametrize("seam", SEAMS, ids=lambda seam: seam.used_by)
def test_a_library_has_the_parts_as_they_were_when_somebody_looked(seam: Seam) -> None:
    assert list(changes(seam)) == []


def test_a_file_has_one_entry_and_exists() -> None:
    files = [seam.used_by for seam in SEAMS]
    assert len(files) == len(set(files))
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_what_the_engine_replaces_is_listed() -> None:
    done = subprocess.run([sys.executable, "-c", _RECORD], cwd=ROOT, capture_output=True, text=True, check=True)
    replaced = {origin_of(Part(*each)) for each in json.loads(done.stdout)}
    assert len(replaced) > 50
    known = {part for seam in SEAMS for part, _ in parts_of(seam)}
    assert sorted(replaced - known) == []


def test_each_private_name_of_a_library_is_listed() -> None:
    missing = [
        f"{name}:{line}: {attribute}"
        for name, file in sources()
        for line, attribute in private_uses(file)
        if attribute not in {part.last for part in listed(name)}
    ]
    assert missing == []


def test_each_method_of_a_library_that_a_class_defines_anew_is_listed() -> None:
    modules = {name: name.removesuffix(".py").replace("/", ".") for name, file in sources() if has_class(file)}
    assert {"ceap/local/moto_calls.py", "ceap/local/expressions.py"} <= modules.keys()
    missing = {
        f"{name}: {part.module}:{part.name}"
        for name, module in modules.items()
        for _, ours in inspect.getmembers(importlib.import_module(module), inspect.isclass)
        if ours.__module__ == module
        for part in overridden(ours)
        if part not in listed(name)
    }
    assert sorted(missing) == []


def has_class(file: Path) -> bool:
    """Tell whether a file has a class that may extend one of a library's."""
    text = file.read_text(encoding="utf-8")
    return re.search(
        r"^class \w+\((?!Exception|NamedTuple|Protocol|msgspec|str|Enum)", text, re.MULTILINE
    ) is not None and any(f"import {library}" in text or f"from {library}" in text for library in LIBRARIES)


@pytest.mark.parametrize("seam", SEAMS, ids=lambda seam: seam.used_by)
def test_a_file_still_names_the_library_of_each_part(seam: Seam) -> None:
    text = (ROOT / seam.used_by).read_text(encoding="utf-8")
    words = {(part.module.partition(".")[0], part.name.partition(".")[0], part.last) for part, _ in parts_of(seam)}
    assert [each for each in words if not any(word in text for word in each)] == []


@pytest.mark.parametrize("seam", SEAMS, ids=lambda seam: seam.used_by)
def test_a_changed_or_lost_part_is_noticed(seam: Seam) -> None:
    cure = f"look whether {seam.used_by} is still right ({seam.why}), then run `python -m tests.seams`"
    of_python = [part for part, digest in parts_of(seam) if digest == PYTHON]
    of_libraries = [part for part, digest in parts_of(seam) if digest != PYTHON]
    for part in of_libraries:
        assert digest_of(source_of(part) + "\n    return None") != digest_of(source_of(part))
    assert list(changes(with_digest(seam, "0", of_libraries))) == [
        f"{module} has another {name}: {cure}" for module, name in of_libraries
    ]
    assert list(changes(with_digest(seam, "0", map(of_old, of_libraries)))) == [
        f"{module} has no {name}_of_old: {cure}" for module, name in of_libraries
    ]
    assert list(changes(with_digest(seam, PYTHON, map(of_old, of_python)))) == [
        f"Python has no {module}.{name}_of_old: {cure}" for module, name in of_python
    ]


def with_digest(seam: Seam, digest: str, parts: Iterable[Part]) -> Seam:
    """Return the seam with these parts, each of which has the same digest."""
    modules: dict[str, dict[str, str]] = {}
    for module, name in parts:
        modules.setdefault(module, {})[name] = digest
    return Seam(seam.used_by, seam.why, modules)


def of_old(part: Part) -> Part:
    return Part(part.module, f"{part.name}_of_old")


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("Kept.method", "    @staticmethod\n    def method() -> int:\n        return 1"),
        ("Kept.LIMIT", "    LIMIT = 1"),
        ("Kept._held", "        self._held: list[int] = []"),
        ("CHOSEN", '    CHOSEN = "a"\n    CHOSEN = "b"'),
        ("time", "import time\ntime.sleep"),
        ("Kept.absent", ""),
        ("absent", ""),
    ],
)
def test_the_source_of_a_part_is_what_defines_it(
    name: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_library.py").write_text(
        "import time\n"
        "class Kept:\n"
        "    LIMIT = 1\n"
        "    def __init__(self):\n"
        "        self._held: list[int] = []\n"
        "    @staticmethod\n"
        "    def method() -> int:\n"
        "        return 1\n"
        "if time:\n"
        '    CHOSEN = "a"\n'
        "else:\n"
        '    CHOSEN = "b"\n'
        "def wait():\n"
        "    CHOSEN = None\n"
        "    time.sleep(1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert source_of(Part("a_library", name)) == source


def test_an_imported_name_is_looked_at_where_it_is_defined() -> None:
    assert origin_of(Part("moto.sqs.models", "unix_time")) == Part("moto.core.utils", "unix_time")
    assert origin_of(Part("moto.sqs.models", "Queue")) == Part("moto.sqs.models", "Queue")
    assert origin_of(Part("botocore.session", "UserAgentString")) == Part("botocore.useragent", "UserAgentString")
