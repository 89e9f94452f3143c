"""What Guard cannot say: one module per check, with `RULE`, its name, and `check(template)`, which returns findings."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

import msgspec

from ceap.cfn.template import Template
from ceap.policy.finding import Finding


class Check(msgspec.Struct, frozen=True):
    """A check as discovered; `check` returns what is wrong with a template, nothing when it is good."""

    rule: str
    check: Callable[[Template], list[Finding]]


def load_checks() -> tuple[Check, ...]:
    """Return the checks of this package, sorted by module name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(Check(module.RULE, module.check) for module in modules)
