from __future__ import annotations

from pathlib import Path

import pytest

from ceap import project
from ceap.cfn.template import SIZE_MAX
from ceap.errors import UsageError
from ceap.policy.freshness import check_generated

pytestmark = pytest.mark.usefixtures("own_project")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "generated"
    made.mkdir()
    return made


def findings(folder: Path, **files: str) -> str:
    found = check_generated([(folder / f"{name}.yaml", text) for name, text in files.items()], folder)
    return "".join(f"{finding}\n" for finding in found)


def test_what_is_committed_is_what_the_declarations_generate() -> None:
    assert check_generated(project.build_generated(), project.GENERATED) == []


def test_a_file_that_differs_is_stale_where_it_begins_to_differ(folder: Path) -> None:
    (folder / "a.yaml").write_text("one\ntwo\n3\n")
    assert findings(folder, a="one\ntwo\nthree\n") == (
        "generated/a.yaml:3: GEN01_FRESH: differs from what the declarations generate | "
        "fix: run `make templates` and commit what it writes\n"
    )


@pytest.mark.parametrize("content", [b"one", b"one\r\n", b"one\n\n", b"", b"\xff\x00"])
def test_a_difference_of_one_byte_is_stale(folder: Path, content: bytes) -> None:
    (folder / "a.yaml").write_bytes(content)
    assert "GEN01_FRESH: differs" in findings(folder, a="one\n")


def test_a_missing_file_is_named(folder: Path) -> None:
    assert findings(folder, a="one\n").startswith("generated/a.yaml:1: GEN01_FRESH: the file is missing | fix: ")


def test_a_missing_folder_means_missing_files(tmp_path: Path) -> None:
    assert "the file is missing" in findings(tmp_path / "none", a="one\n")


def test_a_file_that_no_declaration_generates_is_left_over(folder: Path) -> None:
    (folder / "a.yaml").write_text("one\n")
    (folder / "old.template.yaml").write_text("one\n")
    assert findings(folder, a="one\n") == (
        "generated/old.template.yaml:1: GEN01_FRESH: no declaration generates this file | fix: remove it\n"
    )


def test_hidden_files_are_left_alone(folder: Path) -> None:
    (folder / ".DS_Store").write_bytes(b"\0")
    assert findings(folder) == ""


def test_a_folder_in_the_place_of_a_file_is_refused(folder: Path) -> None:
    (folder / "a.yaml").mkdir()
    with pytest.raises(UsageError, match=r"^generated/a.yaml: cannot be read: Is a directory; remove it and run"):
        findings(folder, a="one\n")


def test_a_template_too_large_for_cloudformation_is_found_though_fresh(folder: Path) -> None:
    (folder / "a.yaml").write_text("x" * (SIZE_MAX + 1))
    (folder / "b.yaml").write_text("x" * SIZE_MAX)
    assert findings(folder, a="x" * (SIZE_MAX + 1), b="x" * SIZE_MAX) == (
        "generated/a.yaml:1: GEN02_SIZE: 1000001 bytes; CloudFormation allows 1000000 | fix: split the workflow\n"
    )
