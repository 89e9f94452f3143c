"""One fault, one finding: where a rule says what is wrong with a property, CFN06 is silent."""

from collections.abc import Iterable, Sequence

from ceap.policy.finding import Finding
from ceap.policy.vocabulary import KNOWN_RESOURCES


def without_echoes(findings: Sequence[Finding], accepted: Iterable[Finding] = ()) -> list[Finding]:
    """Return findings without those of CFN06 on a place that another rule finds wrong, in their order.

    A resource of another type keeps its finding: what rules say of it holds also once it is accepted. A finding that is
    `accepted` by a waiver speaks for its very place, and for nothing around it.
    """
    judged = {(finding.file, finding.path) for finding in findings if finding.rule != KNOWN_RESOURCES}
    same = judged | {(finding.file, finding.path) for finding in accepted}
    return [
        finding
        for finding in findings
        if finding.rule != KNOWN_RESOURCES
        or ((finding.file, finding.path) not in same and not _is_judged_inside(finding, judged))
    ]


def _is_judged_inside(finding: Finding, judged: set[tuple[str, str]]) -> bool:
    is_property = finding.path.count("/") > 2
    return is_property and any(file == finding.file and path.startswith(f"{finding.path}/") for file, path in judged)
