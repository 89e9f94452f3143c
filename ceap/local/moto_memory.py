"""What moto keeps of all that it ever made: here nothing, so that what an account deletes, or a closed engine, is gone.

moto lists each instance of each of its classes for as long as the process lives, every message and every line of a log,
for a reset that engines do not use.
"""

from functools import cache, partial
from typing import Any

from moto.core.base_backend import AccountSpecificBackend
from moto.core.common_models import BaseModel
from moto.s3.models import FakeKey, s3_backends

from ceap.local.hooks import replace


@cache
def install() -> None:
    """Hook moto, once per process; AttributeError if moto lacks a part."""
    replace(BaseModel, "__new__", staticmethod(_made_unlisted))
    # moto warns of an object that is gone with its file open, as it then forgot to close it.
    replace(FakeKey, "__del__", FakeKey.dispose)
    # moto remembers the Regions of a service by the account's backends, and so these with all that they hold.
    regions = cache(partial(vars(AccountSpecificBackend)["_generate_regions"].__wrapped__, None))
    replace(AccountSpecificBackend, "_generate_regions", lambda _, service_name: regions(service_name))


def _made_unlisted(cls: Any, *_: Any, **__: Any) -> Any:
    return super(BaseModel, cls).__new__(cls)


def close_objects(account: str) -> None:
    """Close the files of an account's objects and free the names of its buckets."""
    for bucket in s3_backends[account]["aws"].buckets.values():
        for _, versions in bucket.keys._iterlists():
            for each in versions:
                if isinstance(each, FakeKey):
                    each.dispose()
        for upload in bucket.multiparts.values():
            upload.dispose()
    for name, (_, owner) in list(s3_backends.bucket_accounts.items()):
        if owner == account:
            del s3_backends.bucket_accounts[name]
