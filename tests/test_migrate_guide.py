"""The guide to migration: its commands are run as they stand there, those to go back too, while orders are sent."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ceap.local.engine import Engine
from ceap.local.fork_server import fast_launch
from ceap.local.sessions import FIRST_ACCOUNT
from ceap.local.stacks import resources
from ceap.project import ROOT
from tests import bare
from tests.aws_cli import AWS_CLI

PAGE = ROOT / "docs/how-to/migrate.md"
OLD = ROOT / "tests/migration/shop-orders.template.yaml"
SUFFIX = "1a2b3c4d5e6f"
CENTS = {"pen": 150, "ink": 900}
ORDERS_PER_COMMAND = 2
"""Sent while a block of commands runs, so that some are in flight or wait whatever it does."""

# As the program that users have, but that nothing is downloaded, and nobody waits for clocks that are not the engine's.
CEAP = """#!{python}
import os, sys
given = dict(os.environ)  # from which the engine's package removes what is of AWS
from ceap.aws import pace
from ceap.cli import main
from ceap.deploy import artifacts
from ceap.deploy.package import Package
from ceap.local.packages import build_zips
from ceap.operate import drain
os.environ.update(given)
artifacts._build_zips = lambda *_, **__: ((name, Package(content, ())) for name, content in build_zips().items())
pace.LAST_S = drain.SETTLED_S = 0.1
sys.exit(main())
"""
# Of a stack that is not done the CLI asks again after 30 seconds.
IMPATIENT = "import time\nsleep = time.sleep\ntime.sleep = lambda seconds: sleep(min(seconds, 0.2))\n"


class Shop:
    """The orders of a shop, and the shell of those who migrate; `account` stands for that of the page."""

    def __init__(self, engine: Engine, clone: Path) -> None:
        self.engine = engine
        self.clone = clone
        self.text = PAGE.read_text(encoding="utf-8").replace(str(FIRST_ACCOUNT), engine.account)
        self.queue = ""
        self.is_new_form = False
        self.lines: list[dict[str, Any]] = []
        self.unrun = re.findall(r"^```sh\n(.*?)^```$", self.text, re.DOTALL | re.MULTILINE)
        self._variables: dict[str, str] = {}

    def commands(self, heading: str) -> list[str]:
        """Return the blocks of commands below a heading."""
        section = re.split(r"^##+ ", self.text.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]
        return re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)

    def file(self, place: str) -> str:
        """Return the block that the page has for a file, by its first line."""
        [block] = re.findall(rf"^```\w+\n# {re.escape(place)}\n(.*?)^```$", self.text, re.DOTALL | re.MULTILINE)
        return str(block)

    def write(self, *places: str) -> None:
        for place in places:
            (self.clone / place).write_text(self.file(place), encoding="utf-8")

    def edit(self, path: str, pattern: str, text: str) -> None:
        """Put a text in place of the one that matches, in a file."""
        file = self.clone / path
        edited, count = re.subn(pattern, lambda _: text, file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert count == 1, pattern
        file.write_text(edited, encoding="utf-8")

    def send(self) -> None:
        number = len(self.lines) + 1
        skus = ("pen", "ink")[: 1 + number % 2]
        lines: list[dict[str, Any]] = [{"sku": sku, "quantity": number} for sku in skus]
        placed = [{"orderId": f"o{number}", **line} for line in lines]
        body = {"source": {"kind": "inline", "records": placed}} if self.is_new_form else None
        self.engine.send(self.queue, json.dumps(body or {"orderId": f"o{number}", "lines": lines}))
        self.lines += placed

    def run(self, block: str) -> str:
        """Run a block of commands while orders are sent and processed; return what it printed."""
        outputs = self.clone / "stdout", self.clone / "stderr"
        with outputs[0].open("w") as out, outputs[1].open("w") as told:
            shell = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", block],
                cwd=self.clone,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=told,
            )
            self._process_orders(shell)
        texts = [output.read_text(encoding="utf-8") for output in outputs]
        print(block, *texts, sep="\n")  # seen where the test fails
        assert shell.returncode == 0, texts[1]
        self.unrun = [each for each in self.unrun if each != block]
        return texts[0]

    def keep_variables(self, block: str) -> None:
        """Run a block that sets variables, which the following blocks see, as in one shell."""
        names = re.findall(r"^(\w+)=", block, re.MULTILINE)
        shown = "".join(f'\nprintf "%s\\n" "${name}"' for name in names)
        values = self.run(block + shown).splitlines()
        self.unrun.remove(block)
        self._variables = dict(zip(names, values, strict=True))

    def count(self) -> None:
        """Let all that was sent be processed, and check that each order was, once, wherever it was."""
        executions = self.engine.drain()
        names = Counter(order_of(execution.input) for execution in executions)
        assert {execution.status for execution in executions} == {"SUCCEEDED"}
        assert names == Counter({line["orderId"]: 1 for line in self.lines})
        assert self.engine.messages(self.queue) == []
        assert self.items() == {
            (line["orderId"], line["sku"]): line["quantity"] * CENTS[line["sku"]] for line in self.lines
        }

    def items(self) -> dict[tuple[str, str], int]:
        pages = self.engine.client("dynamodb").get_paginator("scan").paginate(TableName=f"shop-orders-Lines-{SUFFIX}")
        found = [item for page in pages for item in page["Items"]]
        return {(item["orderId"]["S"], item["sku"]["S"]): int(item["cents"]["N"]) for item in found}

    def functions(self) -> set[str]:
        return {each["FunctionName"] for each in self.engine.client("lambda").list_functions()["Functions"]}

    def machines(self) -> Counter[str]:
        """Return how many executions each state machine had."""
        return Counter(execution.machine.rpartition(":")[2] for execution in self.engine.executions)

    def _process_orders(self, shell: subprocess.Popen[bytes]) -> None:
        sent = 0
        while shell.poll() is None:
            if self.queue and sent < ORDERS_PER_COMMAND:
                self.send()
                sent += 1
            self.engine.drain()
            with suppress(subprocess.TimeoutExpired):
                shell.wait(0.05)
        if self.queue:
            self.send()

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join((str(self.clone / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]))
        keys = self.engine.driver.variables(self.engine.url)
        return {**os.environ, **keys, **self._variables, "PATH": path, "PYTHONPATH": str(self.clone)}


def order_of(text: str) -> str:
    """Return the order that started an execution, of either form."""
    message = json.loads(json.loads(text)[0]["body"])
    order: str = message["source"]["records"][0]["orderId"] if "source" in message else message["orderId"]
    return order


def unjudged(block: str) -> str:
    """Return commands without those that judge a template, which take longest, where one like it was judged before."""
    return block.replace(".venv/bin/ceap check\n", "")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the framework, with the old template, and with programs that do not wait."""
    folder = tmp_path_factory.mktemp("clone")
    bare.copy_framework(folder)
    (folder / "generated").mkdir()
    shutil.copy(OLD, folder)
    # For SQS, version 1 of the CLI has an endpoint of its own, unless an option names another.
    programs = {
        ".venv/bin/ceap": CEAP.format(python=sys.executable),
        "bin/aws": f'#!/bin/sh\nexec {AWS_CLI} --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n',
        "bin/sleep": "#!/bin/sh\nexec /bin/sleep 0.1\n",
    }
    for name, text in programs.items():
        program = folder / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
    (folder / "sitecustomize.py").write_text(IMPATIENT)
    return folder


@pytest.fixture
def shop(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The old stack, with orders before any migration; the names that it generates are those of the page."""
    with fast_launch() as launch, Engine.start(launch=launch) as engine:
        with monkeypatch.context() as patch:
            patch.setattr(resources, "secrets", SimpleNamespace(token_hex=lambda _: SUFFIX))
            stack = engine.deploy(OLD.read_text(encoding="utf-8"), "shop-orders")
        shop = Shop(engine, clone)
        shop.queue = stack.physical_id("Queue")
        for _ in range(3):
            shop.send()
        shop.count()
        yield shop


def test_the_handlers_of_the_page_are_formatted_and_break_no_rule_of_the_project(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n# (handlers/\w+\.py)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "handlers/runtime", tmp_path / "handlers/runtime")
    for path, code in blocks:
        (tmp_path / path).write_text(code, encoding="utf-8")
    for check in (("format", "--check"), ("check", "--no-cache")):
        words = [sys.executable, "-m", "ruff", *check, *(path for path, _ in blocks)]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    assert len(blocks) == 3


@pytest.mark.awscli
def test_no_order_is_lost_or_doubled_by_the_commands_of_the_page(shop: Shop) -> None:
    names, variables = shop.commands("The example")
    assert f"Pipe\tshop-orders-Pipe-{SUFFIX}" in shop.run(names)
    shop.keep_variables(variables)
    make_the_old_stack_safe(shop)
    put_the_new_stack_beside_it(shop)
    hand_over(shop)
    move_stages(shop)
    give_names(shop)
    delete_the_old_stack(shop)
    assert shop.unrun == []
    orders = {line["orderId"] for line in shop.lines}
    print(f"{len(orders)} orders, each processed once:", dict(shop.machines()))


def make_the_old_stack_safe(shop: Shop) -> None:
    template = "shop-orders.template.yaml"
    for resource in re.split(r"^(?=  \w+:\n)", shop.file(template), flags=re.MULTILINE)[1:]:
        name, _, body = resource.partition("\n")
        old = rf"^{name}\n(    .*\n)+" if "Properties" in body else rf"^{name}\n    Type: .*\n"
        shop.edit(template, old if name in OLD.read_text(encoding="utf-8") else r"\Z", resource)
    deploy, check = shop.commands("1. Make the old stack safe to delete")
    shop.run(deploy)
    attributes = json.loads(shop.run(check).partition("}\n}")[0] + "}}")["Attributes"]
    assert (attributes["VisibilityTimeout"], attributes["MaximumMessageSize"]) == ("60", "122880")
    shop.count()


def put_the_new_stack_beside_it(shop: Shop) -> None:
    shop.write("workflows/orders.yaml", "waivers.yaml", "ceap.toml")
    deploy, check, back = shop.commands("2. Put the new stack beside the old one")
    shop.run(deploy)
    shop.lines.append({"orderId": "trial-1", "sku": "pen", "quantity": 1})
    assert "SUCCEEDED" in shop.run(check)
    shop.count()
    assert shop.machines()["ceap-orders-dev"] == 1
    shop.run(back)
    shop.count()
    shop.run(unjudged(deploy))
    shop.count()
    assert shop.machines()["ceap-orders-dev"] == 1


def hand_over(shop: Shop) -> None:
    judge, stop, start, check, back = shop.commands("3. Hand over")
    shop.edit("workflows/orders.yaml", r"^overrides:\n.*\n", "")
    shop.edit("ceap.toml", r"^waivers = .*\n", "")
    (shop.clone / "waivers.yaml").unlink()
    shop.run(judge)
    before = shop.machines()["ceap-orders-dev"]
    for again in (False, True):
        shop.run(stop)
        assert shop.engine.messages(shop.queue) != []
        shop.run(start)
        shop.run(check)
        shop.count()
        if not again:
            old = shop.machines()[f"shop-orders-Machine-{SUFFIX}"]
            shop.run(back)
            shop.count()
            assert shop.machines()[f"shop-orders-Machine-{SUFFIX}"] > old
    assert shop.machines()["ceap-orders-dev"] > before


def move_stages(shop: Shop) -> None:
    look, deploy, check, back = shop.commands("4. Move one stage after another")
    for stage in ("Price", "Store", "Read"):
        shop.is_new_form = stage == "Read"  # senders change before the first stage does
        shop.write(f"handlers/{stage.lower()}.py")
        place = f"workflows/orders.yaml, in place of the step {stage}Stage"
        shop.edit("workflows/orders.yaml", rf"^  - stage: {stage}Stage\n(    .*\n)+", shop.file(place))
        shop.edit("ceap.toml", rf"^{stage}FunctionArn = .*\n", "")
        if stage == "Store":
            shop.edit("ceap.toml", r"\Z", shop.file("ceap.toml, below [env.dev.parameters]"))
        assert "changes in place" in shop.run(look if stage == "Price" else unjudged(look))
        shop.run(deploy)
        shop.run(check)
        shop.count()
        if stage == "Store":
            shop.run(back)
            shop.count()
            shop.run(deploy)
            shop.count()


def give_names(shop: Shop) -> None:
    shop.is_new_form = True
    shop.edit("workflows/orders.yaml", r"^naming: generated\n", "")
    deploy, check, back = shop.commands("5. Give the functions their names")
    shop.run(deploy)
    assert '"ceap-orders-dev-Price"' in shop.run(check)
    shop.count()
    shop.run(back)
    shop.count()
    assert "ceap-orders-dev-Price" not in shop.functions()
    shop.run(unjudged(deploy))
    shop.count()
    assert "ceap-orders-dev-Price" in shop.functions()


def delete_the_old_stack(shop: Shop) -> None:
    delete, check = shop.commands("6. Delete the old stack")
    shop.run(delete)
    assert "ACTIVE" in shop.run(check)
    shop.count()
