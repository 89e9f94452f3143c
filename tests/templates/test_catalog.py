from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.needs import Needs
from templates import catalog
from templates.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A handlers folder with one more handler in it."""
    import handlers

    monkeypatch.setattr(catalog, "HANDLERS_FOLDER", tmp_path)
    monkeypatch.setattr(handlers, "__path__", [*handlers.__path__, str(tmp_path)])
    cached = (catalog.handler_names, catalog.tables)
    for function in cached:
        function.cache_clear()
    yield tmp_path
    for function in cached:
        function.cache_clear()


def test_a_handler_is_a_module_that_declares_needs() -> None:
    assert catalog.handler_names() == ("etl", "filter", "reactive", "score", "store")
    assert {type(catalog.load_needs(name)) for name in catalog.handler_names()} == {Needs}


def test_a_new_file_is_a_new_handler_with_its_own_table(folder: Path) -> None:
    (folder / "archive_orders.py").write_text(
        "import msgspec\nfrom handlers.needs import Needs, Table\n"
        "class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True): ...\n"
        "NEEDS = Needs(settings=Settings, tables={Table('orders', 'PK'): ('PutItem',)})\n"
    )
    assert catalog.handler_names() == ("archive_orders",)
    assert list(catalog.tables()) == ["orders"]


def test_a_handler_that_cannot_be_imported_is_named_with_its_error(folder: Path) -> None:
    (folder / "broken.py").write_text("\nNEEDS = 1 / 0\n")
    with pytest.raises(ConfigError, match=r"handlers/broken\.py: cannot be imported: ZeroDivisionError: division"):
        catalog.load_needs("broken")


def test_needs_of_another_type_are_refused(folder: Path) -> None:
    (folder / "odd.py").write_text("\nNEEDS = {}\n")
    with pytest.raises(ConfigError, match=r"handlers/odd\.py: NEEDS is a dict; make it a handlers\.needs\.Needs"):
        catalog.load_needs("odd")


def test_a_bucket_setting_that_is_no_setting_is_refused(folder: Path) -> None:
    (folder / "astray.py").write_text(
        "import msgspec\nfrom handlers.needs import Needs\nclass Settings(msgspec.Struct): bucket: str | None = None\n"
        "\nNEEDS = Needs(settings=Settings, bucket_setting='buckets')\n"
    )
    with pytest.raises(ConfigError, match=r"handlers/astray\.py: NEEDS\.bucket_setting is 'buckets'; name a field of"):
        catalog.load_needs("astray")


def test_two_tables_of_one_name_must_be_the_same(folder: Path) -> None:
    text = "import msgspec\nfrom handlers.needs import Needs, Table\nNEEDS = Needs(settings=msgspec.Struct, tables={})"
    for name, key in (("one_side", "PK"), ("other_side", "pk")):
        tables = f"{{Table('orders', '{key}'): ('PutItem',)}}"
        (folder / f"{name}.py").write_text(text.replace("tables={}", f"tables={tables}"))
    with pytest.raises(ConfigError, match=r"handlers/other_side\.py: table 'orders' is declared differently elsewhere"):
        catalog.tables()
