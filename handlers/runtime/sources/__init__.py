"""Where the records of a message come from; a new kind is one file here and its place in `Source`."""

from typing import TypeAlias

from handlers.runtime.sources.base import BadRow, require_record
from handlers.runtime.sources.inline import Inline
from handlers.runtime.sources.s3 import S3

Source: TypeAlias = Inline | S3

__all__ = ["S3", "BadRow", "Inline", "Source", "require_record"]
