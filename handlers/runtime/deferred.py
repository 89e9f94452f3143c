"""Imports put off until their first use, for what a library imports on every start and hardly ever needs."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Callables = tuple[str, ...]


@contextmanager
def deferring(modules: Mapping[str, Callables]) -> Iterator[None]:
    """Let imports in this block get stand-ins of modules that are not loaded yet; one loads its module when it is used.

    A name that is taken out of a module by `from ... import` loads it at once, unless it is among the callables given
    for it: these are taken as functions that load the module when they are called. So a callable must not be a class
    that is inherited from, or compared with the class of something.
    After the block these modules are imported as usual, from any code.
    """
    finder: Any = _Finder({name: modules[name] for name in modules if name not in sys.modules})
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in modules:
            _forget(name)


class _Finder:
    """Finds and loads stand-ins; not one of importlib.abc, which imports more than is saved here."""

    def __init__(self, modules: Mapping[str, Callables]) -> None:
        self._modules = modules
        self._loaded: set[str] = set()

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in self._modules or name in self._loaded:
            return None
        # The next search is by the stand-in itself.
        self._loaded.add(name)
        return ModuleSpec(name, self)  # type: ignore[arg-type]  # it has the methods of a loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name, self._modules[spec.name])

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module is loaded when it is used."""


class _StandIn(ModuleType):
    def __init__(self, name: str, callables: Callables) -> None:
        super().__init__(name)
        vars(self).update({each: _call_later(name, each) for each in callables})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # of the import system, which asks any module for them
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(_load(self.__name__), name)


def _call_later(module: str, name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(_load(module), name)(*args, **kwargs)

    return call


def _load(name: str) -> ModuleType:
    _forget(name)
    return import_module(name)


def _forget(name: str) -> None:
    if isinstance(sys.modules.get(name), _StandIn):
        del sys.modules[name]
