"""Byte code in a package: compiled by the runtime's Python, the same every time, and taken without a look at dates."""

from __future__ import annotations

import io
import marshal
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import CodeType

import pytest

from ceap.archive import build_zip
from ceap.deploy.package import build_package
from ceap.deploy.runtime_bytecode import compile_files, find_python
from ceap.errors import SetupError, UsageError
from templates import lambda_runtime
from tests.deploy.test_package import make_handlers
from tests.deploy.wheels import make_wheel

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
TAG = sys.implementation.cache_tag
SOURCE = b"""
WORDS = {"one", "two", "three", "four"}

def fail(word):
    if word in {"five", "six", "seven"}:
        return (lambda: WORDS)()
    raise ValueError(word)
"""


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runtime be of the version that runs the tests."""
    monkeypatch.setattr(lambda_runtime, "PYTHON", HERE)


def run(root: Path, program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", "-B", "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{program}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def codes(code: CodeType) -> list[CodeType]:
    return [code, *(inner for each in code.co_consts if isinstance(each, CodeType) for inner in codes(each))]


@pytest.mark.usefixtures("runtime")
def test_the_byte_code_lies_where_the_import_looks_for_it(index: Path, tmp_path: Path) -> None:
    line = make_wheel(index, "pure", {"pure/__init__.py": b"", "pure/data.json": b"", "single.py": b"x = 1\n"})
    package = build_package(make_handlers(tmp_path, line), tmp_path / "cache", bytecode=True)
    names = zipfile.ZipFile(io.BytesIO(package.content)).namelist()
    assert [name for name in names if "__pycache__" in name] == [
        f"__pycache__/single.{TAG}.pyc",
        f"handlers/__pycache__/take.{TAG}.pyc",
        f"pure/__pycache__/__init__.{TAG}.pyc",
    ]
    assert {"single.py", "handlers/take.py", "pure/__init__.py"} <= set(names)
    [part] = [part for part in package.parts if part.name == f"byte code for Python {HERE}"]
    assert part.size_bytes > 0


@pytest.mark.usefixtures("runtime")
def test_without_the_option_there_is_none(index: Path, tmp_path: Path) -> None:
    line = make_wheel(index, "pure", {"pure.py": b""})
    package = build_package(make_handlers(tmp_path, line), tmp_path / "cache")
    assert [part.name for part in package.parts] == ["pure", "handlers"]
    assert b"__pycache__" not in package.content


@pytest.mark.usefixtures("runtime")
def test_an_import_takes_it_whatever_the_date_of_the_source_is(tmp_path: Path) -> None:
    files = {"own.py": SOURCE}
    compiled = compile_files(files, "handlers")
    zipfile.ZipFile(io.BytesIO(build_zip(files | compiled))).extractall(tmp_path)
    (tmp_path / "own.py").write_text("raise SystemExit('the source was compiled')\n")
    os.utime(tmp_path / "own.py", (0, 0))
    done = run(tmp_path, "import own; print(sorted(own.fail('six')))")
    assert (done.stdout, done.stderr) == ("['four', 'one', 'three', 'two']\n", "")


@pytest.mark.usefixtures("runtime")
def test_a_traceback_names_where_lambda_unpacks_it_and_shows_the_lines(tmp_path: Path) -> None:
    files = {"own/part.py": SOURCE}
    compiled = compile_files(files, "handlers")
    [content] = compiled.values()
    assert {code.co_filename for code in codes(marshal.loads(content[16:]))} == {"/var/task/own/part.py"}
    zipfile.ZipFile(io.BytesIO(build_zip(files | compiled))).extractall(tmp_path)
    done = run(tmp_path, "import own.part; own.part.fail('eight')")
    assert f'File "{tmp_path}/own/part.py", line 7, in fail\n    raise ValueError(word)\n' in done.stderr


@pytest.mark.usefixtures("runtime")
def test_hash_seed_order_and_place_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"own.py": SOURCE, "handlers/a.py": b"A = 'a b'\n", "handlers/b.py": b"A = 'a b'\n"}
    found = []
    for seed, folder in (("1", tmp_path / "here"), ("2", tmp_path / "a longer place")):
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        monkeypatch.setenv("PYTHONOPTIMIZE", seed)
        files = dict(reversed(files.items()))
        found.append(compile_files(files, "handlers"))
    assert found[0] == found[1]
    assert not any(str(tmp_path).encode() in content for content in found[0].values())


@pytest.mark.usefixtures("runtime")
def test_a_file_of_a_wheel_that_does_not_compile_stays_as_it_is() -> None:
    compiled = compile_files({"old/two.py": b"print 1\n", "old/bytes.py": b"\xff\n", "old/ok.py": b""}, "handlers")
    assert list(compiled) == [f"old/__pycache__/ok.{TAG}.pyc"]


@pytest.mark.usefixtures("runtime")
def test_a_handler_that_does_not_compile_on_the_runtime_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        compile_files({"handlers/take.py": b"def handler(\n"}, "handlers")
    assert str(caught.value) == (
        f"handlers/take.py: does not compile on Python {HERE}, the runtime's: '(' was never closed (take.py, line 1)"
    )


@pytest.mark.usefixtures("runtime")
def test_the_running_python_is_taken_if_it_is_of_the_version() -> None:
    assert find_python() == sys.executable


OTHER = """#!/bin/sh
case "$5" in
    *cache_tag*) echo "{tag} {level}" ;;
    *) echo "out of order" >&2; exit 1 ;;
esac
"""


def put_python(folder: Path, monkeypatch: pytest.MonkeyPatch, tag: str, level: str = "final") -> Path:
    """Put a program that says it is such a Python on the PATH."""
    program = folder / f"python{lambda_runtime.PYTHON}"
    program.write_text(OTHER.format(tag=tag, level=level))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{Path(str(shutil.which('sh'))).parent}")
    return program


def test_one_on_the_path_is_taken_if_it_is_of_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_runtime, "PYTHON", "3.99")
    program = put_python(tmp_path, monkeypatch, "cpython-399")
    assert find_python() == str(program)
    with pytest.raises(SetupError) as caught:
        compile_files({}, "handlers")
    assert str(caught.value) == (
        f"{program} cannot compile the package; try another build of it. It says:\nout of order\n"
    )


@pytest.mark.parametrize(
    ("tag", "level"), [(None, ""), ("cpython-398", "final"), ("pypy399", "final"), ("cpython-399", "candidate")]
)
def test_without_one_of_the_version_it_is_refused(
    tag: str | None, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lambda_runtime, "PYTHON", "3.99")
    monkeypatch.setattr(lambda_runtime, "RUNTIME", "python3.99")
    if tag is None:
        monkeypatch.setenv("PATH", str(tmp_path))
    else:
        put_python(tmp_path, monkeypatch, tag, level)
    with pytest.raises(SetupError) as caught:
        find_python()
    assert str(caught.value) == (
        f"byte code for python3.99 needs Python 3.99, but ceap runs on {platform.python_version()}, and python3.99 on "
        "the PATH does not start one; install it, e.g. `uv python install 3.99`, or package without byte code: leave "
        "out --bytecode, and `bytecode = true` in ceap.toml"
    )
