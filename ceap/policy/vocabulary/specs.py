"""What may stand in a property: the notation of `stacks.yaml`, read into functions that judge a value."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from ceap.cfn.lookup import EVENT_RULE, QUEUE, SCHEDULE, at, items, number, pointed_at, reference, resources, text
from ceap.cfn.template import Template
from ceap.policy.finding import Fault
from ceap.policy.vocabulary import KNOWN_RESOURCES
from ceap.policy.vocabulary.kinds import kind_of
from templates.document import parse_json

Judge: TypeAlias = Callable[[Any, str, Template], Iterator[Fault]]
"""Yields the faults of a value at a place in a template."""

_Test: TypeAlias = Callable[[Any, Template], bool]

JUDGED_ELSEWHERE: Final = re.compile(r"[A-Z]+\d+_[A-Z_]+|E\d{4}")
_RANGE: Final = re.compile(r"(\d+)\.\.(<?)(\d+)")
_KEY: Final = re.compile(r"(?P<name>.+?)(?P<each>\[\])?(?P<if> if)?(?P<early> before failure)?(?P<json> as JSON)?")
_REFERENCES: Final = ("Ref", "Fn::GetAtt", "Fn::Sub", "Fn::ImportValue", "Fn::Join")
_NO_VALUE: Final = {"Ref": "AWS::NoValue"}
_JUDGED_KEYS: Final = ("Fn::Transform",)  # CFN04_NO_TRANSFORM
_SHOWN_MAX: Final = 60


def read_spec(spec: Any) -> Judge:
    """Return the function that judges what a spec of `stacks.yaml` is about."""
    match spec:
        case dict():
            return _mapping(spec)
        case list():
            return _choice(spec)
        case str():
            return _word(spec)
        case _:
            raise ValueError(f"{spec!r} is not a spec")


def fault(place: str, what: str, fix: str) -> Fault:
    """Return a fault whose fix also says how to accept it."""
    keys = place.split("/")
    waiver = f"rule: {KNOWN_RESOURCES}, reason: why"
    if keys[1] == "Resources":
        return Fault(
            place, what, f"{fix}, or accept it in Metadata of {keys[2]}: {{ceap: {{waivers: [{{{waiver}}}]}}}}"
        )
    return Fault(
        place, what, f"{fix}, or accept it in the file of waivers: {{{waiver}, template: FILE, path: {place}}}"
    )


def _mapping(spec: Mapping[str, Any]) -> Judge:
    known: dict[str, Judge] = {}
    patterns: list[tuple[re.Pattern[str], Judge]] = []
    for key, below in spec.items():
        name, judge = _entry(key, below)
        if name.startswith("/"):
            patterns.append((re.compile(name[1:-1]), judge))
        else:
            known[name] = judge

    def judge_all(value: Any, place: str, template: Template) -> Iterator[Fault]:
        if not isinstance(value, dict) or _function(value):
            yield _wrong(value, place, "write its properties out")
            return
        for key, below in value.items():
            inner = f"{place}/{key}"
            judge = known.get(key) or next((judge for pattern, judge in patterns if pattern.fullmatch(key)), None)
            if judge is None and key not in _JUDGED_KEYS:
                yield _unlisted(inner, template)
            elif judge is not None and below is not None:  # CFN01_NO_NULL
                yield from judge(below, inner, template)

    return judge_all


def _entry(key: str, below: Any) -> tuple[str, Judge]:
    """Return the name of a key of `stacks.yaml`, and what judges its value."""
    parts = _KEY.fullmatch(key)
    if parts is None:
        raise ValueError(f"{key!r} is not a key")
    judge = read_spec(below)
    if parts["if"]:
        judge = _in_branches(judge)
    if parts["each"]:
        judge = _each(judge)
    if parts["json"]:
        judge = _json(judge)
    if parts["early"]:
        judge = _before_failure(judge)
    return parts["name"], judge


def _before_failure(judge: Judge) -> Judge:
    def judge_early(value: Any, place: str, template: Template) -> Iterator[Fault]:
        queue = place.split("/")[2]
        if queue in _dead_letter_queues(template):
            yield fault(place, f"{_name(place)} is not a property that ceap sets on a dead-letter queue", "remove it")
        else:
            yield from judge(value, place, template)

    return judge_early


def _dead_letter_queues(template: Template) -> set[str]:
    senders = [at(queue.properties, "RedrivePolicy", "deadLetterTargetArn") for queue in resources(template, QUEUE)]
    for rule in resources(template, EVENT_RULE):
        senders += [at(target, "DeadLetterConfig", "Arn") for target in items(rule.properties.get("Targets"))]
    senders += [at(each.properties, "Target", "DeadLetterConfig", "Arn") for each in resources(template, SCHEDULE)]
    return {found.logical_id for sender in senders if (found := pointed_at(template, sender))}


def _each(judge: Judge) -> Judge:
    def judge_items(value: Any, place: str, template: Template) -> Iterator[Fault]:
        if not isinstance(value, list):
            yield from judge(value, place, template)
        else:
            for index, item in enumerate(value):
                yield from judge(item, f"{place}/{index}", template) if item is not None else ()

    return judge_items


def _json(judge: Judge) -> Judge:
    """Judge the JSON in a text; what is not JSON is for the rules on the property."""

    def judge_text(value: Any, place: str, template: Template) -> Iterator[Fault]:
        written = text(value)
        if written is None:
            yield _wrong(value, place, "write the JSON out")
            return
        try:
            inner = parse_json(written)
        except ValueError:
            return
        for found in judge(inner, place, template) if isinstance(inner, dict) else ():
            yield Fault(place, found.what, found.fix)

    return judge_text


def _choice(spec: list[Any]) -> Judge:
    constants = [each for each in spec if not isinstance(each, dict)]
    mappings = [read_spec(each) for each in spec if isinstance(each, dict)]

    def judge_choice(value: Any, place: str, template: Template) -> Iterator[Fault]:
        if mappings and isinstance(value, dict):
            yield from mappings[0](value, place, template)
        elif not any(value == each and type(value) is type(each) for each in constants):
            yield _wrong(value, place, " or ".join(json.dumps(each) for each in constants))

    return judge_choice


def _word(spec: str) -> Judge:
    if spec == "any":
        return _accept
    fits, wanted = _test(spec)

    def judge_value(value: Any, place: str, template: Template) -> Iterator[Fault]:
        if not fits(value, template):
            yield _wrong(value, place, wanted)

    return judge_value


def _accept(_value: Any, _place: str, _template: Template) -> Iterator[Fault]:
    return iter(())


def _test(spec: str) -> tuple[_Test, str]:
    """Return what tells whether a value may stand there, and how a fix names what may."""
    kind, _, rest = spec.partition(" ")
    if re.fullmatch(_RANGE, spec):
        return _range(spec)
    if spec == "text":
        return lambda value, _: isinstance(value, str) or _function(value) in _REFERENCES, "a text"
    if spec.startswith("/"):
        pattern = re.compile(spec[1:-1])
        return lambda value, _: isinstance(value, str) and pattern.fullmatch(value) is not None, f"a text like {spec}"
    if kind == "->":
        return lambda value, template: _leads_to(template, value, rest), f"!Ref or !GetAtt of an {rest}"
    if kind == "form":
        form = re.compile(rest[1:-1])
        return lambda value, _: form.fullmatch(json.dumps(value)) is not None, f"a value like {rest}"
    if all(JUDGED_ELSEWHERE.fullmatch(rule) for rule in spec.split(", ")):
        return lambda value, _: not isinstance(value, dict | list) or _function(value) in _REFERENCES, "write it out"
    raise ValueError(f"{spec!r} is not a spec")


def _range(spec: str) -> tuple[_Test, str]:
    low, is_open, high = re.fullmatch(_RANGE, spec).groups()  # type: ignore[union-attr]  # it matches
    least, most = int(low), int(high)

    def fits(value: Any, _template: Template) -> bool:
        size = number(value)
        return size is not None and least <= size <= most and not (is_open and size == most)

    return fits, f"a number from {low} to {'less than ' if is_open else ''}{high}"


def _in_branches(judge: Judge) -> Judge:
    """Judge a value or, of an `Fn::If`, both branches, of which one may be AWS::NoValue."""

    def judge_branches(value: Any, place: str, template: Template) -> Iterator[Fault]:
        branches = at(value, "Fn::If") if isinstance(value, dict) and len(value) == 1 else None
        if isinstance(branches, list) and len(branches) == 3:
            for index in (1, 2):
                if branches[index] != _NO_VALUE:
                    yield from judge_branches(branches[index], f"{place}/Fn::If/{index}", template)
        else:
            yield from judge(value, place, template)

    return judge_branches


def _function(value: Any) -> str:
    """Return the name of the intrinsic function that a value is; empty if it is none, also for AWS::NoValue."""
    if not isinstance(value, dict) or len(value) != 1 or value == _NO_VALUE:
        return ""
    [name] = value
    return name if isinstance(name, str) and name.startswith(("Ref", "Fn::")) else ""


def _leads_to(template: Template, value: Any, kind: str) -> bool:
    """Tell whether a value points at a resource of a type; what does not exist is for cfn-lint."""
    found, target = pointed_at(template, value), reference(value)
    if found is None and target is not None:
        return at(template.data, "Parameters", target[0]) is None and not target[0].startswith("AWS::")
    return found is not None and found.type == kind


def _name(place: str) -> str:
    """Return the name of the property at a place, also of an item of a list, or of a branch of an `Fn::If`."""
    return next(key for key in reversed(place.split("/")) if not key.isdecimal() and key != "Fn::If")


def _unlisted(place: str, template: Template) -> Fault:
    above, _, key = place.rpartition("/")
    kind = kind_of(template)
    if kind is None or above.startswith("/Resources/"):
        return fault(place, f"{key} is not a property that ceap sets", "remove it")
    return fault(place, f"{key} is not among the {above[1:] or 'sections'} of {kind.phrase}", "remove it")


def _wrong(value: Any, place: str, wanted: str) -> Fault:
    shown = json.dumps(value, ensure_ascii=False)
    what = f"{_name(place)} is {shown}" if len(shown) <= _SHOWN_MAX else f"{_name(place)} is not what ceap writes"
    return fault(place, what, f"{_name(place)}: {wanted}")
