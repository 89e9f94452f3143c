"""The site: `python -m pages.site` builds the pages into build/site, and it works from the disk as from a server.

The builder takes one folder, and nothing outside it may be linked. So the pages are put together in a folder of their
own first: those of docs/, those of the root under the names of `ROOT_PAGES`, and each file that a page links, as text.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from ceap.project import ROOT

OUT: Final = ROOT / "build" / "site"
ROOT_PAGES: Final = {
    "README.md": "overview.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
_FENCE: Final = re.compile(r"(^ *(`{3,}).*?^ *\2$)", re.DOTALL | re.MULTILINE)
_LINK: Final = re.compile(r"(\]\()(?!\w+:|#)([^)#\s]+)")


class SiteError(Exception):
    """A page links what is not there, or the builder found something wrong; the text says what."""


def main() -> int:
    try:
        build(OUT)
    except SiteError as error:
        print(error, file=sys.stderr)
        return 1
    print(OUT.relative_to(ROOT) / "index.html")
    return 0


def build(out: Path) -> None:
    """Build the site into a folder, in place of what is there.

    Raises:
        SiteError: a link leads nowhere, or the builder warned.
    """
    with tempfile.TemporaryDirectory(prefix="ceap-site-") as scratch:
        work = Path(scratch).resolve()
        collect(work / "docs")
        shutil.copy(ROOT / "zensical.toml", work)
        command = [sys.executable, "-m", "zensical", "build", "--strict"]
        environment = {**os.environ, "NO_COLOR": "1"}
        done = subprocess.run(  # noqa: S603  # a fixed command
            command, cwd=work, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SiteError(re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr).partition("\nTraceback ")[0])
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(work / "site", out)


def collect(folder: Path) -> None:
    """Put all that the builder reads into a folder.

    Raises:
        SiteError: a page links what is not there.
    """
    shutil.copytree(ROOT / "docs", folder)
    for source, name in pages():
        text, linked = relink((ROOT / source).read_text(encoding="utf-8"), source)
        (folder / name).write_text(text, encoding="utf-8")
        for path in linked:
            (folder / place(path)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, folder / place(path))


def pages() -> Iterator[tuple[str, str]]:
    """Yield each page: its path in the project, and in the site's sources."""
    yield from ROOT_PAGES.items()
    for path in sorted((ROOT / "docs").rglob("*.md")):
        source = path.relative_to(ROOT).as_posix()
        yield source, place(source)


def place(path: str) -> str:
    """Return where a file of the project stands in the site's sources."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return ROOT_PAGES.get(path) or f"files/{path}.txt"


def relink(text: str, source: str) -> tuple[str, set[str]]:
    """Return a page whose links are those of the site, and the files outside docs/ that it links.

    Raises:
        SiteError: a link leads to no file.
    """
    linked: set[str] = set()
    here = PurePosixPath(place(source)).parent.as_posix()

    def replace(match: re.Match[str]) -> str:
        target = (ROOT / source).parent.joinpath(match[2]).resolve()
        if target.is_dir():  # as GitHub shows a folder
            target /= "README.md"
        if not target.is_file() or not target.is_relative_to(ROOT):
            raise SiteError(f"{source}: {match[2]} is no file of the project")
        path = target.relative_to(ROOT).as_posix()
        if not path.startswith("docs/") and path not in ROOT_PAGES:
            linked.add(path)
        return match[1] + os.path.relpath(place(path), here)

    parts = _FENCE.split(text)
    # Two groups: of three parts the first is prose, the second a block, the third its fence.
    return "".join(
        _LINK.sub(replace, part) if i % 3 == 0 else part * (i % 3 == 1) for i, part in enumerate(parts)
    ), linked


if __name__ == "__main__":
    sys.exit(main())
