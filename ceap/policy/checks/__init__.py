"""What Guard cannot say: one module per check.

Each module has `RULE`, its id, `ENTRY`, what the reports and the page of rules say of it, and `check(template)`, which
yields the faults of a template.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable

import msgspec

from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault, Finding, finding_at


class Check(msgspec.Struct, frozen=True):
    """A check as discovered in its module."""

    rule: str
    entry: Entry
    module: str
    faults: Callable[[Template], Iterable[Fault]]

    def check(self, template: Template) -> list[Finding]:
        """Return what is wrong with a template, nothing when it is good."""
        return [finding_at(template, self.rule, fault, self.entry.source) for fault in self.faults(template)]


def load_checks() -> tuple[Check, ...]:
    """Return the checks of this package, sorted by module name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(Check(module.RULE, module.ENTRY, module.__name__, module.check) for module in modules)
