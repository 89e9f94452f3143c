"""Exceptions out of texts, as Python, its faulthandler and Spark write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ceap.local.frames import Frame
from ceap.local.tracebacks import Cause, read_stack, read_traceback, reduce_spark

IN_SCRIPT = Frame("/job/script.py", 9, "transform", "frame.count()")
IN_SPARK = Frame("/lib/pyspark/errors/exceptions/captured.py", 185, "deco", "raise converted from None")
IN_PY4J = Frame("/lib/py4j/protocol.py", 326, "get_return_value", "raise Py4JJavaError(")
WORKER = """An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "/job/script.py", line 4, in share
    return 1 // row
           ~~^^~~~~
ZeroDivisionError: integer division or modulo by zero
"""
JAVA = """An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 failed 1 times
\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2856)
Caused by: java.lang.RuntimeException: bad row
\tat org.apache.spark.sql.catalyst.expressions.GeneratedClass.processNext(Unknown Source)
\t... 1 more
"""
CALL = """An error occurred while calling o33.load.
: java.lang.OutOfMemoryError
\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)
"""
PLAN = "[UNRESOLVED_COLUMN] A column with name `colour` cannot be resolved.;\n'Filter ('colour = 1)\n+- LogicalRDD"


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        (Cause("Py4JJavaError", JAVA, (IN_SCRIPT, IN_PY4J)), "RuntimeException", "bad row"),
        (Cause("Py4JJavaError", CALL, (IN_SCRIPT, IN_PY4J)), "OutOfMemoryError", ""),
        (
            Cause("AnalysisException", PLAN, (IN_SCRIPT, IN_SPARK)),
            "AnalysisException",
            "[UNRESOLVED_COLUMN] A column with name `colour` cannot be resolved.",
        ),
    ],
)
def test_an_error_of_java_is_its_last_cause_in_one_line(given: Cause, kind: str, text: str) -> None:
    assert reduce_spark(given) == Cause(kind, text, given.frames)


def test_an_error_of_a_worker_of_spark_is_its_exception_at_the_end_of_the_frames() -> None:
    given = Cause("PythonException", WORKER, (IN_SCRIPT, IN_SPARK))
    assert reduce_spark(given) == Cause(
        "ZeroDivisionError",
        "integer division or modulo by zero",
        (IN_SCRIPT, IN_SPARK, Frame("/job/script.py", 4, "share", "return 1 // row")),
    )


@pytest.mark.parametrize("text", [JAVA, WORKER, "two\nlines;"])
def test_an_exception_that_spark_did_not_raise_keeps_its_text(text: str) -> None:
    assert reduce_spark(Cause("ValueError", text, (IN_SCRIPT,))).text == text
    assert reduce_spark(Cause("ValueError", text, ())).text == text


def test_the_last_traceback_of_a_text_counts_and_an_exception_may_have_no_text() -> None:
    last = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\na.b.OwnError'
    assert read_traceback(f"{WORKER}\nDuring handling of the above exception:\n\n{last}") == Cause(
        "OwnError", "", (Frame("a.py", 1, "<module>", None),)
    )
    assert read_traceback("no traceback") is None


def test_a_dump_is_read_as_the_frames_of_the_main_thread_outermost_first(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("def work():\n    wait()\nwork()\n", encoding="utf-8")
    dump = f"""Thread 0x00007f10 (most recent call first):
  File "/lib/threading.py", line 982 in run

Current thread 0x00007f11 (most recent call first):
  File "{source}", line 2 in work
  File "{source}", line 3 in <module>
"""
    assert read_stack(dump) == (
        Frame(str(source), 3, "<module>", "work()"),
        Frame(str(source), 2, "work", "wait()"),
    )
    assert read_stack("") == ()
