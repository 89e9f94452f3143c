"""`ceap check`: judge templates."""

from __future__ import annotations

import argparse
import sys
from os.path import relpath
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "templates",
        nargs="*",
        type=Path,
        metavar="TEMPLATE",
        help="CloudFormation files, YAML or JSON; without any, all of generated/, and whether it is fresh",
    )
    parser.add_argument("--rules", type=Path, metavar="DIR", help="folder with Guard rules of your own, besides ceap's")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="of the findings (default: text)")


def run(arguments: argparse.Namespace) -> int:
    """Print what is wrong, on standard output; return 0 if nothing is, 1 otherwise."""
    from ceap.policy import report
    from ceap.policy.template import load_template
    from ceap.policy.verdict import judge, load_all_rules

    rules = load_all_rules(arguments.rules)
    files: list[Path] = arguments.templates
    findings = []
    if not files:
        from ceap import project
        from ceap.policy.freshness import check_generated

        generated = list(project.build_generated())
        findings += check_generated(generated, project.GENERATED)
        stale = f"{len(findings)} not fresh" if findings else "all fresh"
        print(f"generated/: {len(generated)} files, {stale}", file=sys.stderr)
        files = [Path(relpath(path)) for path, _ in generated if path.suffix == ".yaml" and path.exists()]
    templates = [load_template(file) for file in dict.fromkeys(files)]
    judgements = judge(templates, rules)
    for judgement in judgements:
        findings += judgement.findings
        print(report.summarize(judgement), file=sys.stderr)
    findings.sort()
    sys.stdout.write(
        report.format_json(judgements, findings) if arguments.format == "json" else report.format_text(findings)
    )
    return 1 if findings else 0
