"""Members of a JSON object put into its text, so that all else stays as it was written."""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from json.decoder import scanstring  # type: ignore[attr-defined]  # missing from the type stubs
from typing import Any, TypeAlias

from lib.errors import JobError

GAP = re.compile(r"[ \t]*[:,]?[ \t]*")  # between the parts of a JSON object on one line
Scan: TypeAlias = Callable[[str, int], tuple[Any, int]]  # the JSON value at an index of a text, and where it ends
to_json = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


def read_members(text: str, start: int, scan: Scan) -> Iterator[tuple[str, int, int]]:
    """Yield name, begin and end of each value of the object at `start` of a line that is valid JSON."""
    at = GAP.match(text, start + 1).end()  # type: ignore[union-attr]  # it matches everywhere
    while text[at] == '"':
        name, at = scanstring(text, at + 1)
        begin = GAP.match(text, at).end()  # type: ignore[union-attr]  # as above
        _, end = scan(text, begin)
        yield name, begin, end
        at = GAP.match(text, end).end()  # type: ignore[union-attr]  # as above


def set_member(text: str, start: int, path: tuple[str, ...], value: str, scan: Scan) -> str:
    """Return a line with a JSON value at a path of the object at `start`; all else stays as it is written."""
    if text[start] != "{":
        raise JobError(f"a record has no object where `output` wants to put {'.'.join(path)}; correct the settings")
    name, *rest = path
    found, end = None, 0
    for key, begin, end in read_members(text, start, scan):
        if key == name:
            found = begin, end
    if found and rest:
        return set_member(text, found[0], tuple(rest), value, scan)
    if found:
        return text[: found[0]] + value + text[found[1] :]
    for step in reversed(rest):
        value = f"{{{to_json(step)}:{value}}}"
    last = end or start + 1
    return f"{text[:last]}{',' if end else ''}{to_json(name)}:{value}{text[last:]}"
