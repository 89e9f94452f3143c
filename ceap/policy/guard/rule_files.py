"""CloudFormation Guard: rule files, and their verdicts on templates."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from ceap.errors import UsageError
from ceap.policy.finding import Fault
from ceap.policy.guard import cfn_guard
from ceap.policy.guard.engine import Clause, Engine, EngineReport, GuardError, GuardSyntaxError, Verdict

_T = TypeVar("_T")

_RULE: Final = re.compile(r"^[ \t]*rule\s+(\w+)\b(?!\s*\()", re.MULTILINE)  # one with parameters serves the others
_MESSAGE: Final = re.compile(r"<<.*?>>", re.DOTALL)
_REFERENCE: Final = re.compile(r"^#[ \t]*Reference:[ \t]*(\S+)", re.MULTILINE)
_FIX: Final = re.compile(r" \| fix: | \[FIX\]: ")
"""What stands between fault and fix in a message: in ours, and in those of AWS Control Tower."""

_SUFFIXES: Final = (".guard", ".ruleset")
_SHARE_MIN: Final = 8
"""Rule files that are worth a process of their own: fewer are judged before it has read the templates."""


class RuleFile(msgspec.Struct, frozen=True):
    """A file of Guard rules; `rules` are the names of those that give a verdict of their own.

    `source` is the page that they rest on, which the file names in a comment, `# Reference: ...`; empty without one.
    """

    file: str
    text: str
    rules: tuple[str, ...]
    source: str = ""


class RuleFailure(msgspec.Struct, frozen=True):
    """A clause that failed; the place in the fault is empty when there is nothing to point at."""

    rule: str
    fault: Fault
    source: str


class Result(msgspec.Struct, frozen=True):
    """What the rules say of one template: every rule's verdict, and the clauses that failed."""

    verdicts: dict[str, Verdict]
    failures: list[RuleFailure]


def load_rules(folder: Path) -> tuple[RuleFile, ...]:
    """Read the rule files (`.guard`, `.ruleset`) of a folder and those below it, sorted by path.

    Raises:
        UsageError: no such folder, no rule files, an unreadable file or folder, a linked folder, or a file without a
            rule: each of them would leave rules out.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; name one with .guard files")
    files = sorted(file for file in _walk(folder) if file.suffix in _SUFFIXES)
    if not files:
        raise UsageError(f"{folder}: has no rules; put them into files that end in .guard or .ruleset")
    return tuple(_load_rule_file(file) for file in files)


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise UsageError(f"{error.filename}: cannot be read: {error.strerror}; make it readable")

    for above, folders, names in os.walk(folder, onerror=refuse):
        for linked in (Path(above, name) for name in folders if Path(above, name).is_symlink()):
            raise UsageError(f"{linked}: is a link to a folder; name that folder itself, with --rules or in ceap.toml")
        yield from (Path(above, name) for name in names)


def _load_rule_file(file: Path) -> RuleFile:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{file}: not a text file (UTF-8); Guard rules are text") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}; make it readable") from None
    rules = tuple(_RULE.findall(_MESSAGE.sub("", text)))
    if not rules:
        raise UsageError(
            f"{file}: declares no rule, so it could never fail; write one, `rule NAME {{ ... }}`, or remove the file"
        )
    reference = _REFERENCE.search(text)
    return RuleFile(str(file), text, rules, reference[1] if reference else "")


def refuse_clashes(files: Sequence[RuleFile]) -> None:
    """Raise UsageError if two files declare a rule of the same name: one verdict would hide the other."""
    owners: dict[str, str] = {}
    for rule_file in files:
        for rule in dict.fromkeys(rule_file.rules):
            if rule in owners:
                raise UsageError(f"{rule_file.file}: the rule {rule} is already in {owners[rule]}; rename one of them")
            owners[rule] = rule_file.file


def evaluate(
    data: Sequence[str], files: Sequence[RuleFile], names: Sequence[str], engine: Engine = cfn_guard
) -> list[Result]:
    """Return what the rules say of each template in JSON, in their order; `names` is how messages call them.

    Raises:
        UsageError: rules do not parse, or the engine failed or gave no verdict on a rule; this is never a pass.
        SetupError: the engine is missing, or was ended.
    """
    if not data:
        return []
    # The engine has one thread. Files are shared out, not templates: so a single template is judged sooner too.
    shares = max(1, min(os.cpu_count() or 1, len(files) // _SHARE_MIN))
    with ThreadPoolExecutor(shares) as pool:
        parts = list(pool.map(lambda share: _evaluate_share(engine, data, files[share::shares], names), range(shares)))
    results = []
    for of_template in zip(*parts, strict=True):
        verdicts = {rule: verdict for part in of_template for rule, verdict in part.verdicts.items()}
        results.append(Result(verdicts, [failure for part in of_template for failure in part.failures]))
    return results


def _evaluate_share(
    engine: Engine, data: Sequence[str], files: Sequence[RuleFile], names: Sequence[str]
) -> list[Result]:
    try:
        reports = engine.run_engine([rule_file.text for rule_file in files], data)
    except GuardError as error:
        raise _blame(engine, data, files, names, error) from None
    return [_read_report(report, files, name) for report, name in zip(reports, names, strict=True)]


def _blame(
    engine: Engine, data: Sequence[str], files: Sequence[RuleFile], names: Sequence[str], error: GuardError
) -> UsageError:
    """Return the error that names the rule file and the template over which the engine stumbled: it says neither."""

    def failure(files: Sequence[RuleFile], data: Sequence[str]) -> GuardError | None:
        try:
            engine.run_engine([rule_file.text for rule_file in files], data)
        except GuardError as stumbled:
            return stumbled
        return None

    rule_file = _first_failing(files, lambda some: failure(some, data))
    place = _first_failing(range(len(data)), lambda some: failure([rule_file], [data[number] for number in some]))
    alone = failure([rule_file], [data[place]]) or error
    text = " ".join(str(alone).split())[:300]
    if isinstance(alone, GuardSyntaxError):
        return UsageError(f"{rule_file.file}: Guard cannot read these rules: {text}; correct them")
    fault = f"Guard could not evaluate {rule_file.file}: {text}"
    return UsageError(f"{names[place]}: {fault}; correct one of the two, nothing was judged")


def _first_failing(items: Sequence[_T], failure: Callable[[Sequence[_T]], GuardError | None]) -> _T:
    """Return an item that makes the engine fail, found by halves."""
    while len(items) > 1:
        half = len(items) // 2
        items = items[:half] if failure(items[:half]) else items[half:]
    return items[0]


def _read_report(report: EngineReport, files: Sequence[RuleFile], name: str) -> Result:
    sources = {rule: rule_file.source for rule_file in files for rule in rule_file.rules}
    failures: list[RuleFailure] = []
    for rule, clauses in report.failed:
        shown = clauses or [Clause("", "", "the rule")]
        failures += [RuleFailure(rule, _fault(rule, clause), sources.get(rule, "")) for clause in shown]
    for rule_file in files:
        if missing := [rule for rule in rule_file.rules if rule not in report.verdicts]:
            text = f"Guard gave no verdict on {', '.join(missing)} of {rule_file.file}"
            raise UsageError(f"{name}: {text}, so nothing was judged; rewrite the rule")
    return Result(report.verdicts, list(dict.fromkeys(failures)))


def _fault(rule: str, clause: Clause) -> Fault:
    """Return what the author of a rule says of a failed clause: `[P16] what is wrong | fix: what to set`.

    A message is all that Guard hands on, so it is taken apart here, once.
    """
    what, *fix = _FIX.split(clause.message.removeprefix(f"[{rule.partition('_')[0]}] "), 1)
    return Fault(clause.path, what or f"does not hold: {clause.text}", "".join(fix))
