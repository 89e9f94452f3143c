"""The changes of files: which are found, and when they are told."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ceap.local.changes import Changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "handlers"
    folder.mkdir()
    for name in ("a.py", "b.py"):
        (folder / name).write_text("1")
    return folder


def rewrite_within_the_second(path: Path) -> None:
    before = path.stat()
    path.write_text("2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns // 10**9 * 10**9 + 1))


def replace_with_its_date(path: Path) -> None:
    before, other = path.stat(), path.with_name("other")
    other.write_text("2")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize(
    "edit",
    [lambda path: path.write_text("11"), rewrite_within_the_second, replace_with_its_date, Path.unlink],
    ids=["longer", "of the same second and size", "another of the same date and size", "gone"],
)
def test_a_file_that_is_written_replaced_or_gone_has_changed(folder: Path, edit: Callable[[Path], object]) -> None:
    changes = Changes([folder], [])
    assert changes.find() == {}
    edit(folder / "a.py")
    assert list(changes.find()) == [folder / "a.py"]
    changes.renew()
    assert changes.find() == {}


def test_new_modules_count_in_new_folders_too_and_what_is_none_does_not(folder: Path) -> None:
    changes = Changes([folder], [])
    (folder / "shared").mkdir()
    (folder / "__pycache__").mkdir()
    for name in ("shared/c.py", "__pycache__/a.py", "notes.txt", ".hidden.py", "a.py~"):
        (folder / name).write_text("1")
    (folder / ".#a.py").symlink_to("nobody@nowhere")
    assert list(changes.find()) == [folder / "shared" / "c.py"]


def test_at_other_places_all_files_count_also_those_that_were_not_there(folder: Path, tmp_path: Path) -> None:
    message, seed = tmp_path / "message.json", tmp_path / "seed"
    changes = Changes([], [message, seed])
    message.write_text("{}")
    (seed / "s3").mkdir(parents=True)
    (seed / "s3" / ".key").write_text("")
    assert list(changes.find()) == [message, seed / "s3" / ".key"]


def test_places_that_are_named_later_replace_the_last_and_hide_no_earlier_change(folder: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    changes = Changes([folder], [])
    changes.name(first)
    (folder / "a.py").unlink()
    second.write_text("1")
    changes.name(second)
    first.write_text("1")
    assert list(changes.find()) == [folder / "a.py"]
    second.write_text("22")
    assert list(changes.find()) == [folder / "a.py", second]


def test_it_waits_until_files_change_no_more(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def edits() -> Iterator[None]:
        yield
        (folder / "a.py").unlink()  # as an editor does, before it writes the file anew
        yield
        (folder / "a.py").write_text("333")
        yield
        (folder / "b.py").write_text("4444")
        yield
        yield

    going_on = edits()
    monkeypatch.setattr(time, "sleep", lambda seconds: next(going_on))
    assert Changes([folder], []).wait() == [folder / "a.py", folder / "b.py"]
    assert list(going_on) == []
