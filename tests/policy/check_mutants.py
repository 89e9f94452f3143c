"""Wrong templates: for each check in Python, small changes to a template that it must notice."""

from __future__ import annotations

from tests.policy.adopting_mutants import ADOPTING_CHECK_MUTANTS
from tests.policy.changes import Mutant
from tests.policy.deploy_mutants import DEPLOY_CHECK_MUTANTS
from tests.policy.governance_mutants import GOVERNANCE_MUTANTS
from tests.policy.grant_mutants import GRANT_MUTANTS
from tests.policy.handler_mutants import HANDLER_MUTANTS
from tests.policy.iam_mutants import IAM_MUTANTS
from tests.policy.name_mutants import NAME_CHECK_MUTANTS
from tests.policy.own_mutants import OWN_MUTANTS
from tests.policy.stack_mutants import STACK_MUTANTS
from tests.policy.state_mutants import STATE_MUTANTS
from tests.policy.tampering_mutants import TAMPERING_CHECK_MUTANTS
from tests.policy.trigger_mutants import TRIGGER_CHECK_MUTANTS
from tests.policy.vocabulary_mutants import VOCABULARY_MUTANTS
from tests.policy.watching_mutants import WATCHING_MUTANTS
from tests.policy.wiring_mutants import WIRING_MUTANTS

CHECK_MUTANTS: list[Mutant] = [
    *STATE_MUTANTS,
    *WIRING_MUTANTS,
    *ADOPTING_CHECK_MUTANTS,
    *HANDLER_MUTANTS,
    *STACK_MUTANTS,
    *GOVERNANCE_MUTANTS,
    *DEPLOY_CHECK_MUTANTS,
    *GRANT_MUTANTS,
    *NAME_CHECK_MUTANTS,
    *OWN_MUTANTS,
    *IAM_MUTANTS,
    *TAMPERING_CHECK_MUTANTS,
    *TRIGGER_CHECK_MUTANTS,
    *VOCABULARY_MUTANTS,
    *WATCHING_MUTANTS,
]
