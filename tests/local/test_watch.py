"""What a change of a file leads to while it is watched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
import pytest

from ceap import project
from ceap.local import watch
from ceap.local.changes import Changes

WATCHING = "watching the handlers, the declaration, the message and the seed; Ctrl-C ends"
ANEW = "ceap or handlers/runtime changed, or the last run did not end: loading everything anew"


class Anew(Exception):  # noqa: N818 (no error)
    """In place of a start of the process."""


Edit = Callable[[Changes], Iterable[Path]]


def touched(path: Path) -> Edit:
    """Change a file, and return what the watch sees of it."""

    def edit(changes: Changes) -> Iterable[Path]:
        path.parent.mkdir(exist_ok=True)
        path.touch()
        return changes.find()

    return edit


def watched(monkeypatch: pytest.MonkeyPatch, folder: Path, *edits: Edit) -> list[str]:
    """Watch while files change, until the process starts anew or nothing is left to change; return what was told."""

    def restart() -> None:
        raise Anew

    def wait(changes: Changes) -> list[Path]:
        return list(next(left)(changes))

    told: list[str] = []
    left = iter(edits)
    monkeypatch.setattr(watch, "restart", restart)
    monkeypatch.setattr(Changes, "wait", wait)
    before = set(psutil.Process().children())
    with pytest.raises((Anew, StopIteration)):
        watch.watch(lambda _: 0, folder / "orders.yaml", told.append)
    assert set(psutil.Process().children()) == before
    return told


@pytest.mark.parametrize("name", ["runtime/batch.py", "runtime/sources/rows.py", "__init__.py"])
def test_a_change_of_the_framework_of_handlers_starts_the_process_anew(
    own_handlers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = own_handlers / name
    assert watched(monkeypatch, tmp_path, touched(path)) == [WATCHING, f"\n{path} changed: running again", ANEW]


@pytest.mark.parametrize("name", ["ceap/cli.py", "templates/budget.py"])
def test_a_change_of_ceap_starts_the_process_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    # Said to have changed: nothing here touches the project's own files.
    told = watched(monkeypatch, tmp_path, lambda _: [tmp_path / "first.py", project.ROOT / name])
    assert told == [WATCHING, f"\n{tmp_path / 'first.py'} and 1 other file changed: running again", ANEW]


def test_a_change_of_anything_else_runs_again_in_the_same_process(
    own_handlers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [own_handlers / "first.py", own_handlers / "shared" / "values.py", own_handlers / "runtimes.py"]
    told = watched(monkeypatch, tmp_path, *map(touched, names))
    assert told == [line for name in names for line in (WATCHING, f"\n{name} changed: running again")] + [WATCHING]
