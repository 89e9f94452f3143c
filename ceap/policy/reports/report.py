"""What a check says: findings as people and as programs read them."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from ceap.policy.finding import Finding
from ceap.policy.verdict import Judgement
from ceap.policy.waiver import Waived, Waiver
from templates.words import plural

_BOLD, _RED, _DIM, _RESET = "\x1b[1m", "\x1b[31m", "\x1b[2m", "\x1b[0m"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that one check found.

    `findings` are those that count, sorted, `left_out` is how many more may follow from them, `unused` the waivers that
    match none. `generated` is how many generated files were compared with their declarations, None when none were
    asked for.
    """

    judgements: Sequence[Judgement]
    findings: Sequence[Finding]
    left_out: int = 0
    waived: Sequence[Waived] = ()
    unused: Sequence[Waiver] = ()
    generated: int | None = None


def format_text(report: Report) -> str:
    """Return one line per finding, `file:line: RULE: what is wrong | found: ... | fix: ... [path]`."""
    return "".join(f"{_printable(str(finding))}\n" for finding in report.findings)


def format_terminal(report: Report) -> str:
    """Return the findings as a terminal shows them: what is wrong, what was found and the fix on lines of their own."""
    return "\n".join([*(_paragraph(finding) for finding in report.findings), ""]) if report.findings else ""


def _paragraph(finding: Finding) -> str:
    place = f"{_BOLD}{_printable(finding.file)}:{finding.line}{_RESET}"
    head = f"{place}: {_RED}{finding.rule}{_RESET}: {_printable(finding.what)}\n"
    rows = {"found": finding.found, "fix": finding.fix, "at": finding.path}
    return head + "".join(f"    {_DIM}{name:5}{_RESET} {_printable(text)}\n" for name, text in rows.items() if text)


def format_json(report: Report) -> str:
    """Return the report as one JSON object (docs/reference/check.md, "JSON")."""
    return to_json(
        {
            "templates": [{"file": judgement.file, "rules": judgement.verdicts} for judgement in report.judgements],
            "findings": [msgspec.to_builtins(finding) for finding in report.findings],
            "leftOut": report.left_out,
            "waived": [
                msgspec.to_builtins(waived.finding) | {"waiver": _waiver(waived.waiver)} for waived in report.waived
            ],
            "unusedWaivers": [{"rule": waiver.rule, **_waiver(waiver)} for waiver in report.unused],
        }
    )


def _waiver(waiver: Waiver) -> dict[str, Any]:
    expires = waiver.expires and waiver.expires.isoformat()
    return {"file": waiver.file, "line": waiver.line, "reason": waiver.reason, "expires": expires}


def to_json(document: Any) -> str:
    """Return a document as text that any encoding of standard output can carry."""
    return json.dumps(document, indent=2) + "\n"


def summarize(report: Report, reference: str) -> str:
    """Return what stands beside the findings: waivers, the verdict on each template, and the total.

    `reference` is the page that explains the rules.
    """
    lines = [
        waived.finding.at(f"{waived.finding.what}; waived{_until(waived.waiver)}: {waived.waiver.reason}")
        for waived in report.waived
    ]
    lines += [
        f"{waiver.file}:{waiver.line}: warning: this waiver of {waiver.rule} matches no finding | fix: remove it"
        for waiver in report.unused
    ]
    if report.generated is not None:
        stale = sum(finding.rule.startswith("GEN01") for finding in report.findings)
        lines.append(f"generated/: {report.generated} files, {f'{stale} not fresh' if stale else 'all fresh'}")
    lines += [_verdict(report, judgement) for judgement in report.judgements]
    found = plural(len(report.findings), "finding")
    waived = f", {len(report.waived)} waived" if report.waived else ""
    more = f", {report.left_out} more that may follow from them left out" if report.left_out else ""
    why = f"; why each rule is there, and what to do: {reference}" if report.findings else ""
    lines.append(f"{found} in {plural(len(report.judgements), 'template')}{waived}{more}{why}")
    return "".join(f"{_printable(line)}\n" for line in lines)


def _verdict(report: Report, judgement: Judgement) -> str:
    counts = Counter(judgement.verdicts.values())
    found = sum(finding.file == judgement.file for finding in report.findings)
    waived = sum(one.finding.file == judgement.file for one in report.waived)
    rules = f"rules: {counts['PASS']} pass, {counts['FAIL']} fail, {counts['SKIP']} not applicable"
    scope = "" if judgement.is_ours else "not a stack of ceap, judged by the general rules alone; "
    return f"{judgement.file}: {scope}{rules}; {plural(found, 'finding')}{f', {waived} waived' if waived else ''}"


def _until(waiver: Waiver) -> str:
    return f" until {waiver.expires}" if waiver.expires else ""


def _printable(text: str) -> str:
    """Return a text without what would steer a terminal or begin a line: names in a template may hold anything."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
