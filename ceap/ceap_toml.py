"""`ceap.toml`: a repository's rules and waivers for `ceap check`, how it is packaged, and where it is deployed to."""

import re
import tomllib
from collections.abc import Mapping
from os.path import lexists, relpath
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from ceap.errors import UsageError
from templates import naming
from templates.placeholders import unknown_placeholder
from templates.tag_problems import tag_problems
from templates.words import allowed, shown

NAME: Final = "ceap.toml"
ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
REGION: Final = re.compile(r"[a-z]+(-[a-z]+)+-\d+", re.ASCII)
# Source: IAM User Guide, "IAM identifiers": a path of the role's may stand before its name.
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/[\w+=,.@/-]+", re.ASCII)
_ENVIRONMENT: Final = re.compile(naming.ENVIRONMENT_PATTERN, re.ASCII)
_PARAMETER: Final = re.compile(r"[A-Za-z0-9]{1,255}", re.ASCII)
VALUE_MAX: Final = 4096
"""Characters of a parameter's value. Source: CloudFormation User Guide, "CloudFormation quotas"."""

OF_CEAP: Final = ("Environment", naming.HANDLERS_PREFIX_PARAMETER, naming.GLUE_PREFIX_PARAMETER)
"""The parameters to which ceap itself gives values when it deploys."""


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """A section `[env.NAME]`: where and how an environment is deployed; without a section all but the name is empty.

    `account` has 12 digits; `parameters` are values of the templates' parameters; `tags` are those of the stacks.
    A `termination_protection` of None leaves the stacks as they are.
    """

    name: str
    account: str | None = None
    region: str | None = None
    profile: str | None = None
    parameters: Mapping[str, str] = {}
    tags: Mapping[str, str] = {}
    role_arn: str | None = None
    termination_protection: bool | None = None


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """`rules` are folders of Guard rules, `waivers` is a file; both as seen from the current folder.

    `bytecode` says whether the functions' packages hold byte code.
    """

    rules: tuple[Path, ...] = ()
    waivers: Path | None = None
    bytecode: bool = False
    env: Mapping[str, Environment] = {}


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


def check_name(name: str, place: str) -> None:
    """Raise UsageError if no environment can have a name; `place` is what gave it."""
    if not _ENVIRONMENT.fullmatch(name):
        raise UsageError(
            f"{place}: no environment can be called {shown(name)}; a name begins with a-z, then come a-z and 0-9, "
            f"at most {naming.ENVIRONMENT_MAX} characters in all, e.g. dev"
        )


def _read(file: Path) -> Config:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: not TOML: {error}; correct the syntax") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}; make it readable") from None
    except RecursionError:
        raise UsageError(f"{file}: is nested too deeply; its keys are {', '.join(Config.__struct_fields__)}") from None
    for key in content:
        if key not in Config.__struct_fields__:
            raise UsageError(f"{file}: there is no key {key!r}; {allowed(key, Config.__struct_fields__)}")
    rules = content.get("rules", [])
    if not isinstance(rules, list) or not all(isinstance(name, str) for name in rules):
        raise _wrong(file, "rules", rules, 'a list of folders, e.g. ["rules"], relative to this file')
    waivers = content.get("waivers")
    if not isinstance(waivers, str | None):
        raise _wrong(file, "waivers", waivers, 'a file, e.g. "waivers.yaml", relative to this file')
    bytecode = content.get("bytecode", False)
    if not isinstance(bytecode, bool):
        raise _wrong(file, "bytecode", bytecode, "true or false")
    return Config(
        rules=tuple(file.parent / name for name in rules),
        waivers=None if waivers is None else file.parent / waivers,
        bytecode=bytecode,
        env=_environments(file, content.get("env", {})),
    )


def _environments(file: Path, sections: Any) -> dict[str, Environment]:
    if not isinstance(sections, dict):
        raise _wrong(file, "env", sections, "tables, e.g. [env.dev]")
    return {name: _environment(file, name, section) for name, section in sections.items()}


class _Form(NamedTuple):
    """What a value must be: its type, the pattern of a text, and both in words."""

    type: type
    pattern: re.Pattern[str]
    due: str

    def is_met(self, value: Any) -> bool:
        return isinstance(value, self.type) and (not isinstance(value, str) or bool(self.pattern.fullmatch(value)))


_ANY: Final = re.compile(r".*", re.DOTALL)
_TEXT: Final = _Form(str, _ANY, "a text in quotes")
_FORMS: Final = {
    "account": _Form(str, ACCOUNT, 'the 12 digits of an account in quotes, e.g. "123456789012"'),
    "region": _Form(str, REGION, 'a region, e.g. "eu-central-1"'),
    "profile": _Form(str, re.compile(r"\S(.*\S)?"), 'a profile of the AWS CLI, e.g. "dev"'),
    "parameters": _Form(dict, _ANY, 'a table of texts, e.g. {AlertEmail = "team@example.com"}'),
    "tags": _Form(dict, _ANY, 'a table of texts, e.g. {team = "orders"}'),
    "role_arn": _Form(str, _ROLE, 'the ARN of a role, e.g. "arn:aws:iam::123456789012:role/ceap-deploy"'),
    "termination_protection": _Form(bool, _ANY, "true or false"),
}


def _environment(file: Path, name: str, section: Any) -> Environment:
    place = f"{file}: [env.{name}]"
    check_name(name, place)
    if not isinstance(section, dict):
        raise _wrong(file, f"env.{name}", section, f"a table, [env.{name}]")
    for key, value in section.items():
        if key not in _FORMS:
            raise UsageError(f"{place}: there is no key {key!r}; {allowed(key, _FORMS)}")
        _check_form(file, f"env.{name}.{key}", value, _FORMS[key])
        for inner, text in value.items() if isinstance(value, dict) else ():
            _check_form(file, f"env.{name}.{key}.{inner}", text, _TEXT)
    environment = Environment(name=name, **section)
    _check_parameters(f"{place} parameters", environment.parameters)
    _check_tags(f"{place} tags", environment.tags)
    role = _ROLE.fullmatch(environment.role_arn or "")
    if role and environment.account and role[1] != environment.account:
        raise UsageError(
            f"{place}: role_arn is of account {role[1]}, but account is {environment.account}; CloudFormation takes "
            "only a role of the stack's own account"
        )
    return environment


def _check_form(file: Path, key: str, value: Any, form: _Form) -> None:
    if not form.is_met(value):
        raise _wrong(file, key, value, form.due)


def _check_parameters(place: str, parameters: Mapping[str, str]) -> None:
    for name, value in parameters.items():
        if not _PARAMETER.fullmatch(name):
            raise UsageError(f"{place}: no parameter can be called {shown(name)}; allowed: letters and digits")
        if name in OF_CEAP:
            raise UsageError(f"{place}: {name} gets its value from ceap when it deploys; remove it")
        if len(value) > VALUE_MAX:
            raise UsageError(f"{place}: {name} has {len(value)} characters; AWS allows {VALUE_MAX}; shorten it")


def _check_tags(place: str, tags: Mapping[str, str]) -> None:
    for key, value in tags.items():
        if unknown := unknown_placeholder(value, ()):
            raise UsageError(f"{place}: {key} holds {unknown}, which nothing fills in here; write the value")
    for path, problem in tag_problems(tags):
        raise UsageError(f"{': '.join((place, *path))} {problem}")


def _wrong(file: Path, key: str, value: Any, due: str) -> UsageError:
    return UsageError(f"{file}: {key} is {shown(value)}; it must be {due}")
