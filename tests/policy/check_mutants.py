"""Wrong templates: for each check in Python, small changes to a template that it must notice."""

from __future__ import annotations

from tests.policy.changes import Mutant
from tests.policy.state_mutants import STATE_MUTANTS

CHECK_MUTANTS: list[Mutant] = [*STATE_MUTANTS]
