"""Secrets and parameters of a seed: text files, each with one value, at the place that its name says.

{folder}/secrets/{name}          the text of a secret, in UTF-8
{folder}/parameters/{name}       the value of a parameter

A name is that of the local run, so `vendor-${Environment}` is `vendor-local`; its slashes are folders, the first one
left out. One line end at the end of the file is not part of the value.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from ceap.errors import UsageError
from ceap.local.sessions import FIRST_ACCOUNT, REGION
from handlers.runtime.needs import Needs
from templates.access_problems import parameter_problem, secret_problem
from templates.placeholders import fill

ENVIRONMENT: Final = "local"
SECRETS_FOLDER: Final = "secrets"
PARAMETERS_FOLDER: Final = "parameters"


class Kind(NamedTuple):
    """Where values of a kind are, how large one may be, what is wrong with a name, and which names NEEDS has."""

    folder: str
    bytes_max: int
    name_problem: Callable[[str], str | None]
    declared: Callable[[Needs], Iterable[str]]


# Sources: Secrets Manager User Guide, "Quotas"; Systems Manager User Guide, "Managing parameter tiers".
KINDS: Final = (
    Kind(SECRETS_FOLDER, 65_536, secret_problem, lambda needs: needs.secrets),
    Kind(PARAMETERS_FOLDER, 8_192, parameter_problem, lambda needs: needs.parameters),
)


def local_name(text: str, account: str = str(FIRST_ACCOUNT)) -> str:
    """Return a name of NEEDS, or another text with placeholders, as a local run has it."""
    return fill(text, {"Environment": ENVIRONMENT, "AWS::AccountId": account, "AWS::Region": REGION})


def place_of(kind: str, name: str) -> str:
    """Return the file in a seed that holds a value, by its name in a local run; `kind` is the folder."""
    return f"{kind}/{name.removeprefix('/')}"


def load_values(kind: Kind, files: Mapping[str, Path], declared: Iterable[str]) -> dict[str, Path]:
    """Return the files by the names of what they hold; UsageError if a name or a value cannot be.

    Args:
        kind: Secrets or parameters.
        files: Those of the folder, by their paths in it.
        declared: The names in a local run; they say whether a name begins with a slash.
    """
    known = {name.removeprefix("/"): name for name in declared}
    found = {}
    for path, file in files.items():
        # A parameter whose name has levels begins with a slash.
        name = known.get(path, f"/{path}" if kind.folder == PARAMETERS_FOLDER and "/" in path else path)
        if problem := kind.name_problem(name):
            raise UsageError(f"{file}: {problem}")
        size_bytes = len(read_value(file).encode())
        if not 0 < size_bytes <= kind.bytes_max:
            raise UsageError(
                f"{file}: its value has {size_bytes:,} bytes; allowed: 1 to {kind.bytes_max:,}; write a made-up value"
            )
        found[name] = file
    return found


def read_value(file: Path) -> str:
    """Return what a file holds, without one line end at its end; UsageError, which shows nothing of it, if no UTF-8."""
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: byte {error.start} is not UTF-8; save the file as UTF-8, bytes as base64") from None
    return text.removesuffix("\n").removesuffix("\r")
