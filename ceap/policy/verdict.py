"""The verdict on templates: all checks together."""

import copy
import json
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Final

import msgspec

from ceap.cfn.lookup import FUNCTION, SETTINGS, at, resources, text
from ceap.cfn.own import without_own
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry, load_catalogue
from ceap.policy.checks import definition_json, load_checks
from ceap.policy.finding import Fault, Finding, finding_at
from ceap.policy.freshness import ENTRIES, JUDGED
from ceap.policy.guard import cfn_guard
from ceap.policy.guard.engine import Engine, Verdict
from ceap.policy.guard.rule_files import Result, RuleFile, evaluate, load_rules, refuse_clashes
from ceap.policy.lint import begin_lint
from ceap.policy.own_findings import combined, is_under_own_key, judged_by
from ceap.policy.vocabulary.kinds import kind_of
from handlers.runtime.needs import SETTINGS_VARIABLE
from templates.document import parse_json

_NOTHING_JUDGED: Final = Fault(
    "", "no Guard rule applies to anything in this template", "name a template of a workflow, or --rules of your own"
)


_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_INNER_ESCAPES: Final = re.compile(r"(?<!\\)((?:\\{4})*)\\\\u(d[89ab]\w\w)\\\\u(d[c-f]\w\w)", re.IGNORECASE)
"""Two escapes for one character in a text that is JSON itself, such as a definition."""

GUARD_RULES: Final = Path(__file__).resolve().parents[2] / "guard_rules"


class Judgement(msgspec.Struct, frozen=True):
    """What was found in a template, sorted, and the verdict of every Guard rule on it.

    `is_ours` tells whether it is a stack of ceap: the general rules alone judge any other.
    """

    file: str
    verdicts: dict[str, Verdict]
    findings: list[Finding]
    is_ours: bool = True


def load_all_rules(more: Iterable[Path] = ()) -> tuple[RuleFile, ...]:
    """Return the project's rule files, and those of more folders.

    Raises:
        UsageError: a folder or file cannot be used, or two files declare the same rule.
    """
    files = tuple(rule_file for folder in (GUARD_RULES, *more) for rule_file in load_rules(folder))
    refuse_clashes(files)
    return files


def load_all_entries(rules: Iterable[RuleFile], more: Iterable[Path] = ()) -> dict[str, Entry]:
    """Return what is known of each rule in these files and of each check, by id; `more` are folders with catalogues.

    Raises:
        UsageError: a catalogue cannot be read or lacks something.
    """
    known = {rule: entry for folder in (GUARD_RULES, *more) for rule, entry in load_catalogue(folder).items()}
    entries = {}
    for rule_file in rules:
        for rule in rule_file.rules:
            entry = known.get(rule) or Entry(
                title=rule, why=f"The Guard rule {rule}.", fix="Read the rule, and what the finding says."
            )
            entries[rule] = msgspec.structs.replace(entry, source=rule_file.source or entry.source)
    return entries | {check.rule: check.entry for check in load_checks()} | ENTRIES


def judge(
    templates: Sequence[Template], rules: Sequence[RuleFile], *, lint: bool = True, engine: Engine = cfn_guard
) -> list[Judgement]:
    """Return the verdict on each template, in their order; without `lint`, cfn-lint, which takes seconds, is left out.

    The engine, the checks and cfn-lint judge beside each other.

    Raises:
        UsageError: a check could not be carried out; this is never a pass.
        ConfigError: what a handler declares is wrong.
        SetupError: the engine is missing, or was ended.
    """
    engine.find_engine()  # before anything takes time
    readable = {number: each for number, each in enumerate(templates) if not any(definition_json.check(each))}
    linting = begin_lint(templates) if lint else None  # before there are threads, which cannot be copied
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(_evaluate_parts, [*readable.values()], rules, engine)
        try:
            checks = load_checks()
            findings = [
                [finding for check in checks for finding in check.check(judged_by(check.rule, template))]
                for template in templates
            ]
            if linting:
                findings = [found + more for found, more in zip(findings, linting.results(), strict=True)]
            results = dict(zip(readable, running.result(), strict=True))
        except BaseException:
            if linting:
                linting.stop()
            while not running.done():  # the block waits for it, and it may be about to start an engine
                engine.stop_engines()
                wait([running], timeout=0.1)
            raise
    return [
        _judgement(template, found, results.get(number, Result({}, [])))
        for number, (template, found) in enumerate(zip(templates, findings, strict=True))
    ]


def _evaluate_parts(templates: Sequence[Template], rules: Sequence[RuleFile], engine: Engine) -> list[Result]:
    """Return what the rules say of each template, of one with own resources by the part that a rule judges."""
    parts = [without_own(template) for template in templates]
    more = [part for part, template in zip(parts, templates, strict=True) if part is not template]
    results = iter(_evaluate([*templates, *more], rules, engine))
    whole = [next(results) for _ in templates]
    return [
        result if part is template else combined(result, next(results))
        for result, part, template in zip(whole, parts, templates, strict=True)
    ]


def _evaluate(templates: Sequence[Template], rules: Sequence[RuleFile], engine: Engine) -> list[Result]:
    """Return what the rules say of each template; ours read settings that are no JSON object as empty ones.

    Guard would stop at them. With empty settings a function may read least; that they are wrong is found by WIRE08.
    """
    names = [template.file for template in templates]
    data = [_written(template.data) for template in templates]
    readable = [_written(_with_readable_settings(template)) for template in templates]
    if data == readable:
        return evaluate(data, rules, names, engine)
    ours = [rule_file for rule_file in rules if Path(rule_file.file).is_relative_to(GUARD_RULES)]
    others = [rule_file for rule_file in rules if rule_file not in ours]
    parts = zip(evaluate(readable, ours, names, engine), evaluate(data, others, names, engine), strict=True)
    return [Result(one.verdicts | two.verdicts, [*one.failures, *two.failures]) for one, two in parts]


def _written(data: dict[str, Any]) -> str:
    """Return a template for Guard, which reads JSON as YAML: that lacks JSON's two escapes for one character."""
    text = json.dumps(data, ensure_ascii=False)
    if _LONE_SURROGATE.search(text):
        return json.dumps(data)
    return _INNER_ESCAPES.sub(lambda pair: pair[1] + json.loads(f'"\\u{pair[2]}\\u{pair[3]}"'), text)


def _with_readable_settings(template: Template) -> dict[str, Any]:
    data = template.data
    for function in resources(template, FUNCTION):
        settings = at(function.properties, *SETTINGS)
        if settings is not None and not _is_object(settings):
            data = copy.deepcopy(data) if data is template.data else data
            at(data, "Resources", function.logical_id, "Properties", *SETTINGS[:-1])[SETTINGS_VARIABLE] = "{}"
    return data


def _is_object(settings: object) -> bool:
    try:
        return isinstance(parse_json(text(settings) or ""), dict)
    except ValueError:
        return False


def _judgement(template: Template, findings: list[Finding], result: Result) -> Judgement:
    of_rules = [finding_at(template, failure.rule, failure.fault, failure.source) for failure in result.failures]
    if set(result.verdicts.values()) == {"SKIP"}:
        of_rules.append(finding_at(template, JUDGED, _NOTHING_JUDGED, ENTRIES[JUDGED].source))
    found = [each for each in findings + of_rules if not is_under_own_key(template, each)]
    return Judgement(template.file, result.verdicts, sorted(found), is_ours=kind_of(template) is not None)
