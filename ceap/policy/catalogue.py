"""The catalogue of rules: what each demands, why, and how to correct what it finds."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

import msgspec
import yaml

from ceap.errors import UsageError

NAME: Final = "catalogue.yaml"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A rule or check.

    `property` and `requirement` are numbers of docs/reference/requirements.md, `expect` is the verdict of a Guard rule
    on each kind of generated template, and `steps` are the steps it judges, where it does not judge every workflow.
    """

    title: str
    why: str
    fix: str
    property: int | None = None
    requirement: tuple[str, ...] = ()
    steps: Literal["lambda", "glue", "glue-first"] | None = None
    expect: dict[str, str] = {}


class Catalogue(msgspec.Struct, frozen=True):
    """Entries by the id of the rule (Guard) or check (Python)."""

    rules: dict[str, Entry] = {}
    checks: dict[str, Entry] = {}


def load_catalogue(folder: Path) -> Catalogue:
    """Read the catalogue of a folder of rules; one without has no entries.

    Raises:
        UsageError: the catalogue cannot be read or lacks something.
    """
    file = folder / NAME
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        return msgspec.convert(content, Catalogue)
    except FileNotFoundError:
        return Catalogue()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}; make it readable") from None
    except (yaml.YAMLError, ValueError) as error:
        text = " ".join(str(error).split())
        raise UsageError(f"{file}: not a catalogue: {text}; write title, why and fix of each rule") from None


def load_entries(folders: Iterable[Path]) -> dict[str, Entry]:
    """Return the entries of several folders by id.

    Raises:
        UsageError: a catalogue cannot be read or lacks something.
    """
    entries: dict[str, Entry] = {}
    for folder in folders:
        catalogue = load_catalogue(folder)
        entries |= catalogue.rules | catalogue.checks
    return entries
