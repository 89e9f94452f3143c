from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from handlers.runtime.needs import Needs
from templates import discovery
from templates.config import parse_workflow
from templates.errors import ConfigError
from templates.source import parse_source


@pytest.mark.parametrize(
    ("source", "is_job"),
    [
        ('import sys\n\n\nif __name__ == "__main__":\n    sys.exit()\n', True),
        ("if __name__ == '__main__': run()\n", True),
        ("", False),
        ('"""Text.\n\nif __name__ == "__main__":\n    run()\n"""\n', False),
        ('def main():\n    if __name__ == "__main__":\n        run()\n', False),
        ('if __name__ == "__main__":\n', False),
        ('# if __name__ == "__main__":\nrun()\n', False),
    ],
    ids=["a block", "other quotes", "nothing", "a docstring", "in a function", "no Python", "a comment"],
)
def test_a_script_that_runs_as_main_is_a_job(glue: Path, source: str, is_job: bool) -> None:
    (glue / "merge.py").write_text(source)
    assert discovery.job_names() == (("merge",) if is_job else ())


def test_a_script_that_is_not_python_is_blamed_for_that(glue: Path) -> None:
    (glue / "torn.py").write_text("def transform(:\n")
    assert discovery.helper_problem("torn") == (
        "is 'torn', but glue/torn.py is not Python: invalid syntax (<unknown>, line 1); correct the script"
    )


def test_a_helper_in_the_folder_of_jobs_is_not_one_and_the_message_says_where_it_belongs(glue: Path) -> None:
    (glue / "merge.py").write_text('if __name__ == "__main__":\n    pass\n')
    (glue / "words.py").write_text("WORD = 1\n")
    text = "name: orders\ntype: STANDARD\nsteps:\n  - stage: WordsStage\n    glue: words\n"
    with pytest.raises(ConfigError) as caught:
        parse_workflow(parse_source(text, "orders.yaml"))
    assert str(caught.value) == (
        "orders.yaml:5: steps[0].glue is 'words', but glue/words.py is not a job: it has no top-level "
        '`if __name__ == "__main__":` block; move it to glue/lib/, or end it with that block'
    )
    assert [discovery.helper_problem(name) for name in ("merge", "missing")] == [None, None]


def test_each_module_of_the_folder_is_a_handler_and_no_package_is() -> None:
    names = set(discovery.handler_names())
    assert {"take", "sift", "rate", "keep", "tell"} <= names
    assert "runtime" not in names
    assert {type(discovery.load_needs(name)) for name in discovery.handler_names()} == {Needs}


def test_a_new_file_is_a_new_handler_with_its_own_table(folder: Path) -> None:
    (folder / "archive_orders.py").write_text(
        "import msgspec\nfrom handlers.runtime.needs import Needs, Table\n"
        "class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True): ...\n"
        "NEEDS = Needs(settings=Settings, tables={Table('orders', 'PK'): ('PutItem',)})\nhandler = print\n"
    )
    assert discovery.handler_names() == ("archive_orders",)
    assert list(discovery.tables()) == ["orders"]


@pytest.mark.parametrize(
    ("text", "helper", "message"),
    [
        (
            "\nNEEDS = 1 / 0\n",
            "",
            "handlers/broken.py:2: cannot be imported: ZeroDivisionError: division by zero; correct the module",
        ),
        (
            "import handlers.helper_of_it\n",
            "\n\nimport no_such_module\n",
            "handlers/broken.py:1 -> handlers/helper_of_it.py:3: cannot be imported: ModuleNotFoundError: "
            "No module named 'no_such_module'; correct the name, or import a package of a set in the "
            "function that uses it",
        ),
        (
            "\ndef f()\n",
            "",
            "handlers/broken.py:2: cannot be imported: SyntaxError: expected ':' (broken.py, line 2); "
            "correct the module",
        ),
    ],
)
def test_a_handler_that_cannot_be_imported_is_named_with_its_error_and_lines(
    folder: Path, text: str, helper: str, message: str
) -> None:
    (folder / "broken.py").write_text(text)
    (folder / "helper_of_it.py").write_text(helper)
    with pytest.raises(ConfigError) as refused:
        discovery.load_needs("broken")
    assert str(refused.value) == message


def test_a_module_without_needs_is_no_stage_and_the_message_says_where_it_belongs(folder: Path) -> None:
    (folder / "helper.py").write_text('"""A text.\n\nNEEDS is not declared here.\n"""\n')
    with pytest.raises(ConfigError, match=r"helper\.py: has no NEEDS, but every module of handlers/ is a stage"):
        discovery.load_needs("helper")


def test_needs_of_another_type_are_refused(folder: Path) -> None:
    (folder / "odd.py").write_text("\nNEEDS = {}\n")
    with pytest.raises(ConfigError, match=r"odd\.py: NEEDS is a dict; make it a handlers\.runtime\.needs\.Needs"):
        discovery.load_needs("odd")


SETTINGS = "class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True): ..."
MODULE = f"""\
from __future__ import annotations
from dataclasses import dataclass
from typing import Annotated
import msgspec
from handlers.runtime.needs import Needs, Table
{SETTINGS}
NEEDS = Needs(settings=Settings)
handler = print
"""
RECORD = """
@dataclass
class Data:
    parts: complex
class Record(msgspec.Struct):
    value: {1}
class Stage:
    {0} = Record
    def __call__(self, event, context): ...
handler = Stage()
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("handler = print", "", r"handler is None; end the module with `handler = YourStage\(NEEDS\)`"),
        ("handler = print", "handler = Settings", "handler is <class .*>; end the module with `handler = YourStage"),
        ("settings=Settings", "settings=Settings()", r"NEEDS\.settings is Settings\(\); give the class"),
        (", forbid_unknown_fields=True", "", "Settings would accept misspelt settings; declare it frozen=True"),
        ("=Settings)", "=Settings, tables={'a': ('PutItem',)})", r"NEEDS\.tables has the key 'a'; make it a handlers"),
        ("=Settings)", "=Settings, tables={Table('a b', 'PK'): ('PutItem',)})", "table 'a b' must be lower-case words"),
        (
            "=Settings)",
            "=Settings, tables={Table('a', 'PK'): ('PutItem')})",
            "table a: its actions are 'PutItem'",
        ),
        (
            "=Settings)",
            "=Settings, tables={Table('a', 'PK'): ('PutItm',)})",
            "table a: 'PutItm' is not an action",
        ),
        ("=Settings)", "=Settings, bucket_setting='b')", "NEEDS.bucket_setting is 'b'; name a field of its Settings"),
        ("import msgspec", "raise SystemExit('bye')", "cannot be imported: SystemExit: bye; correct the module"),
        ("=Settings)", "=Settings, tables=['a'])", r"NEEDS\.tables is \['a'\]; make it a dict, e\.g\. {Table\("),
        ("=Settings)", "=Settings, events=('a', 'b'))", r"NEEDS\.events is \('a', 'b'\); make it a handlers\.runtime"),
        (
            "handler = print",
            RECORD.format("record_type", "object"),
            "record_type is .* type <class 'object'> is not supported; give its fields",
        ),
        (
            "handler = print",
            RECORD.format("yields", "complex"),
            "yields is .* type <class 'complex'> is not supported; give its fields",
        ),
        (
            "handler = print",
            RECORD.format("message_type", "Annotated[str, msgspec.Meta(pattern='(')]"),
            rf"message_type is .*, which cannot be read: {re.error.__name__}: missing \), unterminated subpattern",
        ),
        (
            "handler = print",
            RECORD.format("record_type", "Data"),
            "record_type is .*, which cannot be read: TypeError: type <class 'complex'> is not supported; give its ",
        ),
    ],
)
def test_wrong_needs_are_refused_with_the_cure(folder: Path, old: str, new: str, message: str) -> None:
    assert old in MODULE
    (folder / "wrong.py").write_text(MODULE.replace(old, new, 1))
    with pytest.raises(ConfigError, match=rf"^handlers/wrong\.py(:\d+)?: {message}"):
        discovery.load_needs("wrong")


def test_two_tables_of_one_name_must_be_the_same(folder: Path) -> None:
    for name, key in (("one_side", "PK"), ("other_side", "pk")):
        tables = f"{{Table('orders', '{key}'): ('PutItem',)}}"
        (folder / f"{name}.py").write_text(MODULE.replace("=Settings)", f"=Settings, tables={tables})"))
    with pytest.raises(ConfigError) as caught:
        discovery.tables()
    assert str(caught.value) == (
        "handlers/other_side.py: table 'orders' is not what handlers/one_side.py declares as 'orders'; "
        "declare it once and import it, or give it another name"
    )


def test_two_tables_whose_names_give_one_logical_id_are_refused(folder: Path) -> None:
    for handler, name in (("first_of_two", "a1"), ("second_of_two", "a_1")):
        tables = f"{{Table('{name}', 'PK'): ('PutItem',)}}"
        (folder / f"{handler}.py").write_text(MODULE.replace("=Settings)", f"=Settings, tables={tables})"))
    with pytest.raises(ConfigError, match=r"second_of_two\.py: table 'a_1' is not what .*first_of_two\.py .* 'a1'"):
        discovery.tables()


def test_what_a_handler_prints_as_it_is_imported_goes_to_standard_error(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "chatty.py").write_text(MODULE + "print('ready')\n")
    discovery.load_needs("chatty")
    assert capsys.readouterr() == ("", "ready\n")


def test_threads_that_import_handlers_leave_standard_output_as_it_was(folder: Path) -> None:
    names = [f"parallel_{number}" for number in range(8)]
    for name in names:
        (folder / f"{name}.py").write_text("sum(range(300_000))\n" + MODULE.replace("from __future__", "# from", 1))
    before = sys.stdout
    with ThreadPoolExecutor(len(names)) as pool:
        assert {type(needs) for needs in pool.map(discovery.load_needs, names)} == {Needs}
    assert sys.stdout is before


@pytest.mark.parametrize("error", ["KeyError('size')", "SystemExit", "RuntimeError('two\\nlines')"])
def test_an_exception_of_a_handlers_settings_names_the_handler(folder: Path, error: str) -> None:
    name = f"raises_{error.partition('(')[0].lower()}"
    (folder / f"{name}.py").write_text(
        "import msgspec\nfrom handlers.runtime.needs import Needs\n"
        "class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):\n"
        f"    def __post_init__(self): raise {error}\n"
        "NEEDS = Needs(settings=Settings)\nhandler = print\n"
    )
    text = f"name: orders\ntype: EXPRESS\nsteps:\n  - stage: OwnStage\n    handler: {name}\n"
    with pytest.raises(ConfigError) as caught:
        parse_workflow(parse_source(text, "orders.yaml"))
    message = str(caught.value)
    kind = error.partition("(")[0]
    assert message.startswith(
        f"orders.yaml:4: steps[0].settings cannot be judged: Settings of handlers/{name}.py raises {kind}: "
    )
    assert message.endswith("; let it raise a ValueError that says what is allowed")
    assert "\n" not in message


def test_what_is_forgotten_is_imported_anew_and_the_framework_is_not(own_handlers: Path) -> None:
    stage = (
        "from handlers import shared\nfrom handlers.runtime.needs import Needs\n"
        "NEEDS = Needs(settings=shared.Settings)\ndef handler(event, context): pass\n"
    )
    settings = "import msgspec\nclass Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):\n    "
    (own_handlers / "shared").mkdir()
    (own_handlers / "shared" / "__init__.py").write_text(f"{settings}a: int = 1\n")
    (own_handlers / "first.py").write_text(stage)
    assert discovery.handler_names() == ("first",)
    before = discovery.load_needs("first")
    (own_handlers / "shared" / "__init__.py").write_text(f"{settings}b: int = 22\n")
    (own_handlers / "first.py").rename(own_handlers / "second.py")
    discovery.forget_handlers()
    assert discovery.handler_names() == ("second",)
    after = discovery.load_needs("second")
    assert [type(needs) is Needs for needs in (before, after)] == [True, True]
    assert [needs.settings.__struct_fields__ for needs in (before, after)] == [("a",), ("b",)]
