"""What moto makes anew on every call though it never differs: here it is made once.

Each function gives what moto's own gives; the tests compare them. What differs on purpose does so for calls that the
engine serves: tests of handlers may use moto's own mocks in the same process.
"""

import os
import sys
from collections.abc import Callable
from functools import cache, lru_cache
from types import ModuleType
from typing import Any, Final
from urllib.parse import urlparse

import moto.core.responses
import moto.core.utils
import moto.utilities.aws_headers
from moto.core.base_backend import AccountSpecificBackend, BackendDict
from moto.core.responses import BaseResponse
from moto.core.serialize import AttributePicker, AttributePickerContext, XFormedAttributePicker
from moto.s3.responses import S3Response
from moto.utilities.utils import get_partition

from ceap.local.hooks import replace

_NAMES_MAX: Final = 4096
_KEYS: Final = "ceap_keys"


@cache
def install() -> None:
    """Hook moto, once per process; AttributeError if moto lacks a part."""
    _replace_everywhere("camelcase_to_underscores", lru_cache(_NAMES_MAX)(moto.core.utils.camelcase_to_underscores))
    replace(moto.core.responses, "method_names_from_class", cache(moto.core.utils.method_names_from_class))
    _replace_everywhere("gen_amzn_requestid_long", _request_id, moto.utilities.aws_headers)
    replace(BackendDict, "__getitem__", _found_first(vars(BackendDict)["__getitem__"]))
    replace(AccountSpecificBackend, "__getitem__", _found_first(vars(AccountSpecificBackend)["__getitem__"]))
    replace(BaseResponse, "setup_class", _setup(vars(BaseResponse)["setup_class"]))
    # IAM has decided on the Region that a call is signed for; moto takes another from the host, the path or the client.
    replace(BaseResponse, "get_region_from_url", _region(vars(BaseResponse)["get_region_from_url"]))
    replace(S3Response, "setup_class", _s3_setup(vars(S3Response)["setup_class"]))
    replace(AttributePicker, "__call__", pick(vars(AttributePicker)["__call__"]))
    # Buckets are in paths here; to find that out moto compares the host with seven expressions, five times a call.
    replace(S3Response, "subdomain_based_buckets", staticmethod(_bucket_in_host(S3Response.subdomain_based_buckets)))


def _replace_everywhere(name: str, value: Callable[..., Any], module: ModuleType = moto.core.utils) -> None:
    """Replace a function of a module of moto's in every module that has imported it."""
    original = vars(module)[name]
    for holder in [each for key, each in list(sys.modules.items()) if key.startswith("moto.")]:
        if vars(holder).get(name) is original:
            replace(holder, name, value)


def _request_id(headers: dict[str, Any] | None = None) -> str:
    """Return an id of a request, and put it into its headers; moto draws its 52 characters one by one."""
    made = os.urandom(26).hex()
    if isinstance(headers, dict):
        headers["x-amzn-requestid"] = made
    return made


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


def _setup(original: Callable[..., None]) -> Callable[..., None]:
    """Return the set-up of a response that reads a call of a JSON protocol as what it is, and headers as headers.

    moto reads it as a form first: a text in it, as `&Action=DeleteQueue&`, would be what it does; so would a header
    `Action` of a call that has nothing else.
    """

    def setup_class(
        self: Any,
        request: Any,
        full_url: str | None = None,
        headers: Any = None,
        use_raw_body: bool | None = None,
    ) -> None:
        raw = self.use_raw_body if use_raw_body is None else use_raw_body
        if raw or not _is_json(request, full_url):
            original(self, request, full_url, {} if _is_served(request) else headers, use_raw_body)
            return
        given, body = request.headers, request.data
        self.is_werkzeug_request = True
        self.normalized_request = request
        self.uri = request.raw_url
        self.parsed_url = urlparse(self.uri)
        self.form_data = request.form
        self.raw_body = body
        self.body = body.decode()
        self.querystring = self.data = {self.body: [""]}
        self.path, self.raw_path = self.parsed_url.path, request.raw_path
        self.method = request.method
        self.region = _signed_region(given)
        self.partition = get_partition(self.region)
        self.uri_match = {}
        self.headers = given
        self.response_headers = {"server": "amazon.com"}
        if self.automated_parameter_parsing and self._get_action():
            self.parse_parameters(request)
        self.access_key = self.get_access_key()
        self.current_account = given["x-moto-account-id"]

    return setup_class


def _is_json(request: Any, full_url: str | None) -> bool:
    """Tell whether this is a call of a JSON protocol that the engine serves, and nothing else."""
    given = request.headers
    return bool(
        given.get("Content-Type", "").startswith(("application/x-amz-json", "application/json"))
        and "x-amz-target" in given
        and "Authorization" in given
        and _is_served(request)
        and "Content-Encoding" not in given
        and request.data
        and not request.query_string
        and full_url in {None, request.raw_url}
        and request.from_wsgi_server
    )


def _region(original: Callable[..., str]) -> Callable[..., str]:
    def find_region(self: Any, request: Any, full_url: str) -> str:
        return _signed_region(request.headers) if _is_served(request) else original(self, request, full_url)

    return find_region


def _s3_setup(original: Callable[..., None]) -> Callable[..., None]:
    def setup_class(self: Any, request: Any, full_url: str | None = None, headers: Any = None) -> None:
        original(self, request, full_url, headers)
        if _is_served(request):
            self.region = _signed_region(request.headers)

    return setup_class


def _bucket_in_host(original: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda request: not _is_served(request) and original(request)


def _is_served(request: Any) -> bool:
    """Tell whether the engine has let this call through; other calls of this process may be moto's alone."""
    return "x-moto-account-id" in request.headers


def _signed_region(headers: Any) -> str:
    region: str = headers["Authorization"].split("/", 3)[2]
    return region
