"""What moto makes anew on every call though it never differs: here it is made once.

Each function gives what moto's own gives; the tests compare them.
"""

import string
import sys
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Final

import moto.core.responses
import moto.core.utils
import moto.settings
from moto.core.base_backend import AccountSpecificBackend, BackendDict
from moto.core.serialize import AttributePicker, AttributePickerContext, XFormedAttributePicker
from moto.moto_api._internal.moto_random import MotoRandom

from ceap.local.hooks import replace

_NAMES_MAX: Final = 4096
_KEYS: Final = "ceap_keys"


@cache
def install() -> None:
    """Hook moto, once per process; AttributeError if moto lacks a part."""
    _replace_everywhere("camelcase_to_underscores", lru_cache(_NAMES_MAX)(moto.core.utils.camelcase_to_underscores))
    replace(moto.core.responses, "method_names_from_class", cache(moto.core.utils.method_names_from_class))
    replace(MotoRandom, "get_random_string", _random_string)
    replace(BackendDict, "__getitem__", _found_first(vars(BackendDict)["__getitem__"]))
    replace(AccountSpecificBackend, "__getitem__", _found_first(vars(AccountSpecificBackend)["__getitem__"]))
    replace(AttributePicker, "__call__", pick(vars(AttributePicker)["__call__"]))
    # Buckets are in paths here; to find that out moto compares the host with seven expressions, five times a call.
    replace(moto.settings, "S3_IGNORE_SUBDOMAIN_BUCKETNAME", "true")


def _replace_everywhere(name: str, value: Callable[..., Any]) -> None:
    """Replace a function of moto's in every module that has imported it."""
    original = vars(moto.core.utils)[name]
    for module in [each for key, each in list(sys.modules.items()) if key.startswith("moto.")]:
        if vars(module).get(name) is original:
            replace(module, name, value)


def _random_string(self: MotoRandom, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:
    """Return a random text, by one call of `choices` in place of `length` calls of `choice`."""
    text = "".join(self.choices(string.ascii_letters + string.digits * include_digits, k=length))
    return text.lower() if lower_case else text


def _found_first(find: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """Return a look-up that asks moto, which takes a lock, only for what is not there yet."""

    def find_first(self: dict[str, Any], key: str) -> Any:
        found = self.get(key)
        return find(self, key) if found is None else found

    return find_first


def pick(original: Callable[[Any, AttributePickerContext], Any]) -> Callable[[Any, AttributePickerContext], Any]:
    """Return the pick of a member of a result: of a plain dict, the keys under which it may be are found out once."""

    def pick_known(self: Any, context: AttributePickerContext) -> Any:
        result = context.obj
        if type(result) is not dict or type(self) is not XFormedAttributePicker or self.response_transformers:
            return original(self, context)
        shape: Any = context.shape
        known = shape.__dict__.setdefault(_KEYS, {})
        keys = known.get(context.key)
        if keys is None:
            keys = known[context.key] = tuple(self.get_possible_keys(context))
        for key in keys:
            if key in result:
                return result[key]
        return None

    return pick_known
