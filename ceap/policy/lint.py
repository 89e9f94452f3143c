"""cfn-lint: types, enumerations, ranges and references of a template against AWS's resource schemas."""

import functools
import gc
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ceap.cfn.template import Template
from ceap.errors import UsageError
from ceap.policy import copies
from ceap.policy.finding import Finding

REGION: Final = "us-east-1"
"""One region: cfn-lint's lists for others lack resource types that are there, EventBridge Pipes among them."""

_RULES: Final = "https://github.com/aws-cloudformation/cfn-lint/blob/main/docs/rules.md"
_RULE_CRASHED: Final = "E0002"


def begin_lint(templates: Sequence[Template]) -> copies.Work[list[Finding]]:
    """Begin `check_lint` of each template, in processes that share what they load of cfn-lint."""
    return copies.begin(_runner, check_lint, templates)


def check_lint(template: Template) -> list[Finding]:
    """Return cfn-lint's errors and warnings, under its own ids.

    Its configuration files are not read, so that the verdict is the same in every home and folder; `Metadata` of the
    template is. Importing cfn-lint takes longer than all other checks together.

    Raises:
        UsageError: cfn-lint itself failed; this is never a pass.
    """
    runner = _runner()
    from cfnlint.decode.decode import decode_str

    gc.disable()  # it makes millions of objects and hardly a cycle: looking for those takes a tenth of its time
    try:
        data, matches = decode_str(template.text)
        if not matches:
            matches = list(runner.validate_template(data))
    except Exception as error:
        raise _failure(template.file, f"{type(error).__name__}: {error}") from None
    finally:
        gc.enable()
    for match in matches:
        if match.rule.id == _RULE_CRASHED:
            raise _failure(f"{template.file}:{match.linenumber}", match.message)
    return [_finding(template, match) for match in matches]


@functools.cache
def _runner() -> Any:
    """Return cfn-lint with its rules, which take longer to load than a small template to judge."""
    import cfnlint.decode.decode  # a copy of this process shares it
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner import Runner
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

    # Its import has taken schemas from the user's home folder, if `cfn-lint --update-specs` put some there.
    schemas = Path(cfnlint.__file__).with_name("data") / "schemas"
    PROVIDER_SCHEMA_MANAGER.__init__(schemas / "providers", schemas / "resources")

    return Runner(ConfigMixIn(["--config-file", os.devnull, "--regions", REGION, "--mandatory-checks", _RULE_CRASHED]))


def _failure(place: str, text: str) -> UsageError:
    brief = " ".join(text.split())[:300]
    return UsageError(f"{place}: cfn-lint failed: {brief}; correct the cause, nothing was judged")


def _finding(template: Template, match: Any) -> Finding:
    path = "".join(f"/{part}" for part in getattr(match, "path", None) or ())
    # To cfn-lint a definition is one place; we know the line in it.
    inside = any(path.startswith(f"{definition}/") for definition in template.definitions)
    line = template.line(path) if inside else match.linenumber
    rule = match.rule.id
    return Finding(template.file, line, rule, " ".join(match.message.split()), path=path, source=f"{_RULES}#{rule}")
