"""`ceap.toml`: the rules and waivers of a repository for `ceap check`."""

import tomllib
from collections.abc import Mapping
from os.path import lexists, relpath
from pathlib import Path
from typing import Any, Final

import msgspec

from ceap.errors import UsageError
from templates.words import allowed

NAME: Final = "ceap.toml"


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """A section `[env.NAME]`: where and how an environment is deployed; without a section all but the name is empty.

    `account` has 12 digits; `parameters` are values of the templates' parameters; `tags` are those of the stacks.
    """

    name: str
    account: str | None = None
    region: str | None = None
    profile: str | None = None
    parameters: Mapping[str, str] = {}
    tags: Mapping[str, str] = {}
    role_arn: str | None = None
    termination_protection: bool = False


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """`rules` are folders of Guard rules, `waivers` is a file; both as seen from the current folder."""

    rules: tuple[Path, ...] = ()
    waivers: Path | None = None


def find_root(folder: Path) -> Path:
    """Return the root of the repository that a folder is in, or the folder itself."""
    return next((above for above in (folder, *folder.parents) if (above / ".git").exists()), folder)


def load_config(folder: Path) -> Config:
    """Read the nearest `ceap.toml` up to the root of the repository, if any; UsageError if it is wrong."""
    root = find_root(folder)
    for above in (folder, *folder.parents):
        file = above / NAME
        if lexists(file) and not file.is_dir():  # a link to nothing must not be taken for no file
            return _read(Path(relpath(file)))
        if above == root:
            break
    return Config()


def _read(file: Path) -> Config:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: not TOML: {error}; correct the syntax") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}; make it readable") from None
    except RecursionError:
        raise UsageError(f"{file}: is nested too deeply; it has two keys, rules and waivers") from None
    for key in content:
        if key not in Config.__struct_fields__:
            raise UsageError(f"{file}: there is no key {key!r}; {allowed(key, Config.__struct_fields__)}")
    rules = content.get("rules", [])
    if not isinstance(rules, list) or not all(isinstance(name, str) for name in rules):
        raise _wrong(file, "rules", rules, 'a list of folders, e.g. ["rules"]')
    waivers = content.get("waivers")
    if not isinstance(waivers, str | None):
        raise _wrong(file, "waivers", waivers, 'a file, e.g. "waivers.yaml"')
    return Config(
        rules=tuple(file.parent / name for name in rules),
        waivers=None if waivers is None else file.parent / waivers,
    )


def _wrong(file: Path, key: str, value: Any, due: str) -> UsageError:
    return UsageError(f"{file}: {key} is {value!r}; it must be {due}, relative to this file")
