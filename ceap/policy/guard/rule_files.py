"""CloudFormation Guard: rule files, and their verdicts on templates."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import msgspec

from ceap.errors import UsageError
from ceap.policy.finding import Fault
from ceap.policy.guard import cfn_guard
from ceap.policy.guard.engine import Clause, Engine, EngineReport, GuardError, GuardSyntaxError, Verdict
from ceap.policy.guard.joined import join

_T = TypeVar("_T")

_RULE: Final = re.compile(r"^[ \t]*rule\s+(\w+)\b(?!\s*\()", re.MULTILINE)  # one with parameters serves the others
_MESSAGE: Final = re.compile(r"<<.*?>>", re.DOTALL)
_REFERENCE: Final = re.compile(r"^#[ \t]*Reference:[ \t]*(\S+)", re.MULTILINE)
_FIX: Final = re.compile(r" \| fix: | \[FIX\]: ")
"""What stands between fault and fix in a message: in ours, and in those of AWS Control Tower."""

_UNNAMED: Final = re.compile(r"RULES_STDIN\[(\d+)\]/default")
"""What an engine calls the clauses outside of rules, by the number of their file among those it was given."""

_SUFFIXES: Final = (".guard", ".ruleset")
_TEMPLATES_MAX: Final = 16
"""Templates of one call: its memory grows by some 5 MB with each."""

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

    @property
    def unnamed(self) -> str:
        """The name of the clauses that stand outside of rules, if there are any."""
        return f"{self.file}/default"


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
    shares = _shares(data, files, os.cpu_count() or 1)
    with ThreadPoolExecutor(min(len(shares), os.cpu_count() or 1)) as pool:
        judged = list(pool.map(lambda share: _evaluate_share(engine, data, names, share), shares))
    found = [Result({}, []) for _ in data]
    for share, results in zip(shares, judged, strict=True):
        for place, result in zip(share.places, results, strict=True):
            found[place] = Result(found[place].verdicts | result.verdicts, found[place].failures + result.failures)
    rules = [rule for rule_file in files for rule in (*rule_file.rules, rule_file.unnamed)]
    verdicts = [{rule: each.verdicts[rule] for rule in rules if rule in each.verdicts} for each in found]
    return [Result(of_template, each.failures) for of_template, each in zip(verdicts, found, strict=True)]


class _Share(NamedTuple):
    """What one call of the engine judges: templates, by their places, and rule files."""

    places: Sequence[int]
    files: Sequence[RuleFile]


def _shares(data: Sequence[str], files: Sequence[RuleFile], processors: int) -> list[_Share]:
    """Return what each call of the engine, which has one thread, judges; the calls take about the same time.

    All rules on some templates are sooner judged than some rules on all: what rules share is looked up once.
    """
    if len(data) < processors:
        number = max(1, min(processors, len(files) // _SHARE_MIN))
        return [_Share(range(len(data)), files[first::number]) for first in range(number)]
    parts = max(processors, -(-len(data) // _TEMPLATES_MAX))
    heaviest_first = sorted(range(len(data)), key=lambda place: -len(data[place]))
    return [_Share(sorted(heaviest_first[first::parts]), files) for first in range(parts)]


def _evaluate_share(engine: Engine, data: Sequence[str], names: Sequence[str], share: _Share) -> list[Result]:
    part, files = [data[place] for place in share.places], share.files
    texts = join([rule_file.text for rule_file in files])
    try:
        reports = [_by_file(report, texts, files) for report in engine.run_engine(texts, part)]
    except GuardError:
        try:  # what is wrong is told of the files as they are written
            texts = [rule_file.text for rule_file in files]
            reports = [_by_file(report, texts, files) for report in engine.run_engine(texts, part)]
        except GuardError as error:
            raise _blame(engine, part, files, [names[place] for place in share.places], error) from None
    named = [names[place] for place in share.places]
    return [_read_report(report, files, name) for report, name in zip(reports, named, strict=True)]


def _by_file(report: EngineReport, texts: Sequence[str], files: Sequence[RuleFile]) -> EngineReport:
    """Return a report in which clauses outside of rules are those of their file, whatever else the engine was given."""
    owners = {rule_file.text: rule_file.unnamed for rule_file in files}

    def name(rule: str) -> str:
        unnamed = _UNNAMED.fullmatch(rule)
        return owners[texts[int(unnamed[1]) - 1]] if unnamed else rule

    verdicts = {name(rule): verdict for rule, verdict in report.verdicts.items()}
    return EngineReport(verdicts, [(name(rule), clauses) for rule, clauses in report.failed])


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
    sources = {rule: rule_file.source for rule_file in files for rule in (*rule_file.rules, rule_file.unnamed)}
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
