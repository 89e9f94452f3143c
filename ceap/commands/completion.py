"""`ceap completion`: the script with which a shell completes the command line of ceap."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shtab import CompleteType

SHELLS: Final = ("bash", "zsh", "fish")

EXAMPLES: Final = {
    "ceap completion bash > .venv/ceap.bash": "write the script that ~/.bashrc then reads with `source`",
    "ceap completion fish > ~/.config/fish/completions/ceap.fish": "let every fish complete",
}

# Commands that every shell can run. Their patterns stand in quotes: an unquoted one that matches nothing is an error
# in zsh and fish.
_STAGES: Final = (
    "grep -rhos --include='*.yaml' 'stage: *[A-Z][A-Za-z0-9]*' workflows | sed 's/stage: *//' | LC_ALL=C sort -u"
)
_ENVIRONMENTS: Final = "grep -os '^.env[.][A-Za-z0-9-]*' ceap.toml | sed 's/.*[.]//' | LC_ALL=C sort -u"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell that reads the script")


def run(arguments: argparse.Namespace) -> int:
    """Print the script, for all commands."""
    import shtab

    from ceap.cli import COMMANDS, build_parser

    parser = build_parser(COMMANDS)
    known = by_metavar()
    for action in actions(parser):
        if action.metavar in known:
            vars(action)["complete"] = known[action.metavar]
    print(shtab.complete(parser, arguments.shell))
    return 0


def by_metavar() -> Mapping[object, CompleteType]:
    """Return what completes the value of an argument, by its metavar."""
    import shtab

    return {
        "WORKFLOW.yaml": _files("yaml"),
        "TEMPLATE": _files("yaml", "yml", "json"),
        "FILE": shtab.FILE,
        "FILE.html": _files("html"),
        "DIR": shtab.DIRECTORY,
        "STAGE": _words("stages", _STAGES),
        "ENV": _words("environments", _ENVIRONMENTS),
    }


def _files(*suffixes: str) -> CompleteType:
    """Return what completes with files of these suffixes, and with folders.

    zsh would take the one pattern `(*.html)` of `shtab.glob` for qualifiers, so ours ends with a qualifier.
    """
    import shtab

    patterns = shtab.glob(*(f"*.{suffix}" for suffix in suffixes))
    return {**patterns, "zsh": f"_files -g '*.({'|'.join(suffixes)})(-.)'"}


def _words(name: str, command: str) -> CompleteType:
    """Return what completes with the words that a command prints at that moment.

    `shtab.cmd` would let zsh call the command once, when it reads the script.
    """
    function = f"_ceap_{name}"
    return {
        "bash": function,
        "zsh": function,
        "fish": f"({command})",
        "preamble": {
            "bash": f'{function}() {{ compgen -W "$({command})" -- "$1"; }}',
            "zsh": f"{function}() {{ compadd -- $({command}); }}",
        },
    }


def actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the arguments of a parser and of its commands."""
    for action in parser._actions:  # argparse has no other way to list them; shtab reads them so, too
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from actions(command)
