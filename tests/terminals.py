"""Terminals that tests stand at."""

from __future__ import annotations

import os


def read_all(terminal: int) -> str:
    """Return all that is shown on a terminal, whose other end is closed or will be; close it.

    What was written comes in parts, the last of them perhaps after who wrote it has ended.
    """
    shown = b""
    try:
        while part := os.read(terminal, 65536):
            shown += part
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(terminal)
    return shown.decode().replace("\r\n", "\n")
