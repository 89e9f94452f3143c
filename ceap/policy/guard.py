"""CloudFormation Guard: rule files, and their verdicts on a template."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import msgspec

from ceap.errors import UsageError
from ceap.policy.finding import Finding
from ceap.policy.template import Template

Verdict: TypeAlias = Literal["PASS", "FAIL", "SKIP"]

_RULE: Final = re.compile(r"^[ \t]*rule\s+(\w+)\b(?!\s*\()", re.MULTILINE)  # one with parameters serves the others
_MESSAGE: Final = re.compile(r"<<.*?>>", re.DOTALL)
_SEVERITY: Final[Sequence[Verdict]] = ("SKIP", "PASS", "FAIL")
_CONDITIONS: Final = {"Filter", "RuleCondition", "TypeCondition", "WhenCondition"}


class RuleFile(msgspec.Struct, frozen=True):
    """A file of Guard rules; `rules` are the names of those that give a verdict of their own."""

    file: str
    text: str
    rules: tuple[str, ...]


class Failure(msgspec.Struct, frozen=True):
    """A clause that failed; `path` is the place in the template, empty when there is nothing to point at."""

    rule: str
    path: str
    message: str


def load_rules(folder: Path) -> tuple[RuleFile, ...]:
    """Read the rule files (`*.guard`) of a folder, sorted by name.

    Raises:
        UsageError: no such folder, no rule files, an unreadable one, or one without a rule.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; name one with .guard files")
    files = sorted(folder.glob("*.guard"))
    if not files:
        raise UsageError(f"{folder}: holds no rules; put them into files that end in .guard")
    return tuple(_load_rule_file(file) for file in files)


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
    return RuleFile(str(file), text, rules)


def refuse_clashes(files: Sequence[RuleFile]) -> None:
    """Raise UsageError if two files declare a rule of the same name: one verdict would hide the other."""
    owners: dict[str, str] = {}
    for rule_file in files:
        for rule in dict.fromkeys(rule_file.rules):
            if rule in owners:
                raise UsageError(f"{rule_file.file}: the rule {rule} is already in {owners[rule]}; rename one of them")
            owners[rule] = rule_file.file


def check_rules(template: Template, files: Sequence[RuleFile]) -> tuple[dict[str, Verdict], list[Finding]]:
    """Return every rule's verdict on a template, and what the failed ones found.

    Raises:
        UsageError: the engine could not evaluate a rule file; this is never a pass.
    """
    data = json.dumps(template.data)
    verdicts: dict[str, Verdict] = {}
    findings: list[Finding] = []
    for rule_file in files:
        of_file, failures = evaluate(data, rule_file, template.file)
        verdicts |= of_file
        findings += [template.finding(failure.rule, failure.message, failure.path) for failure in failures]
    return verdicts, findings


def evaluate(data: str, rule_file: RuleFile, template: str) -> tuple[dict[str, Verdict], list[Failure]]:
    """Evaluate one rule file on a template in JSON; `template` is its name in messages.

    Raises:
        UsageError: the rules do not parse, the engine failed, or it gave no verdict on a rule.
    """
    record = _run_engine(data, rule_file, template)
    verdicts: dict[str, Verdict] = {}
    failures: list[Failure] = []
    for check in record.get("children", ()):
        rule, verdict = check["container"]["RuleCheck"]["name"], check["container"]["RuleCheck"]["status"]
        # A rule may be declared for several types, once each: the worst verdict counts.
        verdicts[rule] = max(verdicts.get(rule, "SKIP"), verdict, key=_SEVERITY.index)
        if verdict == "FAIL":
            clauses = list(_failed_clauses(check)) or [_Clause("", None, "the rule")]
            failures += dict.fromkeys(Failure(rule, c.path, _message(c)) for c in clauses)
    missing = [rule for rule in rule_file.rules if rule not in verdicts]
    if missing:
        text = f"Guard gave no verdict on {', '.join(missing)} of {rule_file.file}"
        raise UsageError(f"{template}: {text}, so nothing was judged; write it anew")
    return verdicts, failures


def _run_engine(data: str, rule_file: RuleFile, template: str) -> dict[str, Any]:
    from cfn_guard_rs.cfn_guard_rs import CfnGuardParseError, run_checks_rs

    try:
        # The verbose report: the short one, which cfn_guard_rs.run_checks reads, is cut off after 8 KiB.
        report = run_checks_rs(data, rule_file.text, True)
        return json.loads(report) if report else {}
    except CfnGuardParseError as error:
        raise UsageError(f"{rule_file.file}: Guard cannot read these rules: {_brief(error)}; correct them") from None
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the Rust engine is no Exception
        text = f"Guard could not evaluate {rule_file.file}: {_brief(error)}"
        raise UsageError(f"{template}: {text}; correct one of the two, nothing was judged") from None


def _brief(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def _message(clause: _Clause) -> str:
    message = " ".join((clause.message or "").split())
    return message or f"does not hold: {clause.text}"


class _Clause(msgspec.Struct, frozen=True):
    """A failed clause of the report; `message` is None when the rule's author wrote none."""

    path: str
    message: str | None
    text: str


def _failed_clauses(node: dict[str, Any]) -> Iterator[_Clause]:
    """Yield the failed clauses below a node of the report, but not those that only decided what a rule looks at."""
    container = node["container"]
    kind, body = next(iter(container.items())) if isinstance(container, dict) else (str(container), None)
    if kind in _CONDITIONS or (isinstance(body, dict) and body.get("status") in ("PASS", "SKIP")):
        return
    if kind == "ClauseValueCheck":
        if isinstance(body, dict):
            yield _clause(body, " ".join(node["context"].split()))
        return
    below = [clause for child in node["children"] for clause in _failed_clauses(child)]
    if kind in ("GuardClauseBlockCheck", "Disjunction"):
        # Beside the clause that carries the message stand the engine's steps towards it and the other alternatives.
        below = [clause for clause in below if clause.message is not None] or below
    yield from below


def _clause(check: dict[str, Any], text: str) -> _Clause:
    kind, body = next(iter(check.items()))
    if not isinstance(body, dict):  # NoValueForEmptyCheck: nothing to point at, the body is the message
        return _Clause("", body, text)
    detail = body["value"] if kind == "Unary" else body
    match detail.get("from"):
        case {"Resolved": {"path": str(path)}} | {"UnResolved": {"traversed_to": {"path": str(path)}}}:
            return _Clause(path, detail.get("custom_message"), text)
        case _:
            return _Clause("", detail.get("custom_message"), text)
