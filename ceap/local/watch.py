"""`ceap run --watch`: runs again whenever a file changes that a run reads.

Each run has an engine, data and processes of its own, and its clock begins anew, so that its result is that of a fresh
`ceap run`. Only what no change can touch stays loaded: the engine's modules, and the packages of the fork server.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import handlers
from ceap import project
from ceap.errors import UsageError
from ceap.local.changes import Changes
from ceap.local.clock import CLOCK
from ceap.local.fork_server import fast_launch
from ceap.local.workers import Launch
from templates import discovery, package_sets, words
from templates.errors import ConfigError

if TYPE_CHECKING:
    from ceap.local.engine import Engine

REST_S: Final = 2.0
"""How long the threads of a run that was cut off may take to end."""
OWN_FOLDERS: Final = tuple(project.ROOT / name for name in ("ceap", "templates"))


class Changed(BaseException):
    """A file has changed while a run was in progress; no Exception, which a run would take for a failure of its own."""


class Watch:
    """What the runs of one watch share; `changes` are those since the current run began to read."""

    def __init__(self, declaration: Path, launch: Launch) -> None:
        folders = [*map(Path, handlers.__path__), *discovery.JOB_FOLDERS, *OWN_FOLDERS]
        locks = [Path(folder, package_sets.FOLDER) for folder in handlers.__path__]
        self.changes: Final = Changes(folders, [declaration, *locks])
        self._launch: Final = launch
        self._can_end = False

    def start_engine(self) -> Engine:
        """Start the engine of a run, as the first of a process: nothing is left of the last one."""
        from ceap.local.engine import Engine
        from ceap.local.sessions import FIRST_ACCOUNT

        return Engine.start(account=str(FIRST_ACCOUNT), launch=self._launch)

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """End the block with Changed as soon as a file changes, whatever it waits for."""
        over = threading.Event()
        previous = signal.signal(signal.SIGUSR1, self._on_signal)
        looker = threading.Thread(target=self._look, args=(over,), daemon=True)
        self._can_end = True
        looker.start()
        try:
            yield
        finally:
            self._can_end = False
            over.set()
            looker.join()
            signal.signal(signal.SIGUSR1, previous)

    def _look(self, over: threading.Event) -> None:
        while not over.wait(self.changes.interval_s):
            if self.changes.find():
                # A signal, because nothing else wakes a thread that waits for a lock.
                os.kill(os.getpid(), signal.SIGUSR1)
                return

    def _on_signal(self, *_: Any) -> None:
        if self._can_end:
            self._can_end = False
            raise Changed


def watch(run: Callable[[Watch], int], declaration: Path, say: Callable[[str], None]) -> NoReturn:
    """Run, and run again after each change, until it is interrupted; `run` is called in the main thread.

    A change of ceap itself or of the framework of the handlers starts the process anew.
    """
    with fast_launch() as launch:
        watching = Watch(declaration, launch)
        while _run(run, watching, say):
            say("watching the handlers, the declaration, the message and the seed; Ctrl-C ends")
            changed = watching.changes.wait()
            say(f"\n{describe(changed)} changed: running again")
            if any(map(_is_loaded_for_good, changed)):
                break
            _forget(changed)
    say("ceap or handlers/runtime changed, or the last run did not end: loading everything anew")
    restart()


def describe(paths: list[Path]) -> str:
    """Return e.g. `handlers/filter.py and 2 other files`."""
    first, *others = (_short(path) for path in paths)
    return f"{first} and {words.plural(len(others), 'other file')}" if others else first


def restart() -> NoReturn:
    """Run the same command in place of this process."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 (the command that the user gave)


def _run(run: Callable[[Watch], int], watching: Watch, say: Callable[[str], None]) -> bool:
    """Run once and say what is wrong with the files; False if something of the run goes on after its end."""
    watching.changes.renew()
    try:
        run(watching)
    except (UsageError, ConfigError) as error:
        say(f"ceap: {error}")
    except Changed:
        pass
    except OSError:
        if not watching.changes.find():  # else a file has gone while it was read
            raise
    return CLOCK.rewind(REST_S)


def _forget(changed: Iterable[Path]) -> None:
    """Make the next import of handlers read their files."""
    discovery.forget_handlers()
    for path in changed:
        if path.suffix == ".py":
            # It would be taken for that of a file of the same second and size.
            with contextlib.suppress(OSError):
                Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def _is_loaded_for_good(path: Path) -> bool:
    folders = [Path(folder) for folder in handlers.__path__]
    framework = [folder / name for folder in folders for name in ("runtime", "__init__.py")]
    return any(path.is_relative_to(place) for place in (*OWN_FOLDERS, *framework))


def _short(path: Path) -> str:
    """Return a path as the user knows it: from the project's folder, or as it was given."""
    return str(path.relative_to(project.ROOT) if path.is_relative_to(project.ROOT) else path)
