"""Starting at a later stage: which objects of an earlier run are taken, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ceap.errors import UsageError
from ceap.local.engine import Engine
from ceap.local.start import Start, describe, load_start, put_earlier
from handlers.runtime.contract import output_key
from handlers.runtime.document import CopiedHeader, Header, encode_document

STAGES = ["A", "B", "C"]


def document(stage: str, execution: str = "e1", records: int = 2) -> bytes:
    header = Header(execution_id=execution, stage=stage, started_at="2026-01-02T03:04:05Z")
    return b"".join(
        encode_document(header, [{"id": n} for n in range(records)], lambda count: {"outputRecordCount": count})
    )


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def run_of(folder: Path, *executions: str, stages: str = "AB") -> Path:
    """Write a run whose executions have the outputs of those stages."""
    files = {output_key(name, stage): document(stage, name) for name in executions for stage in stages}
    return write(folder, {"report.json": b"{}", "executions/e1/logs/A.log": b"a line", **files})


def refusal(stage: str | None, folder: Path | None) -> str:
    with pytest.raises(UsageError) as error:
        load_start(stage, folder, STAGES)
    return str(error.value)


def test_all_that_the_stages_before_wrote_is_taken(tmp_path: Path) -> None:
    run_of(tmp_path, "e1", stages="ABC")
    write(tmp_path, {"executions/e1/A/rejected.jsonl": b"{}\n", "executions/e1/initial/output.json": b'"x"'})
    start = load_start("C", tmp_path, STAGES)
    assert start is not None
    assert sorted(start.files) == ["A/output.json", "A/rejected.jsonl", "B/output.json"]
    assert describe(start) == f"starting at C, with the objects of A, B in {tmp_path / 'executions' / 'e1'}"


def test_an_execution_that_did_not_reach_the_stage_before_is_passed_over(tmp_path: Path) -> None:
    run_of(tmp_path, "e1", stages="A")
    run_of(tmp_path, "e2")
    start = load_start("C", tmp_path, STAGES)
    assert start == Start(
        "C", tmp_path / "executions/e2", {f"{s}/output.json": tmp_path / output_key("e2", s) for s in "AB"}
    )


def test_of_several_executions_one_must_be_named(tmp_path: Path) -> None:
    run_of(tmp_path, "e1", "e2")
    one, other = (tmp_path / "executions" / name for name in ("e1", "e2"))
    assert refusal("C", tmp_path) == (
        f"--input {tmp_path}: 2 executions have an output of B, the stage before C; name one: "
        f"--input {one}, --input {other}"
    )
    start = load_start("B", other, STAGES)
    assert start == Start("B", other, {"A/output.json": other / "A/output.json"})


def test_the_link_to_the_newest_run_is_a_run_also_where_it_is_a_file(tmp_path: Path) -> None:
    run_of(tmp_path / "2026-11-29T105503Z", "e1")
    (tmp_path / "latest").write_text("2026-11-29T105503Z\n")
    start = load_start("C", tmp_path / "latest", STAGES)
    assert start is not None
    assert start.execution == tmp_path / "2026-11-29T105503Z/executions/e1"


@pytest.mark.parametrize(
    ("stage", "folder", "message"),
    [
        (None, "run", "--input run: needs --from STAGE, the stage to start at"),
        ("C", None, "--from C: lacks what the stages before it wrote; add --input DIR, a run that was kept"),
        ("D", "run", "--from D: there is no stage 'D'; allowed: A, B, C"),
        ("A", "run", "--from A: is the first stage; run without --from and --input"),
        ("C", "none", "--input none: cannot be read: No such file or directory; name the folder of a run"),
        ("C", "run/report.json", "--input run/report.json: cannot be read: Not a directory; name the folder of a run"),
        (
            "B",
            "empty",
            "--input empty: has no output of A, the stage before B, nor of another; name a run that was kept",
        ),
        ("C", "other", "--input other: has no output of B, the stage before C, but of X; start after one of them"),
        (
            "C",
            "copied",
            "copied/executions/e1/B/output.json: is the output of X, not of B; keep a run again",
        ),
        ("C", "cut", "cut/executions/e1/B/output.json: does not begin as the output of a stage; keep a run again"),
        (
            "C",
            "named",
            "--input named: names.json is damaged: Expected `object`, got `array`; keep a run again",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str | None, folder: str | None, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    run_of(tmp_path / "run", "e1")
    run_of(tmp_path / "other", "e1", stages="X")
    write(tmp_path, {"empty/notes.txt": b"", "copied/executions/e1/B/output.json": document("X")})
    write(run_of(tmp_path / "named", "e1"), {"names.json": b"[]"})
    write(tmp_path, {"cut/executions/e1/B/output.json": b'{"executionId":"e1"'})
    assert refusal(stage, Path(folder) if folder else None) == message


def test_documents_name_their_new_execution_and_the_rest_is_the_same(engine: Engine, tmp_path: Path) -> None:
    files = {"A/output.json": document("A", records=100_000), "A/rejected.jsonl": b"\x00\xff"}
    start = Start("B", tmp_path, {key: write(tmp_path, files) / key for key in files})
    engine.client("s3").create_bucket(Bucket="bucket")
    put_earlier(start, engine.client("s3"), "bucket", "a-longer-name")
    assert dict(engine.objects("bucket")) == {
        "executions/a-longer-name/A/output.json": document("A", "a-longer-name", records=100_000),
        "executions/a-longer-name/A/rejected.jsonl": b"\x00\xff",
    }


def test_a_document_that_a_replay_has_copied_is_put_as_one_that_its_stage_wrote(tmp_path: Path) -> None:
    header = CopiedHeader(
        execution_id="e-replay-1", stage="A", started_at="2026-01-02T03:04:05Z", copied_from="e", skip=("A",)
    )
    body = b"".join(encode_document(header, [{"id": 0}, {"id": 1}], lambda count: {"outputRecordCount": count}))
    path = write(tmp_path, {"A/output.json": body}) / "A/output.json"
    with Engine.start(warm=False) as engine:
        engine.client("s3").create_bucket(Bucket="bucket")
        put_earlier(Start("B", tmp_path, {"A/output.json": path}), engine.client("s3"), "bucket", "e2")
        assert dict(engine.objects("bucket")) == {output_key("e2", "A"): document("A", "e2")}
