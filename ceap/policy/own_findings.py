"""How resources of a team's own are judged: by secure defaults and IAM, but not by how ceap builds its own.

Rules on the latter judge the template without them, so that they cannot stand in for what ceap lacks, either.
"""

import re
from typing import Final

from ceap.cfn.lookup import pointed_at, resource
from ceap.cfn.own import is_own, without_own
from ceap.cfn.template import Template
from ceap.policy.finding import Finding
from ceap.policy.guard.rule_files import Result

_OF_CEAP: Final = re.compile(r"P(?!38|40|42)\d\d_\w+|P38_ONE_STACK_NAME|WIRE(?!10)\d\d_\w+|ASL\d\d_\w+|SEC0[89]_\w+")
"""Names, sizes, roles, logs, alarms and definitions as ceap makes them; CFN08 says what own ones may do to ceap's."""

_OF_KEY: Final = re.compile(r"SEC07_\w+")
_KEYS: Final = ("AWS::KMS::Key", "AWS::KMS::Alias", "AWS::KMS::ReplicaKey")


def judged_by(rule: str, template: Template) -> Template:
    """Return the part of a template that a rule judges."""
    return without_own(template) if _OF_CEAP.fullmatch(rule) else template


def combined(whole: Result, of_ceap: Result) -> Result:
    """Return the result of Guard's rules, of those on how ceap builds its own that on the template without others."""
    verdicts = {
        rule: of_ceap.verdicts[rule] if _OF_CEAP.fullmatch(rule) else found for rule, found in whole.verdicts.items()
    }
    failures = [each for each in whole.failures if not _OF_CEAP.fullmatch(each.rule)]
    return Result(verdicts, failures + [each for each in of_ceap.failures if _OF_CEAP.fullmatch(each.rule)])


def is_under_own_key(template: Template, finding: Finding) -> bool:
    """Tell whether a finding blames the key of an own resource, which is an own key and not the deployment's."""
    if not _OF_KEY.fullmatch(finding.rule):
        return False
    key = pointed_at(template, template.value(finding.path))
    encrypted = resource(template, finding.path.split("/")[2])
    return bool(key and encrypted and key.type in _KEYS and is_own(template, key) and is_own(template, encrypted))
