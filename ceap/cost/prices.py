"""The list prices, from one dated file."""

import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

import msgspec

from ceap.errors import UsageError

FILE: Final = Path(__file__).with_name("prices.yaml")
_CURE: Final = "copy ceap/cost/prices.yaml, and change the copy"


class Item(StrEnum):
    """What AWS bills, by its key in the file of prices."""

    STANDARD_TRANSITION = "standard_transition"
    EXPRESS_REQUEST = "express_request"
    EXPRESS_GB_SECOND = "express_gb_second"
    LAMBDA_REQUEST = "lambda_request"
    LAMBDA_ARM64 = "lambda_gb_second_arm64"
    LAMBDA_X86 = "lambda_gb_second_x86_64"
    LAMBDA_STORAGE = "lambda_storage_gb_second"
    GLUE = "glue_dpu_hour"
    S3_PUT = "s3_put"
    S3_GET = "s3_get"
    S3_STORAGE = "s3_gb_month"
    SQS = "sqs_request"
    PIPE = "pipe_request"
    EVENT = "event"
    DYNAMODB_WRITE = "dynamodb_write"
    DYNAMODB_READ = "dynamodb_read"
    LOG = "log_gb"
    LOG_STORAGE = "log_gb_month"
    TRACE = "trace"
    METRIC = "metric"
    ALARM = "alarm"
    DASHBOARD = "dashboard"


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`usd` for `per` units; `checked` says what confirms it, and `source` is AWS's page."""

    usd: float
    per: int
    unit: str
    source: str
    checked: Literal["page", "others", "no"]


class PriceList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The prices of a Region at a date, in US dollars."""

    date: datetime.date
    region: str
    prices: dict[Item, Price]

    def of(self, item: Item, quantity: float) -> float:
        """Return what a quantity costs."""
        price = self.prices[item]
        return quantity * price.usd / price.per


def load_prices(file: Path = FILE) -> PriceList:
    """Read a file of prices; UsageError if it is unreadable, or one of the prices is missing or wrong."""
    try:
        found = msgspec.yaml.decode(file.read_bytes(), type=PriceList, strict=False)
    except OSError as error:
        raise UsageError(
            f"{file}: cannot be read: {error.strerror}; copy {FILE.name} of ceap/cost, and change it"
        ) from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise UsageError(
            f"{file}: is no list of prices: {error}; copy {FILE.name} of ceap/cost, and change it"
        ) from None
    missing = [item.value for item in Item if item not in found.prices]
    wrong = [item.value for item, price in found.prices.items() if price.usd < 0 or price.per < 1]
    if missing or wrong:
        which = f"has no price for {', '.join(missing)}" if missing else f"has a wrong price for {', '.join(wrong)}"
        raise UsageError(f"{file}: {which}; {_CURE}")
    return found
