"""The catalogue of rules: what each demands, why, and how to correct what it finds."""

from pathlib import Path
from typing import Final, Literal

import msgspec
import yaml

from ceap.errors import UsageError

NAME: Final = "catalogue.yaml"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A rule or check.

    `property` and `requirement` are numbers of docs/reference/requirements.md, `source` is the page that it rests on;
    `shares` are further properties of which it holds a part.
    `expect` is the verdict of a Guard rule on each kind of generated template, and `steps` are the steps it judges,
    where it does not judge every workflow.
    """

    title: str
    why: str
    fix: str
    property: int | None = None
    shares: tuple[int, ...] = ()
    requirement: tuple[str, ...] = ()
    source: str = ""
    steps: Literal["lambda", "glue", "glue-first"] | None = None
    expect: dict[str, str] = {}


class _Catalogue(msgspec.Struct, frozen=True):
    rules: dict[str, Entry] = {}


def load_catalogue(folder: Path) -> dict[str, Entry]:
    """Return the entries of a folder of Guard rules, by the id of the rule; a folder without a catalogue has none.

    Raises:
        UsageError: the catalogue cannot be read or lacks something.
    """
    file = folder / NAME
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        return msgspec.convert(content, _Catalogue).rules
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}; make it readable") from None
    except (yaml.YAMLError, ValueError) as error:
        text = " ".join(str(error).split())
        raise UsageError(f"{file}: not a catalogue: {text}; write title, why and fix of each rule") from None
