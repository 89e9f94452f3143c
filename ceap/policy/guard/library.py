"""cfn-guard-rs: cfn-guard 3.0.1 as a Python module, where it has a wheel."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from ceap.errors import SetupError
from ceap.policy.guard.engine import Clause, EngineReport, GuardError, GuardSyntaxError, Verdict, one_line, one_of

DISTRIBUTION: Final = "cfn-guard-rs"
VERSION: Final = "0.3.3"

_BLOCKS: Final = {
    "FileCheck",
    "RuleCheck",
    "TypeCheck",
    "TypeBlock",
    "WhenCheck",
    "Disjunction",
    "BlockGuardCheck",
    "GuardClauseBlockCheck",
}
"""The nodes of a record that hold clauses; those of the others only decide whether a block applies."""

_UNNAMED: Final = "default"
"""The rule of the clauses that stand outside of rules."""

_WORST_LAST: Final[tuple[Verdict, ...]] = ("SKIP", "PASS", "FAIL")

_running: Final[set[threading.Event]] = set()


def find_engine() -> Callable[[str, str, bool], str]:
    """Return the library's function: from a template in JSON and rules, if verbose, to the record of every clause.

    Its short report is not used: the library cuts it off.

    Raises:
        SetupError: it is not installed.
    """
    try:
        from cfn_guard_rs.cfn_guard_rs import run_checks_rs
    except ImportError:
        raise SetupError(
            f"{DISTRIBUTION}, the library that judges rules, is not installed; it has wheels for Python 3.11 and 3.12 "
            f"on Linux (glibc) and Windows, 3.11 on macOS: pip install --no-deps {DISTRIBUTION}=={VERSION}"
        ) from None
    function: Callable[[str, str, bool], str] = run_checks_rs
    return function


def run_engine(rules: Sequence[str], data: Sequence[str]) -> list[EngineReport]:
    """Judge as `Engine` says, in this process: the library holds the interpreter lock during each call."""
    stop = threading.Event()
    _running.add(stop)
    try:
        return [_join([_judge(template, text, stop) for text in rules]) for template in data]
    finally:
        _running.discard(stop)


def stop_engines() -> None:
    """Let every running `run_engine` end before its next call of the library."""
    for stop in list(_running):
        stop.set()


def _judge(template: str, rules: str, stop: threading.Event) -> EngineReport:
    run_checks = find_engine()
    if stop.is_set():
        raise SetupError(f"{DISTRIBUTION}: was ended; run `ceap check` again")
    try:
        record = run_checks(template, rules, True)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        # A panic of the library is no Exception.
        if type(error).__name__ == "CfnGuardParseError":
            raise GuardSyntaxError(str(error).rpartition("Error parsing file ")[2].strip("` ")) from None
        raise GuardError(str(error)) from None
    if not record:
        raise GuardError("the rule file is empty")
    return _read_record(msgspec.json.decode(record))


def _join(reports: Sequence[EngineReport]) -> EngineReport:
    """Join the reports on the rule files, whose rules have names of their own but for those without any."""
    verdicts: dict[str, Verdict] = {}
    failed: list[tuple[str, list[Clause]]] = []
    for number, report in enumerate(reports, 1):
        names = {_UNNAMED: f"RULES_STDIN[{number}]/{_UNNAMED}"}  # as the binary calls them
        verdicts |= {names.get(rule, rule): verdict for rule, verdict in report.verdicts.items()}
        failed += [(names.get(rule, rule), clauses) for rule, clauses in report.failed]
    return EngineReport(verdicts, failed)


def _read_record(record: dict[str, Any]) -> EngineReport:
    verdicts: dict[str, Verdict] = {}
    failed: list[tuple[str, list[Clause]]] = []
    for node in record["children"]:
        if "RuleCheck" not in node["container"]:
            continue  # what a `let` of the file queries
        rule, verdict = node["container"]["RuleCheck"]["name"], node["container"]["RuleCheck"]["status"]
        verdicts[rule] = max(verdicts.get(rule, "SKIP"), verdict, key=_WORST_LAST.index)
        if verdict == "FAIL":
            failed.append((rule, list(_failed_clauses(node))))
    return EngineReport(verdicts, failed)


def _failed_clauses(node: dict[str, Any]) -> Iterator[Clause]:
    """Yield the failed clauses below a node of the record."""
    [(kind, body)] = node["container"].items()
    if kind == "ClauseValueCheck":
        yield from _clauses(node["context"], body)
    elif kind == "BlockGuardCheck" and body["status"] == "FAIL" and not node["children"]:
        yield Clause("", "", f"{node['context']} exists")
    elif kind in _BLOCKS and _status(body) == "FAIL":
        below = [clause for child in node["children"] for clause in _failed_clauses(child)]
        if kind == "Disjunction":
            below = one_of(below)
        outer = one_line(body["message"]) if kind == "RuleCheck" else ""
        yield from (Clause(clause.path, clause.message or outer, clause.text) for clause in below)


def _status(body: Any) -> str:
    """Return the status of a node: of a `TypeBlock` it is all there is, and a `TypeCheck` holds it deeper."""
    if isinstance(body, str):
        return body
    status: str = body.get("block", body)["status"]
    return status


def _clauses(context: str, check: Any) -> Iterator[Clause]:
    """Yield the clause of a leaf of the record if it failed; `context` is the clause in Guard's words."""
    text = " ".join(context.split())
    match check:
        case {"Unary": {"value": {"status": "PASS" | "SKIP"}}}:
            pass  # a comparison that holds is no Comparison in the record, but a Success
        case {"NoValueForEmptyCheck": message}:
            yield Clause("", one_line(message), text)
        case {"DependentRule": {"rule": str(rule), "custom_message": message}}:
            yield Clause("", one_line(message), " ".join(rule.split()))
        case {"MissingBlockValue": {"from": {"UnResolved": missing}}}:
            yield Clause(missing["traversed_to"]["path"], "", f"{missing['remaining_query']} exists")
        case {"Unary": {"value": {"from": value, "custom_message": message}}} if text:
            yield Clause(_path(value), one_line(message), text)
        case {"Comparison": {"to": {"UnResolved": _} as value, "custom_message": message}} if text:
            yield Clause(_path(value), one_line(message), text)
        case {"Comparison": body} | {"InComparison": body} if text:
            yield Clause(_path(body["from"]), one_line(body["custom_message"]), text)


def _path(value: dict[str, Any]) -> str:
    [(kind, body)] = value.items()
    path: str = (body["traversed_to"] if kind == "UnResolved" else body)["path"]
    return path
