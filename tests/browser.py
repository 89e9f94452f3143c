"""A headless Chromium, told what to do over a pipe, so that tests need no package and open no port.

Source: the Chrome DevTools Protocol; `--remote-debugging-pipe` reads commands from descriptor 3 and answers on 4.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
LIMIT_S: Final = 120.0
"""How long a command may take; far more than it needs, because a machine may be busy."""
OPTIONS: Final = (
    "--headless",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
)


def find_browser() -> str | None:
    """Return the path of a Chromium; None if the machine has none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """A running Chromium; `profile` is a folder for all that it writes."""

    def __init__(self, executable: str, profile: Path) -> None:
        commands, self._commands = map(_above_ten, os.pipe())
        self._answers, answers = map(_above_ten, os.pipe())
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        nothing = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
        self._pid: Final = os.posix_spawn(
            executable,
            [executable, *OPTIONS, *sandbox, f"--user-data-dir={profile}", "about:blank"],
            {**os.environ, "HOME": str(profile)},
            file_actions=[(os.POSIX_SPAWN_DUP2, commands, 3), (os.POSIX_SPAWN_DUP2, answers, 4), nothing],
            setpgroup=0,
        )
        os.close(commands)
        os.close(answers)
        self._left = b""
        self._number = 0
        self.events: Final[list[dict[str, Any]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._commands)
        os.close(self._answers)

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result; what happens meanwhile goes to `events`."""
        self._number += 1
        number = self._number
        command = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while (answer := self._read()).get("id") != number:
            self.events.append(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def wait_for(self, method: str, session: str) -> None:
        """Wait for an event of a session that has not happened yet, or has."""
        while not any(event.get("method") == method and event.get("sessionId") == session for event in self.events):
            self.events.append(self._read())

    def open(self, file: Path, *, width: int = 1200, media: str = "screen", scheme: str = "light") -> Page:
        """Open a file and return its page, loaded."""
        return Page(self, file, width, media, scheme)

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + LIMIT_S
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(self._answers, 1 << 20) if ready else b""
            assert chunk, "the browser does not answer"
            self._left += chunk
        message, _, self._left = self._left.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


class Page:
    """A loaded page; `events` are those of its own, from the first request on."""

    def __init__(self, browser: Browser, file: Path, width: int, media: str, scheme: str) -> None:
        self._browser: Final = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session: Final[str] = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)
        browser.events.clear()
        self.call("Page.navigate", url=file.as_uri())
        browser.wait_for("Page.loadEventFired", self._session)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)

    def events(self, method: str) -> list[dict[str, Any]]:
        """Return what an event said each time so far."""
        own = [event for event in self._browser.events if event.get("sessionId") == self._session]
        return [event["params"] for event in own if event["method"] == method]

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, which the page's own policy does not limit."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            given = {"key": key, "code": key, "windowsVirtualKeyCode": code, "text": text if kind == "keyDown" else ""}
            self.call("Input.dispatchKeyEvent", type=kind, **given)

    def print(self) -> bytes:
        """Return the page as PDF, with its headings as bookmarks."""
        printed = self.call("Page.printToPDF", generateDocumentOutline=True, generateTaggedPDF=True)
        return base64.b64decode(printed["data"])

    def screenshot(self) -> bytes:
        """Return the whole page as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])


def _above_ten(descriptor: int) -> int:
    """Move a descriptor out of the way of those that the browser gets."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved
