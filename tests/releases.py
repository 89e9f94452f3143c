"""The templates of the last release, and what a change of them would do to the stacks of those who upgrade.

`python -m tests.releases` writes those of this version, once its section stands in the changelog: the next baseline.
"""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final
from unittest.mock import patch

from ceap import project
from ceap.cfn.template import Template, parse_template
from ceap.deploy.diff.change import (
    AttributeChanged,
    Change,
    EntryChanged,
    ExportChanged,
    MayBeReplaced,
    Removed,
    Replaced,
    Topic,
    ValueChanged,
    WillFail,
)
from ceap.deploy.diff.compare import compare
from templates import discovery, naming
from tests import reference

ROOT: Final = project.ROOT
RELEASES: Final = ROOT / "releases"
SAMPLE: Final = "sample"
"""The folder of the sample's templates, as `generated/` has them; `ceap init --bare` removes it."""
REFERENCE: Final = "reference"
"""The folder of the templates of the tests' own workflows, which every clone has."""
WORKFLOWS: Final = (reference.TRIGGERED, reference.GOVERNED, reference.MIXED)

_KEEPING: Final = ("DeletionPolicy", "UpdateReplacePolicy")
_KEPT: Final = ("Retain", "RetainExceptOnCreate", "Snapshot")
_HEADING: Final = re.compile(r"^## (\S+)(?: - \d{4}-\d{2}-\d{2})?\n", re.MULTILINE)
_ANNOUNCED: Final = re.compile(r"^- `([\w*.-]+)`: ", re.MULTILINE)


def version() -> str:
    """Return the version of the project."""
    found = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(found["project"]["version"])


def last_release() -> Path:
    """Return the folder of the release that upgrades come from: there is one."""
    [folder] = RELEASES.iterdir()
    return folder


def load_templates(folder: Path) -> dict[str, Template]:
    """Return the templates of a folder by the names of their stacks, without prefix and environment."""
    suffix = naming.template_file("")
    return {
        path.name.removesuffix(suffix): parse_template(path.read_text(encoding="utf-8"), path.name)
        for path in sorted(folder.glob(f"*{suffix}"))
    }


def build_reference() -> dict[str, str]:
    """Return the templates of the tests' own workflows by file name, whatever handlers the project has beside them."""
    used = {name for path in reference.HANDLERS.glob("*.py") for name in discovery.load_needs(path.stem).tables}
    tables = {table.name: table for table in discovery.tables().values() if table in used}
    with patch.object(discovery, "tables", lambda: tables):
        return dict(project.build_all_templates(project.load_workflows(WORKFLOWS)))


def breaks(old: Template, new: Template) -> dict[str, str]:
    """Return what an upgrade breaks: a logical id, an export or a parameter, and what becomes of it."""
    return dict(found for change in compare(old, new).changes for found in _broken(old, new, change))


def _broken(old: Template, new: Template, change: Change) -> Iterator[tuple[str, str]]:
    match change:
        case Removed(subject, fate):
            yield subject.logical_id, f"{subject.type} leaves the stack: {fate}"
        case Replaced(subject, _, fate):
            yield subject.logical_id, f"{subject.type} is replaced: the old one is {fate}"
        case MayBeReplaced(subject, _, fate):
            yield subject.logical_id, f"{subject.type} may be replaced: the old one is {fate}"
        case WillFail(subject, reason):
            yield subject.logical_id, f"{subject.type} cannot be updated: {reason}"
        case AttributeChanged(subject, (attribute, *_), before, after):
            if attribute in _KEEPING and before in _KEPT and after not in _KEPT:
                yield subject.logical_id, f"{subject.type} is no longer kept: {attribute}"
        case ValueChanged(Topic.RETENTION, subject, what, before, after) if subject:
            yield subject.logical_id, f"{what} kept {after}, not {before}"
        case ExportChanged(name):
            yield name, "the export goes or gets another value, and workflows import it"
        case EntryChanged(("Parameters", name, *_)):
            yield from _parameter(old, new, name)
        case _:
            pass


def _parameter(old: Template, new: Template, name: str) -> Iterator[tuple[str, str]]:
    before, after = (side.data["Parameters"].get(name) for side in (old, new))
    if after is None:
        yield name, "the parameter is gone, and `ceap.toml` may give it a value"
    elif "Default" not in after and (before is None or "Default" in before):
        yield name, "the parameter has no default value, and nothing gives it one"


def announced(changelog: str, release: str) -> list[str]:
    """Return the patterns of what the changelog says to break, in the sections above that of a release.

    Each is an entry such as "- `batch.GlueJob`: is replaced, since ...": the template and the logical id, export or
    parameter.
    """
    sections = _HEADING.split(changelog)
    newer = sections[: sections.index(release)]
    return [pattern for section in newer for pattern in _ANNOUNCED.findall(section)]


def unannounced(old: Mapping[str, Template], new: Mapping[str, Template], patterns: list[str]) -> dict[str, str]:
    """Return what an upgrade from all templates of a release breaks, and no pattern matches."""
    gone = {f"{name}.*": "the template is gone" for name in old.keys() - new.keys()}
    both = sorted(old.keys() & new.keys())
    found = {f"{name}.{what}": why for name in both for what, why in breaks(old[name], new[name]).items()}
    return {
        what: why for what, why in (gone | found).items() if not any(fnmatchcase(what, pattern) for pattern in patterns)
    }


def write_baseline() -> None:
    """Write the templates of this version, and remove those of the release before."""
    folder = RELEASES / version()
    shutil.rmtree(RELEASES, ignore_errors=True)
    texts = {Path(REFERENCE, name): text for name, text in build_reference().items()}
    for path in project.GENERATED.glob(f"*{naming.template_file('')}"):
        texts[Path(SAMPLE, path.name)] = path.read_text(encoding="utf-8")
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    import tests.conftest  # noqa: F401 (with it the tests' own handlers are found)

    if version() not in _HEADING.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8")):
        sys.exit(f"CHANGELOG.md has no section {version()}, the version of pyproject.toml: cut the release first")
    write_baseline()
