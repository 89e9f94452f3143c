"""Verdicts of earlier calls, for templates that nothing has changed since.

They lie in the environment that ceap runs in, beside its programs, never in a repository: who can write them there can
change ceap itself, so that they are worth as much. What is wrong with an entry makes it a miss.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from ceap.cfn.template import Template
from ceap.errors import UsageError
from ceap.files import write_all
from ceap.policy import inputs
from ceap.policy.guard.rule_files import RuleFile
from ceap.policy.verdict import Judgement
from ceap.policy.vocabulary.declared import declaration_of
from templates.errors import ConfigError
from templates.source import load_source

ENTRIES_MAX: Final = 1000
"""So many verdicts stay, the newest ones: some 5 MB."""


def place() -> Path:
    """Return the folder of the verdicts."""
    return Path(sys.prefix, "ceap-verdicts")


class VerdictCache(msgspec.Struct, frozen=True):
    """Verdicts in a folder, of an engine by rules; `inputs` is the digest of all else that judges."""

    folder: Path
    inputs: str
    engine: str
    rules: Sequence[RuleFile]

    def key(self, template: Template) -> str | None:
        """Return the name of the template's entry; None where its declaration, with which it is compared, is wrong."""
        parts = [self.inputs, self.engine, *(part for file in self.rules for part in (file.file, file.text))]
        try:
            parts += [template.file, str(Path(template.file).resolve()), template.text, *_declared(template)]
        except (OSError, ConfigError):
            return None
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def find(self, key: str) -> Judgement | None:
        """Return the verdict of an entry; None if there is none, or none to rely on."""
        try:
            seal, _, text = (self.folder / key).read_text(encoding="ascii").partition("\n")
            return msgspec.convert(json.loads(text), Judgement) if seal == _seal(key, text) else None
        except (OSError, ValueError, RecursionError):
            return None

    def keep(self, judgements: Mapping[str, Judgement]) -> None:
        """Write verdicts by the names of their entries, if that is possible, and remove the oldest of too many."""
        texts = {key: json.dumps(msgspec.to_builtins(judgement)) for key, judgement in judgements.items()}
        with suppress(OSError, UsageError):
            write_all([(self.folder / key, f"{_seal(key, text)}\n{text}") for key, text in texts.items()])
            entries = sorted((path.stat().st_mtime_ns, path) for path in self.folder.iterdir())
            for _, path in entries[:-ENTRIES_MAX]:
                path.unlink(missing_ok=True)


def judge_changed(
    templates: Sequence[Template], cache: VerdictCache, judge: Callable[[Sequence[Template]], Sequence[Judgement]]
) -> list[Judgement]:
    """Return the verdict on each template; `judge` judges those of which the cache has none.

    What changed while it judged is not kept: it may have judged by either.
    """
    keys = [cache.key(template) for template in templates]
    found = [cache.find(key) if key else None for key in keys]
    changed = [number for number, judgement in enumerate(found) if judgement is None]
    judged = dict(zip(changed, judge([templates[number] for number in changed]), strict=True))
    if judged and cache.inputs == inputs.read_inputs():
        same = {number: key for number in judged if (key := keys[number]) and key == cache.key(templates[number])}
        cache.keep({key: judged[number] for number, key in same.items()})
    return [judgement or judged[number] for number, judgement in enumerate(found)]


def _declared(template: Template) -> list[str]:
    """Return what the declaration holds with which a template is compared, and the resources that it names.

    Raises:
        OSError, ConfigError: one of them cannot be read.
    """
    declaration = declaration_of(template)
    if declaration is None:
        return []
    data = load_source(declaration).data
    named = data.get("resources") if isinstance(data, dict) else None
    files = [declaration, *([declaration.parent / named] if isinstance(named, str) else [])]
    return [file.read_bytes().hex() for file in files]


def _seal(key: str, text: str) -> str:
    return hashlib.sha256(f"{key}\n{text}".encode()).hexdigest()
