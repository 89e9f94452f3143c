"""The templates to compare, from generated/, files, git and AWS, and the report of their diffs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os.path import relpath
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from ceap import project
from ceap.aws.environments import load_environment, parameters_of
from ceap.aws.session import Aws
from ceap.aws.stacks import find_stack, read_template, values_in
from ceap.ceap_toml import NAME as CONFIG
from ceap.ceap_toml import Environment
from ceap.cfn.template import Template, load_template, parse_template
from ceap.deploy.diff.change import Diff
from ceap.deploy.diff.compare import compare
from ceap.deploy.diff.contracts import Fields, Handlers, read_fields
from ceap.deploy.diff.old_contracts import load_old_fields
from ceap.deploy.diff.report import Report
from ceap.deploy.diff.repository import Repository
from ceap.deploy.diff.stages import HANDLER, stages_of
from ceap.deploy.values import choose_values
from ceap.errors import UsageError
from templates import discovery, naming
from templates.contracts import Contract
from templates.words import listed

SUFFIX: Final = naming.template_file("")
UNKNOWN: Final = "what the handlers of the old side took and yielded is not known: older messages may not fit"
_CODE: Final = ("handlers", "glue")
_CODE_STAYS: Final = "the code of functions and jobs is not compared: their prefixes count as those that are deployed"
SHORT: Final = 12
"""Characters of a commit's hash that are shown."""


class Pair(NamedTuple):
    """The two sides of one stack."""

    name: str
    old: Template | None
    new: Template | None


def of_file(templates: Sequence[Path], old: Path, environment: Environment | None) -> Report:
    """Return the diff of a template against another file; without one, against which of generated/ has its name."""
    file = templates[0] if templates else project.GENERATED / old.name
    if len(templates) > 1:
        raise UsageError(f"--against {old}: is one template; name one to compare with it, not {len(templates)}")
    if not templates and not file.is_file():
        cure = f"name the template to compare with it: ceap diff TEMPLATE --against {old}"
        raise UsageError(f"--against {old}: {relpath(project.GENERATED)}/ has no {old.name}; {cure}")
    pair = Pair(_name(file), load_template(old), load_template(_shown(file)))
    diff = _diff(pair, _values(environment, pair.old), _values(environment, pair.new), _no_fields)
    return Report(str(old), (diff,), () if diff.is_empty else (UNKNOWN,))


def of_revision(templates: Sequence[Path], revision: str | None, environment: Environment | None) -> Report:
    """Return the diffs of templates, by default all of generated/, against a revision, by default where main was left.

    Raises:
        UsageError: no repository, no such revision, or no main.
        SetupError: git is not installed.
    """
    folders = dict.fromkeys(path.parent for path in templates) or [project.GENERATED]
    diffs: list[Diff] = []
    for folder in folders:
        repository = Repository(folder)
        commit = repository.commit(revision) if revision else repository.merge_base()
        names = [path.name for path in templates if path.parent == folder] or _all(repository, commit)
        pairs = [_pair(repository, commit, folder, name) for name in names]
        known = _old_fields(repository, commit, [pair.old for pair in pairs])
        before = _environment_at(repository, commit, environment)
        diffs += (_diff(pair, _values(before, pair.old), _values(environment, pair.new), known) for pair in pairs)
    return Report(_against(revision, commit), tuple(diffs), tuple(_notes(repository, commit)))


def of_stacks(templates: Sequence[Path], aws: Aws, environment: Environment) -> Report:
    """Return the diffs of templates, by default all of generated/, against what is deployed in an environment."""
    files = templates or sorted(project.GENERATED.glob(f"*{SUFFIX}"))
    diffs = tuple(_deployed_diff(aws, environment, _shown(file)) for file in files)
    unknown = () if all(diff.is_empty for diff in diffs) else (UNKNOWN,)
    return Report(f"what is deployed in {environment.name} ({aws})", diffs, (*unknown, _CODE_STAYS))


def _deployed_diff(aws: Aws, environment: Environment, file: Path) -> Diff:
    new, name = load_template(file), naming.stack(_name(file), environment.name)
    wanted = parameters_of(environment, new)
    stack = find_stack(aws, name)
    if stack is None:
        return _diff(Pair(name, None, new), None, wanted, _no_fields)
    text, current = read_template(aws, stack), values_in(stack)
    old = parse_template(text, f"stack {name}") if text else None
    values = choose_values(new, wanted, old, current)
    return _diff(Pair(name, old, new), current, values.all, _no_fields)


def _values(environment: Environment | None, template: Template | None) -> Mapping[str, str] | None:
    return parameters_of(environment, template) if environment and template else None


def _diff(
    pair: Pair, old: Mapping[str, str] | None, new: Mapping[str, str] | None, fields: Callable[[str], Fields | None]
) -> Diff:
    handlers = Handlers(_contract, fields)
    return compare(pair.old, pair.new, old_parameters=old, new_parameters=new, handlers=handlers, name=pair.name)


def _no_fields(_: str) -> None:
    return None


def _contract(handler: str) -> Contract | None:
    return discovery.load_contract(handler) if handler in discovery.handler_names() else None


def _all(repository: Repository, commit: str) -> list[str]:
    """Return the names of all templates of generated/, those that it no longer has among them."""
    now = {path.name for path in project.GENERATED.glob(f"*{SUFFIX}")}
    return sorted(now | {name for name in repository.files(commit) if name.endswith(SUFFIX)})


def _pair(repository: Repository, commit: str, folder: Path, name: str) -> Pair:
    file, text = _shown(folder / name), repository.text(commit, name)
    old = None if text is None else parse_template(text, f"{commit[:SHORT]}:{file}")
    if old is None and not file.is_file():
        raise UsageError(f"{file}: there is no such file, now or at {commit[:SHORT]}; name a template")
    return Pair(_name(file), old, load_template(file) if file.is_file() else None)


def _old_fields(
    repository: Repository, commit: str, templates: Iterable[Template | None]
) -> Callable[[str], Fields | None]:
    """Return what knows the fields of the handlers that old messages were written for, or that wrote what is read."""
    if not repository.has(project.ROOT):
        return _no_fields
    runs = [list(stages.runs.values()) for template in templates for stages in stages_of(template).values()]
    ends = {side for listed in runs if listed for side in (listed[0], listed[-1])}
    names = sorted(name.removeprefix(HANDLER) for name in ends if name.startswith(HANDLER))
    if repository.changed(commit, *_CODE):
        return load_old_fields(repository, commit, names).get
    return lambda name: read_fields(contract) if (contract := _contract(name)) else None


def _environment_at(repository: Repository, commit: str, environment: Environment | None) -> Environment | None:
    """Return the environment as ceap.toml had it at a commit; None where it cannot be read."""
    text = repository.text_of_root(commit, CONFIG)
    if environment is None or text is None:
        return environment
    with TemporaryDirectory() as folder:
        Path(folder, CONFIG).write_text(text, encoding="utf-8")
        try:
            return load_environment(environment.name, Path(folder))
        except UsageError:
            return None


def _notes(repository: Repository, commit: str) -> Iterator[str]:
    code = repository.changed(commit, *_CODE)
    if code:
        yield f"code changed, too, which no template shows: {listed(code)}"


def _against(revision: str | None, commit: str) -> str:
    return f"{revision} ({commit[:SHORT]})" if revision else f"main, where this branch left it ({commit[:SHORT]})"


def _name(file: Path) -> str:
    return file.name.removesuffix(SUFFIX)


def _shown(file: Path) -> Path:
    return Path(relpath(file))
