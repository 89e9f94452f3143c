"""A function finds the packages that its zip holds on AWS, and no other that happens to be installed here."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from textwrap import dedent
from types import MappingProxyType
from typing import Any

import pytest

import handlers
from ceap.archive import build_zip
from ceap.deploy.wheels import read_wheel
from ceap.errors import SetupError, UsageError
from ceap.local import packages
from ceap.local.cloudformation import DeployError
from ceap.local.engine import Engine
from ceap.local.fork_server import ForkServer
from ceap.local.workers import Launch, Worker, launch_process
from tests.deploy.wheels import make_wheel
from tests.local.support import CODE_BUCKET, CODE_KEY, function, role, template_text
from tests.local.test_workers import function as bare_function
from tests.local.test_workers import invoke

LOCK = f"sortedcontainers=={version('sortedcontainers')} --hash=sha256:0\n"
SOURCE = "def handler(event, context):\n    import sortedcontainers\n    return sortedcontainers.__name__"
LAUNCHES = ["new", pytest.param("forked", marks=pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux"))]


@pytest.fixture(params=LAUNCHES)
def launch(request: pytest.FixtureRequest) -> Iterator[Launch]:
    if request.param == "new":
        yield launch_process
        return
    server = ForkServer()
    yield server.launch
    server.close()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages in place of those of the environment."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.setattr(packages, "package_folders", lambda: [str(folder)])
    return folder


def install(folder: Path, distribution: str, *paths: str) -> None:
    info = folder / f"{distribution}.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("".join(f"{path},sha256=x,1\n" for path in paths), encoding="utf-8")
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()


def make_code(root: Path, **locks: str) -> Path:
    for name, text in locks.items():
        path = root / "handlers" / ("requirements.txt" if name == "base" else f"packages/{name}.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def run(root: Path, launch: Launch, source: str, lacking: dict[str, str], event: Any = None) -> Any:
    (root / "module.py").write_text(dedent(source), encoding="utf-8")
    made = bare_function(root)
    made.lacking.write_text(json.dumps(lacking), encoding="utf-8")
    worker = Worker(made, launch)
    outcome = invoke(worker, event)
    worker.close()
    return json.loads(outcome.payload)


def test_a_module_that_the_function_lacks_is_not_found(tmp_path: Path, launch: Launch) -> None:
    answer = run(tmp_path, launch, SOURCE, {"sortedcontainers": "sortedcontainers"})
    assert (answer["errorType"], answer["errorMessage"]) == (
        "ModuleNotFoundError",
        "No module named 'sortedcontainers'",
    )


def test_a_module_that_it_has_is_found(tmp_path: Path, launch: Launch) -> None:
    assert run(tmp_path, launch, SOURCE, {"rich": "rich"}) == "sortedcontainers"


def test_neither_a_search_nor_the_metadata_tell_of_what_is_lacking(tmp_path: Path, launch: Launch) -> None:
    source = """
        import importlib.metadata, importlib.util
        def handler(event, context):
            names = {each.name for each in importlib.metadata.distributions()}
            return [[name, bool(importlib.util.find_spec(name)), name in names] for name in event]
    """
    answer = run(tmp_path, launch, source, {"sortedcontainers": "sortedcontainers"}, ["sortedcontainers", "msgspec"])
    assert answer == [["sortedcontainers", False, False], ["msgspec", True, True]]


def test_what_was_loaded_before_and_is_lacking_is_forgotten(tmp_path: Path, launch: Launch) -> None:
    source = "def handler(event, context): import msgspec.json"
    answer = run(tmp_path, launch, source, {"msgspec": "msgspec"})
    assert answer["errorMessage"] == "No module named 'msgspec'"


def test_code_of_the_function_is_found_whatever_has_its_name_here(tmp_path: Path, launch: Launch) -> None:
    (tmp_path / "sortedcontainers.py").write_text("", encoding="utf-8")
    assert run(tmp_path, launch, SOURCE, {"sortedcontainers": "sortedcontainers"}) == "sortedcontainers"


def test_a_function_lacks_what_is_installed_and_neither_locked_nor_of_the_runtime(
    installed: Path, tmp_path: Path
) -> None:
    install(
        installed, "Own_Package-1.0", "own/__init__.py", "own/below/deep.py", "_own.cpython-311-x.so", "own/data.json"
    )
    install(installed, "tables-2.0", "tables.py", "../../bin/tables.py", "tables-2.0.dist-info/x.py")
    install(installed, "boto3-1.0", "boto3/__init__.py")
    install(installed, "other-1.0", "other/__init__.py", "other/plug/more.py", "helpers.py")
    (installed / "stray.py").touch()
    (installed / "own.pth").touch()
    code = make_code(tmp_path / "task", base="own-package==1.0\n", tables="tables==2.0\n")
    assert json.loads(packages.write_lacking(code).read_text()) == {"helpers": "other", "other": "other", "stray": ""}


def test_packages_that_share_a_namespace_are_told_apart(installed: Path, tmp_path: Path) -> None:
    install(installed, "shop_orders-1.0", "shop/orders/__init__.py", "shop/one.py")
    install(installed, "shop_prices-1.0", "shop/prices/__init__.py", "shop/prices/all.py", "shop/two.py")
    code = make_code(tmp_path / "task", base="shop-orders==1.0\n")
    lacking = json.loads(packages.write_lacking(code).read_text())
    assert lacking == {"shop.prices": "shop_prices", "shop.two": "shop_prices"}


def test_zeros_of_a_date_make_no_other_version(installed: Path, tmp_path: Path) -> None:
    install(installed, "zones-2026.07.00", "zones.py")
    packages.check_installed(make_code(tmp_path / "task", tables="zones==2026.7.0\n"))


@pytest.mark.parametrize(
    ("pin", "found"),
    [
        ("Other==1.0", "other is not installed"),
        ("sorted_tables==1.0", "sorted-tables is installed in version 2.0"),
    ],
)
def test_a_package_that_is_not_installed_as_it_is_locked_is_told_with_the_cure(
    installed: Path, tmp_path: Path, pin: str, found: str
) -> None:
    install(installed, "sorted_tables-2.0", "tables.py")
    code = make_code(tmp_path / "task", tables=f"{pin} --hash=sha256:0\n")
    name = found.partition(" ")[0]
    with pytest.raises(SetupError) as caught:
        packages.check_installed(code)
    assert str(caught.value) == (
        f"handlers/packages/tables.txt: {name} 1.0 is locked, but {found} here, where functions would import it; "
        "call `make check`: each target of make installs what is locked"
    )


def test_a_package_that_is_installed_meanwhile_is_there(installed: Path, tmp_path: Path) -> None:
    code = make_code(tmp_path / "task", tables="tables==2.0\n")
    with pytest.raises(SetupError):
        packages.check_installed(code)
    install(installed, "tables-2.0", "tables.py")
    os.utime(installed, ns=(1, 1))  # a clock may be too coarse to tell the two apart
    packages.check_installed(code)


@pytest.mark.parametrize(
    ("locks", "cure"),
    [
        (
            {"base": ""},
            "list it in a set, e.g. handlers/packages/tables.in, call `make lock`, and name the set in NEEDS: "
            'packages="tables"',
        ),
        ({"base": "", "orders": ""}, "list it in handlers/packages/orders.in and call `make lock`"),
    ],
)
def test_the_cure_of_a_missing_import_names_the_file(tmp_path: Path, locks: dict[str, str], cure: str) -> None:
    code = make_code(tmp_path / "task", **locks)
    told = packages.cure_import(code, "No module named 'sortedcontainers'")
    assert told == f"sortedcontainers is installed here, but the function's zip does not hold it; {cure}"
    assert packages.cure_import(code, "No module named 'nothing_of_this_name'") is None


def deploy(engine: Engine, files: dict[str, str], wheels: Mapping[str, bytes] = MappingProxyType({})) -> None:
    engine.client("s3").create_bucket(Bucket=CODE_BUCKET)
    code = build_zip({name: text.encode() for name, text in files.items()} | dict(wheels))
    engine.client("s3").put_object(Bucket=CODE_BUCKET, Key=CODE_KEY, Body=code)
    engine.deploy(template_text(FunctionRole=role("lambda"), F=function("f", "module.handler")), "stack")


def test_the_zip_that_the_template_names_says_what_a_function_finds(engine: Engine) -> None:
    deploy(engine, {"module.py": SOURCE, "handlers/packages/any.txt": LOCK})
    assert engine.functions.invoke("f", {}).payload == '"sortedcontainers"'


def test_a_zip_without_the_package_fails_the_function(engine: Engine) -> None:
    deploy(engine, {"module.py": SOURCE})
    assert json.loads(engine.functions.invoke("f", {}).payload)["errorMessage"] == "No module named 'sortedcontainers'"


def test_a_function_whose_package_is_not_here_is_not_deployed(engine: Engine) -> None:
    with pytest.raises(SetupError, match=r"^handlers/packages/any\.txt: nothing-here 1\.0 is locked, but "):
        deploy(engine, {"module.py": SOURCE, "handlers/packages/any.txt": "nothing_here==1.0\n"})


def wheel_of_lambda(folder: Path, name: str, version: str) -> dict[str, bytes]:
    """Return what a zip holds of a package that is built for Lambda, and that nothing else could import."""
    files = {f"{name}/__init__.py": f"from {name} import _core\n".encode()}
    files[f"{name}/_core.cpython-313-aarch64-linux-gnu.so"] = b"\x7fELF"
    files[f"{name}-{version}.data/platlib/{name}/moved.py"] = b""
    make_wheel(folder, name, files, "cp313-cp313-manylinux2014_aarch64", version)
    [wheel] = folder.glob(f"{name}-*.whl")
    return read_wheel(wheel.read_bytes())


def test_a_package_that_is_built_for_lambda_runs_as_it_is_installed_here(engine: Engine, tmp_path: Path) -> None:
    source = """
        import importlib.util, msgspec, own.part
        def handler(event, context):
            return [msgspec.json.encode([1]).decode(), own.part.NAME, msgspec.__version__,
                    *(importlib.util.find_spec(name) is None for name in ("msgspec.moved", "sortedcontainers"))]
    """
    own = {"module.py": dedent(source), "own/part.py": "NAME = 'own'"}
    deploy(engine, own, wheel_of_lambda(tmp_path, "msgspec", version("msgspec")))
    payload = json.loads(engine.functions.invoke("f", {}).payload)
    assert payload == ["[1]", "own", version("msgspec"), True, True]


def test_byte_code_that_comes_with_a_package_is_not_run(engine: Engine, tmp_path: Path) -> None:
    source = "import own.part\ndef handler(event, context): return [own.part.NAME, own.part.__cached__ is not None]"
    tag = sys.implementation.cache_tag
    built_elsewhere = {f"own/__pycache__/part.{name}.pyc": b"of another Python" for name in (tag, "cpython-313")}
    wheel = wheel_of_lambda(tmp_path, "msgspec", version("msgspec"))
    wheel["msgspec/__pycache__/__init__.cpython-313.pyc"] = b"of another Python"
    deploy(engine, {"module.py": source, "own/part.py": "NAME = 'own'"}, wheel | built_elsewhere)
    assert json.loads(engine.functions.invoke("f", {}).payload) == ["own", True]
    root = engine.functions.describe("f").root
    assert not (root / "msgspec").exists()
    assert [path.name for path in (root / "own" / "__pycache__").iterdir()] == [f"part.{tag}.pyc"]


def test_a_package_that_is_built_for_lambda_in_another_version_is_not_deployed(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(SetupError) as caught:
        deploy(engine, {"module.py": SOURCE}, wheel_of_lambda(tmp_path, "msgspec", "0.0.1"))
    assert str(caught.value) == (
        f"msgspec-0.0.1.dist-info: msgspec 0.0.1 is locked, but msgspec is installed in version {version('msgspec')} "
        "here, where functions would import it; call `make check`: each target of make installs what is locked"
    )


def test_of_a_wheel_only_its_name_and_version_stay_and_nothing_outside_the_code_goes(tmp_path: Path) -> None:
    root = tmp_path / "task"
    root.mkdir()
    install(root, "shop-1.0", "shop/below/deep.py", "shop/top.py", "../outside.py")
    (root / "shop" / "own.py").touch()
    (root / "empty").mkdir()
    packages.remove_wheels(root)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if not any(path.glob("*")))
    assert left == ["outside.py", "task/empty", "task/shop-1.0.dist-info/RECORD", "task/shop/own.py"]


def test_a_zip_that_is_not_there_is_refused(engine: Engine) -> None:
    engine.client("s3").create_bucket(Bucket=CODE_BUCKET)
    template = template_text(FunctionRole=role("lambda"), F=function("f", "module.handler"))
    with pytest.raises(DeployError, match=r"^stack stack: f: its code is not there: code\.zip in code$"):
        engine.deploy(template, "stack")


def test_each_locked_set_has_a_zip_with_its_lock_and_that_of_the_base(own_handlers: Path) -> None:
    (own_handlers / "requirements.txt").write_text("a==1\n")
    (own_handlers / "packages").mkdir()
    for name in ("tables.in", "tables.txt", "open.in"):
        (own_handlers / "packages" / name).write_text(name)
    zips = packages.build_zips()
    assert list(zips) == ["base.zip", "tables.zip"]
    added = {name: [entry for entry in names_of(zips[name]) if entry.endswith(".txt")] for name in zips}
    assert added == {
        "base.zip": ["handlers/requirements.txt"],
        "tables.zip": ["handlers/packages/tables.txt", "handlers/requirements.txt"],
    }
    assert handlers.__path__ == [str(own_handlers)]


def test_a_project_without_the_lock_of_every_function_is_refused(own_handlers: Path) -> None:
    (own_handlers / "requirements.txt").unlink()
    with pytest.raises(UsageError) as caught:
        packages.build_zips()
    assert str(caught.value) == (
        "handlers/requirements.txt: is missing, which locks what every function has; `make lock` writes it"
    )


def names_of(package: bytes) -> list[str]:
    import io
    import zipfile

    return zipfile.ZipFile(io.BytesIO(package)).namelist()
