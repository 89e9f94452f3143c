from __future__ import annotations

import io
from contextlib import redirect_stdout
from typing import Any


def test_a_line_of_the_log_does_not_wait_for_the_end_of_the_run(lib: Any) -> None:
    pipe = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(io.BufferedWriter(pipe), encoding="utf-8")):
        lib.log.say("7 records")
        assert pipe.getvalue() == b"7 records\n"
