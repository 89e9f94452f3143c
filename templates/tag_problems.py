"""What is wrong with the tags of a declaration, each with its place and the cure."""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

from templates.placeholders import longest, placeholder_problem

# Sources: Tagging AWS Resources User Guide, "Tag naming limits and requirements"; AWS::StepFunctions::StateMachine and
# AWS::Scheduler::ScheduleGroup, whose values are not empty; IAM User Guide, "Rules for tagging": a role's keys do not
# differ by capitals alone.
TAGS_MAX: Final = 50
KEY_MAX: Final = 128
VALUE_MAX: Final = 256
_SIGNS: Final = "_.:/=+-@"
_RESERVED: Final = "aws:"


def tag_problems(tags: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the problems of tags: the key, or nothing if all together are wrong, and the text."""
    if len(tags) > TAGS_MAX:
        yield (), f"has {len(tags)} tags; AWS allows {TAGS_MAX}: remove some"
    seen: dict[str, str] = {}
    for key, value in tags.items():
        if problem := _key_problem(key) or placeholder_problem(value) or _value_problem(longest(value)):
            yield (key,), problem
        if (other := seen.setdefault(key.casefold(), key)) != key:
            yield (key,), f"differs from {other!r} by capitals alone, which IAM does not tell apart; rename one"


def _key_problem(key: str) -> str | None:
    if not 1 <= len(key) <= KEY_MAX:
        return f"has a key of {len(key)} characters; AWS allows 1 to {KEY_MAX}"
    if key.lower().startswith(_RESERVED):
        return f"begins with '{_RESERVED}', which AWS keeps for its own tags; choose another key"
    return _sign_problem(key)


def _value_problem(value: str) -> str | None:
    if not 1 <= len(value) <= VALUE_MAX:
        return f"has a value of {len(value)} characters; AWS allows 1 to {VALUE_MAX}"
    return _sign_problem(value)


def _sign_problem(text: str) -> str | None:
    wrong = next((sign for sign in text if not _is_allowed(sign)), None)
    return None if wrong is None else f"holds {wrong!r}; AWS allows letters, digits, spaces and {_SIGNS}"


def _is_allowed(sign: str) -> bool:
    return sign in _SIGNS or unicodedata.category(sign)[0] in "LZN"
