"""Where the records of a message come from; a new kind is one file here and its place in `Source`."""

from __future__ import annotations

from typing import TypeAlias

from handlers.sources.inline import Inline

Source: TypeAlias = Inline

__all__ = ["Inline", "Source"]
