"""What every engine gives: a report of the rules on each template, or the error that says why there is none."""

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec

from ceap.errors import SetupError

Verdict: TypeAlias = Literal["PASS", "FAIL", "SKIP"]


class GuardError(Exception):
    """An engine gave no verdict; the message is its own."""


class GuardSyntaxError(GuardError):
    """An engine cannot read the rules; the message is its own, and says where."""


class Clause(msgspec.Struct, frozen=True):
    """A clause that failed, `text` in Guard's words; `message` is empty when the rule's author wrote none.

    `path` leads to what it judged, and is empty when there is nothing to point at.
    """

    path: str
    message: str
    text: str


class EngineReport(msgspec.Struct, frozen=True):
    """What an engine says of one template: the verdicts by rule, and the clauses of every failed rule.

    A rule may be declared more than once, for several types: the worst verdict counts, and it fails more than once.
    """

    verdicts: dict[str, Verdict]
    failed: list[tuple[str, list[Clause]]]


class Engine(Protocol):
    """A module that judges templates by rules; `DISTRIBUTION` is what it comes from."""

    DISTRIBUTION: str

    def find_engine(self) -> object:
        """Raise SetupError if it cannot judge on this machine."""

    def run_engine(self, rules: Sequence[str], data: Sequence[str]) -> list[EngineReport]:
        """Return the report on each of the templates in JSON, in their order, all rule files together.

        Raises:
            GuardError: it did not judge, or not everything; GuardSyntaxError: because it cannot read the rules.
            SetupError: it cannot be run, or was ended.
        """

    def stop_engines(self) -> None:
        """End every call of `run_engine`: it then raises SetupError in its thread."""


def choose_engine(name: str | None = None) -> Engine:
    """Return the `binary` or the `library`; without a name, the library where the binary has no build for the system.

    Raises:
        SetupError: it is not there; the message says what there is.
    """
    from ceap.policy.guard import cfn_guard

    missing = cfn_guard.missing_build()
    if name == "binary" or (name is None and not missing):
        return cfn_guard
    from ceap.policy.guard import library

    try:
        library.find_engine()
    except SetupError as error:
        raise SetupError(f"{error}, or leave out --engine library" if name else f"{missing}; {error}") from None
    return library


def one_of(clauses: list[Clause]) -> list[Clause]:
    """Return the failed alternatives that stand for all: one finding, whose message stands after the last of them."""
    if not clauses:
        return []
    last = next((clause for clause in reversed(clauses) if clause.message), clauses[-1])
    return [clause for clause in clauses if (clause.message, clause.text) == (last.message, last.text)]


def one_line(text: str | None) -> str:
    """Return an author's message in one line; the engine puts a semicolon for some of its line ends."""
    return " ".join((text or "").split()).strip("; ")
