"""What a Glue job's process needs of the machine: a Java and a Python that Spark runs on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ceap.local import spark


def test_a_python_that_spark_runs_on_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.version_info", (3, 13, 9))
    assert spark.python_problem() is None


def test_a_newer_python_is_named_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.version_info", (3, 14, 0))
    assert spark.python_problem() == (
        "needs Python 3.11 to 3.13, and this is 3.14: Spark 3.5, that of AWS Glue 5, cannot run its functions; "
        "make .venv anew: make clean glue PYTHON=python3.13"
    )


@pytest.mark.parametrize(
    ("release", "version"),
    [('JAVA_VERSION="17.0.15"', 17), ('JAVA_VERSION="11"', 11), ('JAVA_VERSION="1.8.0_392"', 8), ("nothing", 0)],
)
def test_the_version_of_a_java_is_read_from_its_folder(tmp_path: Path, release: str, version: int) -> None:
    (tmp_path / "release").write_text(f'IMPLEMENTOR="X"\n{release}\n', encoding="utf-8")
    assert spark._java_version(tmp_path) == version
    assert spark._java_version(tmp_path / "none") == 0


@pytest.mark.glue
@pytest.mark.parametrize(("version", "is_taken"), [("17.0.1", True), ("11.0.2", True), ("21.0.1", False), ("8", False)])
def test_spark_gets_a_java_that_it_runs_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, is_taken: bool
) -> None:
    (tmp_path / "release").write_text(f'JAVA_VERSION="{version}"\n', encoding="utf-8")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    spark.java_home.cache_clear()
    found = spark.java_home()
    spark.java_home.cache_clear()
    assert (found == tmp_path) == is_taken
    assert found is not None
    assert (found / "release").exists()
