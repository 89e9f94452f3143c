"""cfn-guard is taken out of its wheel, once and whole, and what keeps it from judging is never a pass."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

from ceap import project
from ceap.cli import main
from ceap.errors import SetupError
from ceap.policy.guard import cfn_guard
from ceap.policy.guard.cfn_guard import find_engine, run_engine
from ceap.policy.guard.engine import Clause, EngineReport, GuardError

RULE = "rule R { Resources exists }"
DATA = '{"Resources": {}}'


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make the environment one that has no cfn-guard yet; return its folder of programs."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    find_engine.cache_clear()
    yield tmp_path / "bin"
    find_engine.cache_clear()


def binaries() -> dict[str, bytes]:
    [archive] = [file for file in distribution(cfn_guard.DISTRIBUTION).files or () if file.suffix == ".tgz"]
    with tarfile.open(archive.locate()) as tar:
        members = [member for member in tar if member.name.endswith("/cfn-guard")]
        return {member.name: stream.read() for member in members if (stream := tar.extractfile(member))}


def test_the_binaries_of_the_wheel_are_the_ones_known_by_hash() -> None:
    assert distribution(cfn_guard.DISTRIBUTION).version == cfn_guard.VERSION
    assert {name: hashlib.sha256(content).hexdigest() for name, content in binaries().items()} == {
        f"package/bin/{inside}/cfn-guard": digest for inside, digest in cfn_guard._BINARIES.values()
    }


def test_the_first_call_puts_a_program_into_the_environment(environment: Path) -> None:
    path = find_engine()
    assert [file.name for file in environment.iterdir()] == ["cfn-guard"]
    assert path == environment / "cfn-guard"
    assert stat.filemode(path.stat().st_mode) == "-rwxr-xr-x"
    assert subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout == "cfn-guard 3.1.1\n"


@pytest.mark.parametrize("damage", [b"", b"#!/bin/sh\nexit 0\n"], ids=["cut off", "another program"])
def test_whatever_else_stands_in_its_place_is_replaced(damage: bytes, environment: Path) -> None:
    (environment / "cfn-guard").write_bytes(damage)
    (environment / "cfn-guard").chmod(0o755)
    assert hashlib.sha256(find_engine().read_bytes()).hexdigest() in {
        digest for _, digest in cfn_guard._BINARIES.values()
    }


def test_processes_that_call_it_first_at_the_same_time_all_judge(environment: Path) -> None:
    code = (
        f"import sys; sys.prefix = {str(environment.parent)!r}\n"
        "from ceap.policy.guard.cfn_guard import run_engine\n"
        f"print(run_engine([{RULE!r}], [{DATA!r}])[0].verdicts['R'])"
    )
    command = [sys.executable, "-c", code]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=project.ROOT) for _ in range(4)]
    assert [process.communicate()[0] for process in running] == ["PASS\n"] * 4
    assert [file.name for file in environment.iterdir()] == ["cfn-guard"]


def test_a_system_without_an_engine_is_told_which_ones_have_it(
    monkeypatch: pytest.MonkeyPatch, environment: Path
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(
        SetupError, match=r"has no build for Linux riscv64, only for Linux x86_64, Linux aarch64, Darwin"
    ):
        find_engine()


def test_a_folder_that_cannot_be_written_ends_with_one_message_and_code_3(
    environment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.rmdir()
    environment.write_bytes(b"")  # a file instead: root may write into any folder
    assert main(["check"]) == 3
    error = capsys.readouterr().err
    assert (
        f"ceap: {environment}/cfn-guard: cfn-guard cannot be put there: Not a directory; run `ceap check` once" in error
    )


@pytest.mark.parametrize("content", [None, b"another cfn-guard"], ids=["no binary", "another binary"])
def test_a_wheel_that_holds_something_else_is_refused(
    content: bytes | None, environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    info = site / f"{cfn_guard.DISTRIBUTION.replace('-', '_')}-{cfn_guard.VERSION}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {cfn_guard.DISTRIBUTION}\nVersion: {cfn_guard.VERSION}\n"
    )
    (info / "RECORD").write_text("engine.tgz,,\n")
    with tarfile.open(site / "engine.tgz", "w:gz") as tar:
        for name in binaries() if content else ():
            member = tarfile.TarInfo(name)
            member.size = len(content or b"")
            tar.addfile(member, io.BytesIO(content or b""))
    monkeypatch.syspath_prepend(site)
    with pytest.raises(SetupError, match=r"holds another cfn-guard|is missing; run `make clean`, then `make check`"):
        find_engine()
    assert list(environment.iterdir()) == []


def test_the_report_names_what_passed_failed_and_did_not_apply() -> None:
    rules = [RULE, "rule S when Outputs exists { Outputs empty }\nrule T { Resources !empty <<[T] none>> }"]
    assert run_engine(rules, [DATA, '{"Resources": {"A": {}}}']) == [
        EngineReport(
            {"R": "PASS", "S": "SKIP", "T": "FAIL"},
            [("T", [Clause("/Resources", "[T] none", "Resources not EMPTY")])],
        ),
        EngineReport({"R": "PASS", "S": "SKIP", "T": "PASS"}, []),
    ]


@pytest.mark.parametrize(
    ("rule", "clause"),
    [
        ("rule R { Resources.A.Tags { Key exists } }", Clause("/Resources/A", "", "Tags exists")),
        ("rule R { A::B::C { Properties exists } }", Clause("/Resources/A", "", "Properties EXISTS")),
        (
            "let none = Resources.*[ Type == 'B' ]\nrule R { %none empty\n%none !empty { Name exists } }",
            Clause("", "", "BlockGuardClause#Location[file:RULES_STDIN[1], line:3, column:1] exists"),
        ),
    ],
    ids=["nothing there", "a type", "an empty block"],
)
def test_a_block_that_fails_is_told_where_it_looked(rule: str, clause: Clause) -> None:
    [report] = run_engine([rule], ['{"Resources": {"A": {"Type": "A::B::C"}}}'])
    assert report.failed == [("R", [clause])]


@pytest.mark.parametrize(
    ("rules", "data", "message"),
    [
        ([RULE, "rule S { Resources ="], DATA, "^at line 1 at column 20, when handling , fragment =$"),
        ([RULE, "rule S { %nothing exists }"], DATA, "Could not resolve variable by name nothing"),
        ([RULE], "{", "parsing data file: DATA_STDIN"),
        ([RULE], "", "is empty"),
    ],
)
def test_what_it_cannot_judge_is_an_error(rules: list[str], data: str, message: str) -> None:
    with pytest.raises(GuardError, match=message):
        run_engine(rules, [DATA, data])


def use_engine(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = folder / "cfn-guard"
    engine.write_text(f"#!/bin/sh\ncat > /dev/null\n{script}\n")
    engine.chmod(0o755)
    monkeypatch.setattr(cfn_guard, "find_engine", lambda: engine)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo '[]'", "it reported on 0 of 1 templates"),
        ("echo nothing", "its report is not JSON"),
        ("echo '[]'; exit 5", "it ended with exit code 5"),
        ("echo 'thread main panicked' >&2", "thread main panicked"),
    ],
    ids=["no report", "no JSON", "rules that do not parse", "panic"],
)
def test_an_engine_that_breaks_is_an_error(
    script: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_engine(script, tmp_path, monkeypatch)
    with pytest.raises(GuardError, match=message):
        run_engine([RULE], [DATA])


def test_an_engine_that_was_ended_is_not_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_engine("kill -9 $$", tmp_path, monkeypatch)
    with pytest.raises(SetupError, match="cfn-guard: was ended by signal 9; run `ceap check` again"):
        run_engine([RULE], [DATA])


def test_an_engine_that_may_not_run_is_a_matter_of_the_surroundings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cfn-guard").write_bytes(b"")
    monkeypatch.setattr(cfn_guard, "find_engine", lambda: tmp_path / "cfn-guard")
    with pytest.raises(SetupError, match="cannot be run: Permission denied; mount its folder without noexec"):
        run_engine([RULE], [DATA])


def test_the_report_of_a_deep_template_is_read() -> None:
    deep = json.dumps({"Resources": {"A": json.loads("[" * 90 + "1" + "]" * 90)}})
    [report] = run_engine(["rule R { Resources.B exists }"], [deep])
    assert report.verdicts == {"R": "FAIL"}
