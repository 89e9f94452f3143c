"""`ceap package` says where the zips are, what is in them, and under which prefix the functions expect them."""

import hashlib
import io
import json
import re
import sys
import zipfile
from pathlib import Path

import pytest

from ceap.cli import main
from templates import discovery, lambda_runtime
from tests.deploy.wheels import make_wheel

MAIN = 'if __name__ == "__main__":\n    pass\n'


@pytest.fixture
def project(own_handlers: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project whose handlers need no wheels; it is the current folder too."""
    (own_handlers / "requirements.txt").write_text("")
    monkeypatch.chdir(own_handlers.parent)
    return own_handlers.parent


HANDLER = """
import msgspec
from handlers.runtime.needs import Needs

class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass

NEEDS = Needs(settings=Settings, packages="tables")
handler = print
"""


def write_set(project: Path, name: str, lock: str = "") -> None:
    folder = project / "handlers" / "packages"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.in").write_text("")
    (folder / f"{name}.txt").write_text(lock)


def prefix_of(folder: Path) -> str:
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.name}\n" for path in sorted(folder.iterdir())]
    return f"handlers/{hashlib.sha256(''.join(lines).encode()).hexdigest()}/"


def test_the_prefix_names_the_content(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["package"]) == 0
    package = (project / "build" / "handlers" / "base.zip").read_bytes()
    sources = sum(entry.file_size for entry in zipfile.ZipFile(io.BytesIO(package)).infolist())
    assert capsys.readouterr().out == (
        f"build/handlers/base.zip  {len(package):,} bytes\n  handlers {sources:,}\n"
        f"HandlersPrefix={prefix_of(project / 'build' / 'handlers')}\n"
    )


@pytest.mark.parametrize(("words", "config"), [(["--bytecode"], ""), ([], "bytecode = true\n")])
def test_byte_code_is_added_as_asked_and_has_another_prefix(
    words: list[str], config: str, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    monkeypatch.setattr(lambda_runtime, "PYTHON", here)
    assert main(["package"]) == 0
    plain = capsys.readouterr().out.splitlines()[-1]
    (project / "ceap.toml").write_text(config)
    assert main(["package", *words]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.rpartition(" ")[0] for line in shown if line.startswith("  ")] == [
        f"  byte code for Python {here}",
        "  handlers",
    ]
    assert shown[-1] == f"HandlersPrefix={prefix_of(project / 'build' / 'handlers')}" != plain


def test_byte_code_without_such_a_python_ends_with_code_3(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lambda_runtime, "PYTHON", "3.99")
    assert main(["package", "--bytecode"]) == 3
    assert "needs Python 3.99, but ceap runs on" in capsys.readouterr().err
    assert not (project / "build" / "handlers").exists()


def test_a_program_reads_json(project: Path, index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(project, "tables", make_wheel(index, "more", {"more.py": b"12"}))
    (project / "handlers" / "take.py").write_text(HANDLER)
    assert main(["package", "--json", "--out", "other"]) == 0
    base, tables = ((project / "other" / f"{name}.zip").stat().st_size for name in ("base", "tables"))
    assert json.loads(capsys.readouterr().out) == {
        "handlersPrefix": prefix_of(project / "other"),
        "gluePrefix": None,
        "zips": [
            {"path": "other/base.zip", "sizeBytes": base, "packages": []},
            {
                "path": "other/tables.zip",
                "sizeBytes": tables,
                "packages": [{"name": "more", "version": "1.0", "sizeBytes": 218}],
            },
        ],
    }


def test_functions_that_share_a_set_share_a_zip(project: Path) -> None:
    write_set(project, "tables")
    for name in ("take", "sift"):
        (project / "handlers" / f"{name}.py").write_text(HANDLER)
    assert main(["package"]) == 0
    assert sorted(path.name for path in (project / "build" / "handlers").iterdir()) == ["base.zip", "tables.zip"]


def test_a_set_that_no_handler_names_gets_no_zip(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(project, "tables", "this is not a lock")
    assert main(["package"]) == 0
    assert capsys.readouterr().err == (
        "handlers/packages/tables.in: the NEEDS of no handler name it, so it gets no zip; remove it\n"
    )
    assert [path.name for path in (project / "build" / "handlers").iterdir()] == ["base.zip"]


def test_a_zip_of_an_earlier_package_is_removed(project: Path) -> None:
    write_set(project, "tables")
    (project / "handlers" / "take.py").write_text(HANDLER)
    assert main(["package"]) == 0
    (project / "handlers" / "take.py").unlink()
    discovery.forget_handlers()
    assert main(["package"]) == 0
    assert [path.name for path in (project / "build" / "handlers").iterdir()] == ["base.zip"]


def test_a_set_that_is_not_locked_leaves_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(project, "tables")
    (project / "handlers" / "packages" / "tables.txt").unlink()
    (project / "handlers" / "take.py").write_text(HANDLER)
    assert main(["package"]) == 2
    assert capsys.readouterr().err == (
        "ceap: handlers/take.py: NEEDS.packages is 'tables', but handlers/packages/tables.in is not locked; call "
        "`make lock`, which writes tables.txt\n"
    )
    assert not (project / "build").exists()


def test_the_prefix_names_the_content_of_all_glue_scripts(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "glue").mkdir()
    prefixes = set()
    for content in ("a", "b", "a"):
        (project / "glue" / "job.py").write_text(f"{content}\n{MAIN}")
        assert main(["package"]) == 0
        prefixes.add(capsys.readouterr().out.splitlines()[-1])
    assert len(prefixes) == 2
    assert all(re.fullmatch("GluePrefix=glue/[0-9a-f]{64}/", prefix) for prefix in prefixes)


def test_what_is_to_be_uploaded_for_glue_lies_in_one_folder(project: Path) -> None:
    (project / "glue" / "lib").mkdir(parents=True)
    for name, content in {"job.py": MAIN, "old.py": MAIN, "helper.py": "", "lib/__init__.py": ""}.items():
        (project / "glue" / name).write_text(content)
    assert main(["package"]) == 0
    uploads = project / "build" / "glue"
    assert sorted(path.name for path in uploads.iterdir()) == ["job.py", "lib.zip", "old.py"]
    assert zipfile.ZipFile(uploads / "lib.zip").namelist() == ["lib/__init__.py"]
    (project / "glue" / "old.py").unlink()
    assert main(["package"]) == 0
    assert sorted(path.name for path in uploads.iterdir()) == ["job.py", "lib.zip"]


def test_missing_requirements_end_with_code_2(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "handlers" / "requirements.txt").unlink()
    assert main(["package"]) == 2
    assert "requirements.txt: cannot be read" in capsys.readouterr().err
    assert not (project / "build" / "handlers").exists()


def test_a_place_that_cannot_be_written_ends_with_code_2(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["package", "--out", str(project / "handlers" / "__init__.py")]) == 2
    assert "cannot be written" in capsys.readouterr().err
