"""The values of a stack's parameters: what ceap and ceap.toml give, what was given by hand, and the defaults."""

from collections.abc import Mapping

import msgspec

from ceap.cfn.lookup import section
from ceap.cfn.template import Template
from ceap.deploy.diff.evaluation import Side
from ceap.errors import UsageError


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """`given` is what a change set gets, None for the value that the stack has; `all` has every value that is known."""

    given: Mapping[str, str | None]
    all: Mapping[str, str]


def choose_values(
    template: Template, wanted: Mapping[str, str], old: Template | None, current: Mapping[str, str]
) -> Values:
    """Return the values for a template of a stack.

    Without a wanted value a parameter keeps its current one, if somebody gave it by hand: it is not the default of the
    old template, whose new default counts otherwise.

    Raises:
        UsageError: a parameter has neither a value nor a default.
    """
    defaults, before = Side(template, {}).values(), Side(old, {}).values() if old else {}
    declared = section(template, "Parameters")
    kept = {name for name in declared if name not in wanted and name in current and current[name] != before.get(name)}
    given = {name: wanted.get(name) for name in declared if name in wanted or name in kept}
    if missing := [name for name in declared if name not in given and name not in defaults]:
        names = ", ".join(missing)
        raise UsageError(
            f"{template.file}: the parameters {names} have no value; give one to each in ceap.toml, "
            f'e.g. {missing[0]} = "..." below [env.NAME.parameters]'
        )
    known = defaults | {name: current[name] for name in kept}
    return Values(given=given, all=known | {name: value for name, value in wanted.items() if name in declared})
