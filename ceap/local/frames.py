"""Places in the code of a stage: which are its developer's own, and where in the repository they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

import handlers
from templates import discovery

GLUE: Final = "glue/"
HANDLERS: Final = "handlers/"


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """A place in a source; `code` is its line."""

    file: str
    line: int | None
    function: str
    code: str | None


class Code(NamedTuple):
    """The code of a stage as it runs from `root`, or from the folder `package` of the repository itself.

    `renamed` says what paths in the repository begin with, by what those in `root` begin with. Below `homes` are the
    folders of the repository. What begins with one of `framework` is not the developer's own.
    """

    root: Path
    renamed: Mapping[str, str]
    homes: Sequence[Path]
    package: str
    framework: tuple[str, ...]

    def is_own(self, frame: Frame) -> bool:
        """Tell whether the place is in code of the project, and not in the framework around it."""
        name = self._name(frame)
        return name is not None and not name.startswith(self.framework)

    def locate(self, frame: Frame) -> str:
        """Return file and line, the file as a path from the current folder if it stands below it."""
        name, path = self._name(frame), Path(frame.file)
        if name is not None:
            path = next((home / name for home in self.homes if (home / name).exists()), Path(name))
        here = Path.cwd()
        return f"{path.relative_to(here) if path.is_relative_to(here) else path}:{frame.line}"

    def describe(self, frame: Frame) -> list[str]:
        """Return the lines that show a place: where it is, and its code."""
        where = f" in {frame.function}" if frame.function else ""
        return [f"  {self.locate(frame)}{where}", *([f"      {frame.code}"] if frame.code else [])]

    def _name(self, frame: Frame) -> str | None:
        """Return the path in the repository; None if the file is not of the project."""
        path = Path(frame.file)
        if not path.is_relative_to(self.root):
            home = next((home for home in self.homes if path.is_relative_to(home / self.package)), None)
            return path.relative_to(home).as_posix() if home else None
        name = path.relative_to(self.root).as_posix()
        return next((new + name.removeprefix(old) for old, new in self.renamed.items() if name.startswith(old)), name)


def code_of_functions(root: Path, home: Path | None = None) -> Code:
    """Return the code of a function that is unpacked in `root`; `home` is the folder of code that is not ceap's."""
    if home is not None:
        return Code(root, {}, [home.absolute()], "", ())
    homes = [Path(folder).absolute().parent for folder in handlers.__path__]
    return Code(root, {}, homes, HANDLERS, (f"{HANDLERS}runtime/",))


def code_of_job(root: Path, script: str, own: str) -> Code:
    """Return the code of a Glue job: its script is there as `script`, and is `own` in the repository."""
    homes = [folder.absolute().parent for folder in discovery.JOB_FOLDERS]
    return Code(root, {script: GLUE + own, "lib.zip/": GLUE}, homes, GLUE, (f"{GLUE}lib/job.py",))
