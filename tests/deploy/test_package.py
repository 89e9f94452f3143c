"""The package holds the handlers and what they import, for the functions' machine and Python, the same every time."""

import io
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import handlers
from ceap.archive import build_zip, read_sources
from ceap.deploy.package import build_package, check_locks, check_native, merge
from ceap.errors import UsageError
from tests.deploy.wheels import make_wheel

HANDLERS = Path(handlers.__file__).parent
ROOT = HANDLERS.parent


def elf(machine: int) -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + machine.to_bytes(2, "little") + bytes(44)


def make_handlers(folder: Path, requirements: str) -> Path:
    package = folder / "handlers"
    package.mkdir(parents=True)
    (package / "take.py").write_text("handler = None\n")
    (package / "requirements.txt").write_text(requirements)
    return package


def make_set(package: Path, name: str, lock: str) -> Path:
    path = package / "packages" / f"{name}.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(lock)
    return path


def test_the_package_holds_the_handlers_and_the_wheels(index: Path, tmp_path: Path) -> None:
    line = make_wheel(index, "native", {"native/core.so": elf(183)}, "cp313-cp313-manylinux2014_aarch64")
    package = build_package(make_handlers(tmp_path, line), tmp_path / "cache")
    assert zipfile.ZipFile(io.BytesIO(package.content)).namelist() == [
        "handlers/take.py",
        "native-1.0.dist-info/METADATA",
        "native-1.0.dist-info/RECORD",
        "native-1.0.dist-info/WHEEL",
        "native/core.so",
    ]


def test_two_builds_in_two_folders_are_the_same_bytes(index: Path, tmp_path: Path) -> None:
    lines = "\n".join(make_wheel(index, name, {f"{name}.py": b""}) for name in ("one", "two"))
    first = build_package(make_handlers(tmp_path / "a", lines), tmp_path / "a" / "cache")
    shutil.rmtree(tmp_path / "a")
    assert build_package(make_handlers(tmp_path / "b", lines), tmp_path / "b" / "cache") == first


def test_a_native_file_for_another_machine_is_refused(index: Path, tmp_path: Path) -> None:
    line = make_wheel(index, "native", {"native/core.so": elf(62)})
    with pytest.raises(UsageError, match=r"native/core\.so: is not built for aarch64"):
        build_package(make_handlers(tmp_path, line), tmp_path / "cache")


def test_a_wheel_that_would_replace_a_handler_is_refused(index: Path, tmp_path: Path) -> None:
    line = make_wheel(index, "rude", {"handlers/take.py": b"stolen"})
    with pytest.raises(UsageError, match=r"handlers/take\.py: is in handlers and in rude-1\.0-py3-none-any\.whl"):
        build_package(make_handlers(tmp_path, line), tmp_path / "cache")


def test_more_than_lambda_unzips_is_refused(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ceap.deploy.package.UNZIPPED_LIMIT_BYTES", 14)
    package = make_handlers(tmp_path, "")
    with pytest.raises(UsageError) as caught:
        build_package(package, tmp_path / "cache")
    assert str(caught.value) == (
        f"{package}/requirements.txt: its zip unzips to 15 bytes; Lambda allows 14; move what few handlers import to a "
        "set, handlers/packages/NAME.in; its parts, in bytes: handlers 15"
    )


def test_a_set_that_is_too_large_is_refused_with_its_parts_the_largest_first(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ceap.deploy.package.UNZIPPED_LIMIT_BYTES", 1000)
    package = make_handlers(tmp_path, make_wheel(index, "small", {"small.py": b"1"}))
    lock = make_set(package, "tables", make_wheel(index, "large", {"large.py": b"1" * 800}))
    with pytest.raises(UsageError) as caught:
        build_package(package, tmp_path / "cache", lock)
    assert str(caught.value) == (
        f"{lock}: its zip unzips to 1,258 bytes; Lambda allows 1,000; list only what its handlers import, or split the "
        "set; its parts, in bytes: large 1.0 1,021, small 1.0 222, handlers 15"
    )


def test_a_set_is_added_to_what_every_function_has(index: Path, tmp_path: Path) -> None:
    base = make_wheel(index, "pure", {"pure.py": b""})
    package = make_handlers(tmp_path, base)
    lock = make_set(package, "tables", f"{base}\n{make_wheel(index, 'more', {'more.py': b'12'})}")
    with_set = build_package(package, tmp_path / "cache", lock)
    names = zipfile.ZipFile(io.BytesIO(with_set.content)).namelist()
    assert [name for name in names if name.endswith(".py")] == ["handlers/take.py", "more.py", "pure.py"]
    assert [(part.name, part.version) for part in with_set.parts] == [
        ("more", "1.0"),
        ("pure", "1.0"),
        ("handlers", None),
    ]


def test_a_set_changes_no_byte_of_what_every_function_has(index: Path, tmp_path: Path) -> None:
    package = make_handlers(tmp_path, make_wheel(index, "pure", {"pure.py": b""}))
    before = build_package(package, tmp_path / "cache")
    make_set(package, "tables", make_wheel(index, "more", {"more.py": b""}))
    assert build_package(package, tmp_path / "cache") == before


def test_locks_that_give_one_package_two_versions_are_refused(tmp_path: Path) -> None:
    package = make_handlers(tmp_path, "typing_extensions==4.1 --hash=sha256:0")
    lock = make_set(package, "tables", "Typing.Extensions==4.2 \\\n    --hash=sha256:0")
    with pytest.raises(UsageError) as caught:
        check_locks([package / "requirements.txt", lock])
    assert str(caught.value) == (
        f"{lock}: locks typing-extensions 4.2, but {package}/requirements.txt locks typing-extensions 4.1, and .venv "
        "can hold only one of them, for all functions; call `make lock`, which gives both the same"
    )


def test_locks_that_agree_are_accepted(tmp_path: Path) -> None:
    package = make_handlers(tmp_path, "one==1.0\ntwo==2.0\n")
    check_locks([package / "requirements.txt", make_set(package, "tables", "two==2.0\n"), make_set(package, "x", "")])


def test_parts_without_a_common_file_are_merged() -> None:
    assert merge([("a", {"a.py": b"1"}), ("b", {"b.py": b"2"})]) == {"a.py": b"1", "b.py": b"2"}


@pytest.mark.parametrize(
    ("path", "content", "finding"),
    [
        ("x/core.so", elf(62), "x/core.so: is not built for aarch64, the functions' machine"),
        ("x/libz.so.1", elf(62), "x/libz.so.1: is not built for aarch64, the functions' machine"),
        ("x/core.so", b"\xcf\xfa\xed\xfe", "x/core.so: is not built for Linux, the functions' system"),
        ("x/core.pyd", b"MZ", "x/core.pyd: is not built for Linux, the functions' system"),
        (
            "x/core.cpython-311-aarch64-linux-gnu.so",
            elf(183),
            "x/core.cpython-311-aarch64-linux-gnu.so: is not built for Python 3.13, the functions' runtime",
        ),
    ],
)
def test_a_native_file_that_could_not_load_is_found(path: str, content: bytes, finding: str) -> None:
    assert check_native({"x/__init__.py": b"", path: content}) == [finding]


@pytest.mark.parametrize("name", ["core.cpython-313-aarch64-linux-gnu.so", "core.abi3.so", "libz.so.1"])
def test_a_native_file_for_the_runtime_is_accepted(name: str) -> None:
    assert check_native({name: elf(183)}) == []


def test_the_pins_are_those_that_the_tests_run_with_and_leave_boto3_to_the_runtime() -> None:
    pin = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
    packaged = dict(pin.findall((HANDLERS / "requirements.txt").read_text(encoding="utf-8")))
    locked = dict(pin.findall((ROOT / "requirements.lock").read_text(encoding="utf-8")))
    assert packaged == {name: locked.get(name) for name in packaged}
    assert {"msgspec", "boto3", "botocore"} & packaged.keys() == {"msgspec"}


def test_the_packaged_handlers_import_alone_and_load_nothing_heavy(tmp_path: Path) -> None:
    sources = read_sources(HANDLERS)
    zipfile.ZipFile(io.BytesIO(build_zip(sources))).extractall(tmp_path)
    modules = [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in sources]
    program = (
        "import importlib, json, sys\n"
        f"sys.path[:0] = [{str(tmp_path)!r}]; sys.path.append({sysconfig.get_path('purelib')!r})\n"
        f"for module in {modules!r}: importlib.import_module(module)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    # -S: without the project's own folder, which the editable install puts on the path.
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    loaded = set(json.loads(done.stdout))
    assert {"ceap", "templates", "troposphere", "boto3", "botocore", "aws_lambda_powertools"} & loaded == set()
