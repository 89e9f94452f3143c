"""One fault, one finding: what follows from another finding is left out while that one stands.

Applied to the findings that count, after waivers: a waived finding hides nothing, and hiding never makes a template
clean, because the cause counts.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ceap.policy.finding import Finding
from ceap.policy.vocabulary.echoes import without_echoes
from ceap.policy.waiver import LINT

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


class Causes(NamedTuple):
    """The findings that stand for themselves, in their order, and how many were left out because they may follow."""

    findings: list[Finding]
    left_out: int


def find_causes(findings: Sequence[Finding], waived: Iterable[Finding] = ()) -> Causes:
    """Return findings without those that say of a place what another says better, or follow from others among them.

    Who waives a rule's finding on a value accepts that value; a warning of cfn-lint says less.
    """
    told = without_echoes(findings, (finding for finding in waived if not LINT.fullmatch(finding.rule)))
    causes = [finding for finding in told if finding.rule in FOLLOWERS]
    kept = [finding for finding in told if not any(_follows(finding, cause) for cause in causes)]
    return Causes(kept, len(told) - len(kept))


def _follows(finding: Finding, cause: Finding) -> bool:
    if finding.file != cause.file or finding.rule not in FOLLOWERS[cause.rule]:
        return False
    if f"{cause.path}/".startswith(f"{finding.path}/"):
        return True
    # Guard's rules on grants point at the task, or at the machine, whose role lacks the action.
    return finding.rule in _GRANT_RULES and (_DEFINITION in finding.path or finding.path.endswith("/Type"))
