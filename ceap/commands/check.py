"""`ceap check`: judge templates."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ceap.ceap_toml import Config
    from ceap.cfn.template import Template
    from ceap.policy.finding import Finding
    from ceap.policy.guard.engine import Engine
    from ceap.policy.guard.rule_files import RuleFile
    from ceap.policy.reports.report import Report
    from ceap.policy.verdict import Judgement
    from ceap.policy.waiver import Waiver

ENGINES: Final = ("binary", "library")
FORMATS: Final = ("text", "json", "sarif", "junit")

EXAMPLES: Final = {
    "ceap check": "judge generated/, and whether it is fresh, as CI does",
    "ceap check generated/realtime.template.yaml --format json": "print the findings of one template as JSON",
    "ceap check other/template.yaml --rules rules/": "judge any template, by rules of your own, too",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "templates",
        nargs="*",
        type=Path,
        metavar="TEMPLATE",
        help="CloudFormation files, YAML or JSON; without any, all of generated/, and whether it is fresh",
    )
    parser.add_argument(
        "--rules",
        type=Path,
        metavar="DIR",
        action="append",
        default=[],
        help="folder with Guard rules of your own, besides ceap's and those of ceap.toml; can be given more than once",
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        help="what judges the Guard rules: AWS's program cfn-guard, or the library cfn-guard-rs "
        "(default: binary; library where the program has no build for the system)",
    )
    parser.add_argument(
        "--no-cache", action="store_true", help="judge every template anew, and keep no verdict for the next call"
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="format of the findings (default: text)")


def run(arguments: argparse.Namespace) -> int:
    """Print the findings on standard output and a summary on standard error; return 1 if there are findings, else 0."""
    from ceap.policy.inputs import read_inputs

    inputs = None if arguments.no_cache else read_inputs()  # before the code that it stands for is imported

    from ceap import project
    from ceap.ceap_toml import load_config
    from ceap.cfn.template import load_template
    from ceap.policy.checks import load_checks
    from ceap.policy.guard.cfn_guard import missing_build
    from ceap.policy.guard.engine import choose_engine
    from ceap.policy.reports.report import Report, summarize
    from ceap.policy.superseded import find_causes
    from ceap.policy.verdict import load_all_rules
    from ceap.policy.waiver import apply_waivers

    engine = choose_engine(arguments.engine)
    if arguments.engine is None and (missing := missing_build()):
        sys.stderr.write(f"ceap: {missing}; the library cfn-guard-rs judges instead\n")
    config = load_config(Path.cwd())
    folders = [Path(folder) for folder in dict.fromkeys(map(relpath, (*config.rules, *arguments.rules)))]
    rules = load_all_rules(folders)
    ids = [*(rule for file in rules for rule in file.rules), *(check.rule for check in load_checks())]
    files, findings, generated = (arguments.templates, [], None) if arguments.templates else _generated()
    templates = [load_template(file) for file in dict.fromkeys(files)]
    waivers = _waivers(config, templates, ids)
    judgements = _judged(templates, rules, engine, inputs)
    findings = sorted([*findings, *(finding for judgement in judgements for finding in judgement.findings)])
    applied = apply_waivers(findings, waivers, today())
    causes = find_causes(applied.findings, [waived.finding for waived in applied.waived])
    report = Report(
        judgements=judgements,
        findings=causes.findings,
        left_out=causes.left_out,
        waived=applied.waived,
        unused=applied.unused,
        generated=generated,
    )
    _write(_formatted(report, arguments.format, rules, folders))
    sys.stderr.write(summarize(report, relpath(project.ROOT / "docs/reference/rules.md")))
    return 1 if report.findings else 0


def _waivers(config: Config, templates: Sequence[Template], ids: Sequence[str]) -> list[Waiver]:
    """Return the waivers in templates, and those about them in the file that `ceap.toml` names."""
    from ceap.policy.waiver import load_waivers, read_waivers

    waivers = [waiver for template in templates for waiver in read_waivers(template, ids)]
    if config.waivers:
        judged = {Path(template.file).resolve() for template in templates}
        of_file = load_waivers(Path(relpath(config.waivers)), ids)
        waivers += [waiver for waiver in of_file if waiver.template in judged]
    return waivers


def _judged(
    templates: Sequence[Template], rules: Sequence[RuleFile], engine: Engine, inputs: str | None
) -> list[Judgement]:
    """Return the verdict on each template, that of an earlier call where nothing changed; without `inputs`, anew."""
    from ceap.policy import verdict_cache
    from ceap.policy.verdict import judge

    if inputs is None:
        return judge(templates, rules, engine=engine)
    cache = verdict_cache.VerdictCache(verdict_cache.place(), inputs, engine.DISTRIBUTION, rules)
    return verdict_cache.judge_changed(templates, cache, lambda changed: judge(changed, rules, engine=engine))


def _write(text: str) -> None:
    """Write to standard output and flush; characters that its encoding lacks are escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def today() -> date:
    return datetime.now(UTC).date()


def _generated() -> tuple[list[Path], list[Finding], int]:
    """Return the project's templates, the files that are not fresh, and how many were compared."""
    from ceap import project
    from ceap.policy.freshness import check_generated

    texts = list(project.build_generated())
    files = [Path(relpath(path)) for path, _ in texts if path.suffix == ".yaml" and path.exists()]
    return files, check_generated(texts, project.GENERATED), len(texts)


def _formatted(report: Report, form: str, rules: Sequence[RuleFile], folders: Sequence[Path]) -> str:
    from ceap.policy.reports import report as text

    match form:
        case "json":
            return text.format_json(report)
        case "junit":
            from ceap.policy.reports.junit import format_junit

            return format_junit(report)
        case "sarif":
            from ceap.ceap_toml import find_root
            from ceap.policy.reports.sarif import format_sarif
            from ceap.policy.verdict import load_all_entries

            return format_sarif(report, load_all_entries(rules, folders), find_root(Path.cwd()))
        case _:
            is_terminal = sys.stdout.isatty() and "NO_COLOR" not in os.environ
            return text.format_terminal(report) if is_terminal else text.format_text(report)
