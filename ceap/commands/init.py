"""`ceap init`: a name -> the files of a new workflow; `--bare` takes the sample out of a clone."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from os.path import relpath
from pathlib import Path
from typing import Final

from ceap.errors import UsageError

TYPES: Final = ("EXPRESS", "STANDARD")

EXAMPLES: Final = {
    "ceap init orders": "write a workflow, its handler, message, data and test, which run as they are",
    "ceap init nightly-orders --type STANDARD": "the same, for work of more than five minutes",
    "ceap init --bare": "remove the sample's workflows and handlers, after a question",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("name", nargs="?", metavar="NAME", help="the workflow's name: a-z, 0-9 and hyphens")
    what.add_argument("--bare", action="store_true", help="remove the sample's workflows, handlers and tests")
    parser.add_argument("--type", choices=TYPES, help="the type of the workflow (default: EXPRESS)")
    parser.add_argument("--yes", action="store_true", help="remove the sample without a question")


def run(arguments: argparse.Namespace) -> int:
    """Write the files of a workflow, or remove the sample, or change nothing; print what was done and what is next."""
    if arguments.bare:
        if arguments.type:
            raise UsageError("--type: --bare writes no workflow; leave it out")
        return _remove_sample(asks=not arguments.yes)
    if arguments.yes:
        raise UsageError("--yes: without --bare nothing is removed; leave it out")
    return _write_workflow(arguments.name, arguments.type or TYPES[0])


def _write_workflow(name: str, workflow_type: str) -> int:
    from ceap import files, project
    from ceap.scaffold.workflow import build_files, find_owner, name_problem
    from templates.model import WorkflowType

    if problem := name_problem(name):
        raise UsageError(f"NAME is {name!r}: {problem}")
    if owner := find_owner(name, project.ROOT):
        raise UsageError(f"NAME is {name!r}, which {owner} has already; choose another name")
    texts = build_files(name, WorkflowType(workflow_type))
    for path, _, _ in files.write_all((project.ROOT / path, text) for path, text in texts.items()):
        print(f"written  {relpath(path)}")
    _print_next(
        {
            f".venv/bin/ceap run workflows/{name}.yaml": "runs it on this machine",
            ".venv/bin/ceap synth": f"writes generated/{name}.template.yaml",
            ".venv/bin/ceap check": "judges it",
        }
    )
    return 0


def _remove_sample(*, asks: bool) -> int:
    from ceap import files, project, signals
    from ceap.output import confirm
    from ceap.scaffold.sample import find_sample, remove_sample, restore_sample
    from templates.errors import ConfigError
    from templates.words import plural

    if not Path.cwd().resolve().is_relative_to(project.ROOT):
        raise UsageError(f"--bare: this ceap is that of {project.ROOT}; call it there, or the .venv/bin/ceap of here")
    sample = find_sample(project.ROOT)
    if sample and asks and not confirm(f"remove {plural(len(sample), 'file')} of the sample?"):
        return 0
    with signals.held():
        remove_sample(project.ROOT)
        try:
            files.write_all(project.build_generated())
        except ConfigError as error:
            if not sample:
                raise
            restore_sample(project.ROOT, sample)
            raise UsageError(
                f"{error}; nothing was removed, as the project does not stand without the sample"
            ) from None
    print(f"removed  {plural(len(sample), 'file')} of the sample")
    _print_next(
        {
            "git commit --all --message 'Take the sample out'": "keeps that, and what it changed in generated/",
            ".venv/bin/ceap init orders": "writes a workflow of your own",
            "make check test": "judges and tests what is left",
        }
    )
    return 0


def _print_next(commands: Mapping[str, str]) -> None:
    width = max(map(len, commands))
    print("\n" + "\n".join(f"{command:<{width}}   # {does}" for command, does in commands.items()))
