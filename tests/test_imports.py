from __future__ import annotations

import re
import subprocess
import sys

import pytest

from ceap import project
from ceap.imports import SAME_UNPRINTABLE, YAML_UNPRINTABLE

UNUSED = ("cfn_flip", "troposphere.serverless", "troposphere.apigateway")


def run(code: str) -> str:
    """Return what code prints in a process of its own, whose imports nothing has shaped before."""
    done = subprocess.run([sys.executable, "-c", code], cwd=project.ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout


def test_a_template_is_built_without_what_it_does_not_use() -> None:
    code = f"""
import sys
from ceap import imports
with imports.lean():
    from ceap import project
[(name, text)] = project.build_templates([])
print(name, [name for name in {UNUSED!r} if name in sys.modules])
"""
    assert run(code) == "foundation.template.yaml []\n"


def test_what_was_left_out_is_imported_when_something_uses_it() -> None:
    code = """
from ceap import imports
with imports.lean():
    import troposphere.sqs
template = troposphere.Template()
template.set_transform("AWS::Serverless-2016-10-31")
template.add_resource(troposphere.sqs.Queue("Queue"))
print(template.to_yaml())
from troposphere.serverless import Globals
template.set_globals(Globals())
import cfn_flip, typing_extensions
print(cfn_flip.__file__ is not None, typing_extensions.__file__ is not None)
"""
    text = run(code)
    assert "Queue:\n    Type: AWS::SQS::Queue\n" in text
    assert text.endswith("True True\n")


def test_the_modules_and_patterns_are_as_they_were_after_it() -> None:
    code = """
import gc, re, sys
compiled = re.compile
from ceap import imports
try:
    with imports.lean():
        raise ValueError
except ValueError:
    pass
print(re.compile is compiled, gc.isenabled(), [name for name, module in sys.modules.items() if module is None])
"""
    assert run(code) == "True True []\n"


def test_pyyamls_own_reader_refuses_the_same_characters() -> None:
    characters = "".join(map(chr, range(sys.maxunicode + 1)))
    assert re.findall(SAME_UNPRINTABLE, characters) == re.findall(YAML_UNPRINTABLE, characters)
    read = "import yaml.reader; print(ascii(yaml.reader.Reader.NON_PRINTABLE.pattern))"
    assert run(read) == f"{YAML_UNPRINTABLE!a}\n"
    lean = f"from ceap import imports\nwith imports.lean(): {read}"
    assert run(lean) == f"{SAME_UNPRINTABLE!a}\n"


@pytest.mark.parametrize("hint", ["NotRequired[int]", "Required[int]", "Annotated[int, msgspec.Meta(ge=1)]"])
def test_msgspec_reads_the_types_of_a_handler_as_before(hint: str) -> None:
    code = f"""
import msgspec
from typing_extensions import Annotated, NotRequired, Required, TypedDict
class Row(TypedDict, total=False):
    count: {hint}
    name: str
class Item(msgspec.Struct):
    row: Row | None = None
print(msgspec.json.schema(Item))
"""
    assert run(f"from ceap import imports\nwith imports.lean(): pass\n{code}") == run(code)
