"""Imports of the generator without what no command uses, a sixth of the time that a small `ceap synth` takes."""

import gc
import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

YAML_UNPRINTABLE: Final = "[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""The pattern that PyYAML's reader in Python compiles when it is imported; libyaml's, which ceap uses, has its own."""

SAME_UNPRINTABLE: Final = "[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"
"""The same characters. Python marks each character of a range while it compiles, and these are 30 times fewer."""

_UNUSED: Final = {"cfn_flip": {}, "troposphere.serverless": {"Globals": object}}
"""Modules that `import troposphere` loads, each with what it takes of them at once."""


@contextmanager
def lean() -> Iterator[None]:
    """Let what is imported inside load less; what is left out is imported when something uses it after all."""
    # The generator's modules make a hundred thousand objects and no garbage; collecting would take 6 % of a run.
    gc.disable()
    names = () if "troposphere" in sys.modules else _UNUSED.keys() - sys.modules.keys()
    sys.modules.update({name: _placeholder(name) for name in names})
    try:
        _import_yaml()
        _import_msgspec()
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)
        gc.freeze()
        gc.enable()


def _placeholder(name: str) -> ModuleType:
    module = ModuleType(name)

    def find(attribute: str) -> Any:
        if attribute.startswith("__"):  # what the import itself looks for
            raise AttributeError(attribute)
        if sys.modules.get(name) is module:
            del sys.modules[name]
        return getattr(importlib.import_module(name), attribute)

    vars(module).update({**_UNUSED[name], "__getattr__": find})
    return module


def _import_yaml() -> None:
    compiled = re.compile

    def compile_same(pattern: Any, flags: Any = 0) -> Any:
        return compiled(SAME_UNPRINTABLE if pattern == YAML_UNPRINTABLE else pattern, flags)

    re.compile = compile_same
    try:
        importlib.import_module("yaml")
    finally:
        re.compile = compiled


def _import_msgspec() -> None:
    """Import msgspec with `typing` alone: since Python 3.11 it has all that msgspec takes."""
    hidden = "typing_extensions" not in sys.modules
    if hidden:
        sys.modules["typing_extensions"] = None  # type: ignore[assignment]  # how the import system says "there is none"
    try:
        importlib.import_module("msgspec")
    finally:
        if hidden:
            del sys.modules["typing_extensions"]
