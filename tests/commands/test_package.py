"""`ceap package` says where the zip is, how large, and under which key the functions expect it."""

import hashlib
import json
import re
import zipfile
from pathlib import Path

import pytest

from ceap.cli import main

MAIN = 'if __name__ == "__main__":\n    pass\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project whose handlers need no wheels; it is the current folder too."""
    package = tmp_path / "handlers"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "requirements.txt").write_text("")
    monkeypatch.setattr("handlers.__file__", str(package / "__init__.py"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_key_names_the_content(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["package"]) == 0
    package = (project / "build" / "handlers.zip").read_bytes()
    assert capsys.readouterr().out == (
        f"build/handlers.zip  {len(package)} bytes\nHandlersKey=handlers/{hashlib.sha256(package).hexdigest()}.zip\n"
    )


def test_a_program_reads_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["package", "--json", "--out", "other/x.zip"]) == 0
    package = (project / "other" / "x.zip").read_bytes()
    assert json.loads(capsys.readouterr().out) == {
        "path": "other/x.zip",
        "sizeBytes": len(package),
        "handlersKey": f"handlers/{hashlib.sha256(package).hexdigest()}.zip",
        "gluePrefix": None,
    }


def test_the_prefix_names_the_content_of_all_glue_scripts(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "glue").mkdir()
    prefixes = set()
    for content in ("a", "b", "a"):
        (project / "glue" / "job.py").write_text(f"{content}\n{MAIN}")
        assert main(["package"]) == 0
        prefixes.add(capsys.readouterr().out.splitlines()[2])
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
    assert not (project / "build" / "handlers.zip").exists()


def test_a_place_that_cannot_be_written_ends_with_code_2(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["package", "--out", str(project / "handlers" / "__init__.py" / "x.zip")]) == 2
    assert "cannot be written" in capsys.readouterr().err
