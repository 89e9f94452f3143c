"""One fault, one finding: what follows from another finding is left out while that one stands.

Applied to the findings that count, after waivers: a waived finding hides nothing, and hiding never makes a template
clean, because the cause counts.
"""

from collections.abc import Sequence
from typing import Final

from ceap.policy.finding import Finding

_GRANT_RULES: Final = frozenset(
    {"P40_FUNCTION_GRANTS", "P40_JOB_GRANTS", "P42_GRANTS_ARE_USES", "P42_STATE_MACHINE_GRANTS"}
)
FOLLOWERS: Final = {
    "IAM01_ACTIONS_EXIST": _GRANT_RULES | {"W3037"},
    "P13_EXPRESS_WAITS": frozenset({"P27_INVOCATION_FOLLOWS_TYPE"}),
    "P18_STANDARD_EXECUTION": frozenset({"P27_INVOCATION_FOLLOWS_TYPE"}),
    "P19_STANDARD_STARTS": frozenset({"P27_INVOCATION_FOLLOWS_TYPE"}),
}
"""By cause, the rules whose findings it may explain.

A misspelt action grants nothing, so the intended grant is missing, and the misspelt one is unused.
"""

_DEFINITION: Final = "/Properties/DefinitionString/"


def without_followers(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings without those that follow from others among them, in their order."""
    causes = [finding for finding in findings if finding.rule in FOLLOWERS]
    return [finding for finding in findings if not any(_follows(finding, cause) for cause in causes)]


def _follows(finding: Finding, cause: Finding) -> bool:
    if finding.file != cause.file or finding.rule not in FOLLOWERS[cause.rule]:
        return False
    if f"{cause.path}/".startswith(f"{finding.path}/"):
        return True
    # Guard's rules on grants point at the task, or at the machine, whose role lacks the action.
    return finding.rule in _GRANT_RULES and (_DEFINITION in finding.path or finding.path.endswith("/Type"))
