"""One fault, one finding: where a rule says what is wrong with a property, CFN06 is silent."""

from collections.abc import Sequence

from ceap.policy.finding import Finding
from ceap.policy.vocabulary import KNOWN_RESOURCES


def without_echoes(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings on a template without those of CFN06 on a place that another rule finds wrong.

    A resource of another type keeps its finding: what rules say of it holds also once it is accepted.
    """
    judged = {finding.path for finding in findings if finding.rule != KNOWN_RESOURCES}
    return [each for each in findings if each.rule != KNOWN_RESOURCES or not _is_judged(each.path, judged)]


def _is_judged(path: str, judged: set[str]) -> bool:
    is_property = path.count("/") > 2
    return path in judged or (is_property and any(place.startswith(f"{path}/") for place in judged))
