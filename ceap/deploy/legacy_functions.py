"""Whether the existing functions that do steps can be called: they are of no stack of ceap, and no template shows them.

Sources: Lambda API Reference, "Invoke" and "GetFunctionConfiguration".
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ceap.aws.session import Aws
from ceap.ceap_toml import NAME
from ceap.cfn.lookup import FUNCTION, FUNCTION_DEFAULT_S, at, number, reference, resources
from ceap.deploy.problem import Planned, Problem, look
from handlers.runtime.needs import LEGACY_VARIABLE
from templates import naming
from templates.placeholders import fill


def find_unfit(aws: Aws, planned: Planned) -> Iterator[Problem]:
    """Yield what keeps a workflow from calling the functions that its parameters name, fatal or not."""
    for parameter, waits_s in _callers(planned).items():
        arn = planned.parameters.get(parameter, "")
        if re.fullmatch(naming.FUNCTION_ARN_PATTERN, arn):  # any other value is a problem of the parameter
            yield from _problems(aws, planned, f"{planned.stack}: parameter {parameter}", arn, waits_s)


def _callers(planned: Planned) -> Mapping[str, Mapping[str, float]]:
    """Return the parameters that name existing functions, each with the functions that call it and their timeouts."""
    found: dict[str, dict[str, float]] = {}
    for function in resources(planned.template, FUNCTION):
        named = reference(at(function.properties, "Environment", "Variables", LEGACY_VARIABLE))
        timeout_s = number(function.properties.get("Timeout", FUNCTION_DEFAULT_S))
        if named and timeout_s is not None:
            found.setdefault(named[0], {})[function.logical_id] = timeout_s
    return found


def _problems(aws: Aws, planned: Planned, place: str, arn: str, waits_s: Mapping[str, float]) -> Iterator[Problem]:
    region, account = arn.split(":")[3:5]
    cure = f"correct the value below [env.{planned.parameters.get('Environment')}.parameters] in {NAME}"
    if region != aws.region:
        what = f"names a function in {region}, and Lambda in {aws.region} reaches none there"
        yield Problem(place=place, what=what, cure=f"{cure}, or deploy there (--region)")
        return
    if account != aws.account:  # whose functions nobody here may ask for
        yield Problem(
            place=place,
            what=f"{arn} is of account {account}: what the step takes is sent there",
            cure="see that it exists, and that its resource policy allows the role, or go on if you know it",
            is_fatal=False,
        )
        return
    name = arn.split(":")[6]
    if _is_own(planned, name):
        yield Problem(
            place=place,
            what=f"names {name}, a function of the stack itself, which does no other stage's work",
            cure=f"give it the ARN of the function that did the step so far: {cure}",
        )
        return
    found: Any = look(lambda: aws.client("lambda").get_function_configuration(FunctionName=arn))
    if isinstance(found, str):
        yield Problem(
            place=place,
            what=f"whether {arn} exists is not known: AWS refused {found}",
            cure="grant it to this identity, or go on if you know it",
            is_fatal=False,
        )
    elif found is None:
        yield Problem(place=place, what=f"names {arn}, which does not exist", cure=f"deploy it first, or {cure}")
    else:
        yield from _time_problems(place, arn, found["Timeout"], waits_s)


def _is_own(planned: Planned, name: str) -> bool:
    """Tell whether a name is, or may be, that of a function of the stack."""
    for function in resources(planned.template, FUNCTION):
        if function.name is not None and fill(function.name, planned.parameters) == name:
            return True
        if function.name is None and name.startswith(f"{planned.stack}-{function.logical_id}-"):
            return True
    return False


def _time_problems(place: str, arn: str, timeout_s: int, waits_s: Mapping[str, float]) -> Iterator[Problem]:
    for caller, wait_s in waits_s.items():
        if wait_s <= timeout_s:
            yield Problem(
                place=place,
                what=f"{arn} may take {timeout_s} s, and {caller} waits no longer than its own timeout of {wait_s:g} s",
                cure="raise the step's timeout_s to some 15 s more than it, or lower the function's timeout",
                is_fatal=False,
            )
