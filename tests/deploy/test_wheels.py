"""Wheels are fetched for the Lambda runtime, once, and only as pinned."""

import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ceap.deploy.wheels import fetch_wheels, pinned_hashes, read_wheel
from ceap.errors import SetupError, UsageError
from tests.deploy.wheels import make_wheel

HASH = "0" * 64


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    return tmp_path / "requirements.txt"


def test_wheels_are_those_of_the_lambda_runtime_not_of_this_machine(
    index: Path, requirements: Path, tmp_path: Path
) -> None:
    make_wheel(index, "native", {"n.so": b"here"}, "cp311-cp311-manylinux2014_x86_64")
    line = make_wheel(index, "native", {"n.so": b"there"}, "cp313-cp313-manylinux_2_28_aarch64")
    requirements.write_text(line)
    [wheel] = fetch_wheels(requirements, tmp_path / "cache")
    assert wheel.name == "native-1.0-cp313-cp313-manylinux_2_28_aarch64.whl"


def test_a_second_build_needs_no_network(index: Path, requirements: Path, tmp_path: Path) -> None:
    requirements.write_text(make_wheel(index, "pure", {"pure.py": b""}))
    first = fetch_wheels(requirements, tmp_path / "cache")
    (index / "pure-1.0-py3-none-any.whl").unlink()
    assert fetch_wheels(requirements, tmp_path / "cache") == first


def test_changed_requirements_are_fetched_anew(index: Path, requirements: Path, tmp_path: Path) -> None:
    requirements.write_text(make_wheel(index, "pure", {"pure.py": b"1"}))
    fetch_wheels(requirements, tmp_path / "cache")
    requirements.write_text(make_wheel(index, "pure", {"pure.py": b"2"}))
    [wheel] = fetch_wheels(requirements, tmp_path / "cache")
    assert read_wheel(wheel.read_bytes())["pure.py"] == b"2"


def test_an_index_out_of_reach_is_an_error_of_the_environment(
    index: Path, requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    requirements.write_text(f"absent==1.0 --hash=sha256:{HASH}")
    with pytest.raises(SetupError, match="is the package index reachable"):
        fetch_wheels(requirements, tmp_path / "cache")


def test_another_wheel_than_the_pinned_one_is_refused(index: Path, requirements: Path, tmp_path: Path) -> None:
    make_wheel(index, "pure", {"pure.py": b""})
    requirements.write_text(f"pure==1.0 --hash=sha256:{HASH}")
    with pytest.raises(UsageError, match="a wheel is not what is pinned"):
        fetch_wheels(requirements, tmp_path / "cache")


def test_a_failed_fetch_leaves_nothing_that_a_later_one_would_take(
    index: Path, requirements: Path, tmp_path: Path
) -> None:
    requirements.write_text(f"absent==1.0 --hash=sha256:{HASH}")
    with pytest.raises(SetupError):
        fetch_wheels(requirements, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cached_wheel_that_was_changed_is_refused(index: Path, requirements: Path, tmp_path: Path) -> None:
    requirements.write_text(make_wheel(index, "pure", {"pure.py": b""}))
    [wheel] = fetch_wheels(requirements, tmp_path / "cache")
    wheel.write_bytes(b"changed")
    with pytest.raises(UsageError, match=r"pure-1\.0-py3-none-any\.whl: is not what .* pins; remove"):
        fetch_wheels(requirements, tmp_path / "cache")


def test_two_builds_at_once_share_what_the_first_fetched(index: Path, requirements: Path, tmp_path: Path) -> None:
    requirements.write_text(make_wheel(index, "pure", {"pure.py": b""}))
    with ThreadPoolExecutor() as builds:
        first, second = builds.map(lambda _: fetch_wheels(requirements, tmp_path / "cache"), range(2))
    assert [path.name for path in first] == [path.name for path in second] == ["pure-1.0-py3-none-any.whl"]


def test_a_package_without_a_wheel_for_the_functions_is_named(index: Path, requirements: Path, tmp_path: Path) -> None:
    requirements.write_text(make_wheel(index, "my_native", {"n.so": b""}, "cp313-cp313-manylinux2014_x86_64"))
    with pytest.raises(SetupError) as caught:
        fetch_wheels(requirements, tmp_path / "cache")
    assert str(caught.value) == (
        f"{requirements}: my_native 1.0 has no wheel for python3.13 on arm64, where the functions run; choose a "
        "version that has one, or another package, and call `make lock`"
    )


def test_a_cache_that_cannot_be_written_is_an_error_of_usage(requirements: Path, tmp_path: Path) -> None:
    requirements.write_text(f"pure==1.0 --hash=sha256:{HASH}")
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(UsageError, match="cache: cannot be written: File exists"):
        fetch_wheels(requirements, tmp_path / "cache")


def test_missing_requirements_are_an_error_of_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"requirements\.txt: cannot be read: .*; `make lock` writes it"):
        fetch_wheels(tmp_path / "requirements.txt", tmp_path / "cache")


def test_no_requirements_need_no_pip(requirements: Path, tmp_path: Path) -> None:
    requirements.write_text("# none\n")
    assert fetch_wheels(requirements, tmp_path / "cache") == []


@pytest.mark.parametrize(
    "line", ["msgspec", "msgspec==0.22.0", f"msgspec>=0.22 --hash=sha256:{HASH}", "msgspec==0.22.0 --hash=sha256:00"]
)
def test_a_requirement_without_version_or_hash_is_refused(line: str) -> None:
    with pytest.raises(UsageError, match=r"requirements\.txt: 'msgspec.*' needs an exact version and a hash"):
        pinned_hashes(f"pure==1.0 --hash=sha256:{HASH}\n{line}\n", "requirements.txt")


def test_every_hash_of_a_requirement_counts() -> None:
    text = f"pure==1.0 \\\n    --hash=sha256:{'a' * 64} \\\n    --hash=sha256:{'b' * 64}\n    # via other\n"
    assert pinned_hashes(text, "requirements.txt") == {"a" * 64, "b" * 64}


def test_a_wheel_gives_its_modules_and_not_its_scripts() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("pure/", "")
        for path in ("pure/a.py", "pure-1.0.data/purelib/b.py", "pure-1.0.data/platlib/c.py"):
            archive.writestr(path, path)
        archive.writestr("pure-1.0.data/scripts/pure", "#!python")
        archive.writestr("pure-1.0.dist-info/METADATA", "Name: pure")
    assert list(read_wheel(buffer.getvalue())) == ["pure/a.py", "b.py", "c.py", "pure-1.0.dist-info/METADATA"]
