"""The reference page names every setting, parameter and code that there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec

import handlers
from handlers import etl, filter, reactive, score, store  # noqa: A004 - the stage is called so
from handlers.candidates.filters import Filter
from handlers.candidates.mapping import TARGETS
from handlers.runtime.metrics import NAMESPACE
from handlers.runtime.tally import Share

ROOT = Path(handlers.__file__).parent.parent
PAGE = (ROOT / "docs" / "reference" / "handlers.md").read_text(encoding="utf-8")


def test_every_setting_and_parameter_stands_in_the_reference() -> None:
    structs = [module.Settings for module in (etl, filter, score, store, reactive)] + list(get_args(Filter))
    names = {field.name for struct in structs for field in msgspec.structs.fields(struct)} | set(TARGETS)
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_every_metric_stands_in_the_reference() -> None:
    measures = [module.handler.measure(Share()) for module in (etl, filter, score, store, reactive)]
    names = {name for measure in measures for name in measure} | {"StageDuration", NAMESPACE}
    assert {name for name in names if name not in PAGE} == set()


def test_every_code_of_a_rejection_stands_in_the_reference() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "handlers").rglob("*.py"))
    codes = set(re.findall(r'(?:Rejection|BadRecordError|BadRow|_bad_csv)\("([A-Z_]+)"', sources)) | {etl.DISABLED}
    assert len(codes) > 12
    assert {code for code in codes if code not in PAGE} == set()
