"""The settings of a step, with placeholders: as a template holds them, and as its handler may find them."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from troposphere import Sub

from handlers.runtime.needs import Needs
from templates.placeholders import LONGEST, fill, substituted_json

SETTINGS_MAX_BYTES: Final = 3072


def encode_settings(settings: Mapping[str, Any]) -> str:
    """Return settings as JSON, placeholders included."""
    return msgspec.json.encode(settings).decode()


def settings_variable(settings: Mapping[str, Any]) -> str | Sub:
    """Return settings as the template holds them: the text of JSON that a function's environment gets."""
    return substituted_json(encode_settings(settings))


def filled_settings(settings: Mapping[str, Any], values: Mapping[str, str] = LONGEST) -> dict[str, Any]:
    """Return settings as they are after deployment; without `values`, no shorter than they can be."""
    filled: dict[str, Any] = msgspec.json.decode(fill(encode_settings(settings), values))
    return filled


def source_bucket(needs: Needs, settings: Mapping[str, Any]) -> str | None:
    """Return the bucket that messages may name, with its placeholders; msgspec's error if the settings are wrong."""
    bucket = needs.source_bucket(msgspec.convert(filled_settings(settings), needs.settings))
    if bucket is None:
        return None
    [name] = [
        field.encode_name for field in msgspec.structs.fields(needs.settings) if field.name == needs.bucket_setting
    ]
    return str(settings.get(name, bucket))
