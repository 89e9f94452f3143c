"""Rule files as few texts for an engine, in which what several files look up stands once.

For `Resources.*[...]` an engine copies all resources, twice; a name it looks up once, and copies nothing. Joined, our
rules take half of the time; each file still stands by itself, for AWS's own tools.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

_RULE: Final = re.compile(r"^[ \t]*rule[ \t]+(\w+)", re.MULTILINE)
_LET: Final = re.compile(r"^let (\w+) = .*\n(?:[ \t\]].*\n)*", re.MULTILINE)
"""A name for a whole file, with the lines on which what it stands for goes on."""

_EVERY: Final = "every_resource_of_the_template"
_FILTER: Final = re.compile(r"^(let \w+ = )Resources\.\*\[", re.MULTILINE)
"""A name for some of the resources: the same of `Resources.*`, which every template that is judged has."""

_PLAIN: Final = re.compile(r"#.*|let \w+ = .*|rule \w+.*\{[ \t]*(?:#.*)?|[}\]][ \t]*||[ \t].*")
"""The lines of a file that has nothing but names and rules at its top level, each from the begin of a line on."""

_LONG_MESSAGE: Final = re.compile(r"<<(?:(?!>>).)*\n(?!\s)", re.DOTALL)
"""A message whose lines could pass for any of these."""


class _Group(msgspec.Struct):
    """Texts that can be one: the names in them, with their lines, and the names of their rules."""

    names: dict[str, str]
    rules: set[str]
    texts: list[str]

    def takes(self, names: dict[str, str], rules: set[str]) -> bool:
        return self.rules.isdisjoint(rules) and all(self.names.get(name, text) == text for name, text in names.items())

    def add(self, names: dict[str, str], rules: set[str], text: str) -> None:
        self.texts.append(_LET.sub(lambda found: "" if found[1] in self.names else found[0], text))
        self.names |= names
        self.rules |= rules

    def text(self) -> str:
        return "".join([f"let {_EVERY} = Resources.*\n", *(_FILTER.sub(rf"\1%{_EVERY}[", each) for each in self.texts)])


def join(texts: Sequence[str]) -> list[str]:
    """Return rule files as fewer texts of the same rules; what is written in an unusual way stays as it is."""
    groups: list[_Group] = []
    alone: list[str] = []
    for given in texts:
        text = f"{given}\n"
        names = {found[1]: found[0].rstrip() for found in _LET.finditer(text)}
        rules = _RULE.findall(text)
        if not _is_plain(text):
            alone.append(given)
            continue
        group = next((each for each in groups if each.takes(names, set(rules))), None)
        if group is None:
            groups.append(group := _Group({}, set(), []))
        group.add(names, set(rules), text)
    return [group.text() for group in groups] + alone


def _is_plain(text: str) -> bool:
    """Tell whether a file can be joined with others: nothing in it can be mistaken, and nothing stands twice."""
    if _LONG_MESSAGE.search(text) or _EVERY in text or not all(map(_PLAIN.fullmatch, text.split("\n"))):
        return False
    names, rules = [found[1] for found in _LET.finditer(text)], _RULE.findall(text)
    return len({*names}) == len(names) and len({*rules}) == len(rules)
