from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import psutil
import pytest

from ceap import project
from ceap.policy import copies
from tests import processes

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks")

HEAD = """
import os, signal, sys, time
from ceap.errors import SetupError, UsageError
from ceap.policy import copies

loaded = []
"""


def told(code: str) -> str:
    """Return what a process of its own prints: this one may have threads, and then makes no copies."""
    words = [sys.executable, "-c", HEAD + code]
    environment = {"PATH": os.defpath, "PYTHONPATH": str(project.ROOT)}
    done = processes.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return str(done.stdout)


def test_results_are_those_of_the_items_in_their_order() -> None:
    assert told("print(copies.begin(int, abs, range(-300, 0)).results() == [*range(300, 0, -1)])") == "True\n"
    assert told("print(copies.begin(int, abs, []).results())") == "[]\n"


def test_large_results_come_whole() -> None:
    code = "found = copies.begin(int, lambda number: 'x' * number, [9_000_000, 1, 9_000_000]).results()"
    assert told(f"{code}; print([len(each) for each in found])") == "[9000000, 1, 9000000]\n"


@linux
def test_it_is_prepared_once_for_all_copies_and_not_here() -> None:
    code = """
os.sched_getaffinity = lambda _: {1, 2, 3}
def work(item):
    time.sleep(0.05)
    return os.getpid(), tuple(loaded)
found = copies.begin(lambda: loaded.append(os.getpid()), work, range(30)).results()
print(len({copy for copy, _ in found}), len({prepared for _, prepared in found}), os.getpid() in dict(found), loaded)
"""
    assert told(code) == "3 1 False []\n"


def test_the_first_failure_in_the_order_of_the_items_is_raised() -> None:
    code = """
def work(item):
    if item % 7 == 6:
        raise UsageError(f"t{item}.yaml: wrong")
try:
    copies.begin(int, work, range(100)).results()
except UsageError as error:
    print(error)
"""
    assert told(code) == "t6.yaml: wrong\n"


@linux
def test_nothing_is_worked_on_where_preparing_fails() -> None:
    code = """
def fail():
    raise UsageError("no rules")
try:
    copies.begin(fail, lambda item: os.write(1, b"worked"), range(9)).results()
except UsageError as error:
    print(error)
"""
    assert told(code) == "no rules\n"


@linux
@pytest.mark.parametrize("code", ["copies.begin(int, fail, [1])", "copies.begin(lambda: fail(1), int, [1])"])
def test_what_nobody_expects_keeps_its_traceback(code: str) -> None:
    fault = f"""
def fail(item):
    raise KeyError("Resources")
try:
    {code}.results()
except RuntimeError as error:
    print(error)
"""
    first, *_, place, last = (line for line in told(fault).splitlines() if line != '    raise KeyError("Resources")')
    assert (first, last) == ("Traceback (most recent call last):", "KeyError: 'Resources'")
    assert place.endswith("in fail")


@linux
@pytest.mark.parametrize(
    ("work", "ended"),
    [
        ("item == 3 and os.kill(os.getpid(), signal.SIGKILL)", "by signal 9, 1 of 9"),
        ("item == 3 and os._exit(5)", "early, 1 of 9"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "by signal 9, 9 of 9"),
    ],
)
def test_a_copy_that_is_ended_is_no_result_and_no_wait(work: str, ended: str) -> None:
    code = f"""
os.sched_getaffinity = lambda _: {{1, 2}}
try:
    copies.begin(int, lambda item: {work}, range(9)).results()
except SetupError as error:
    print(error)
"""
    assert told(code).startswith(f"a process that judges templates was ended {ended} templates are not judged; ")


@linux
def test_the_first_copy_ends_as_another_that_is_ended() -> None:
    code = """
os.sched_getaffinity = lambda _: {1, 2}
reading, writing = os.pipe()
def work(item):
    if os.getpid() == os.getpgid(0):
        os.read(reading, 1)
    else:
        os.write(writing, bytes(9))
        os.kill(os.getpid(), signal.SIGKILL)
try:
    copies.begin(int, work, range(9)).results()
except SetupError as error:
    print(error)
"""
    assert told(code).startswith("a process that judges templates was ended by signal 9, 1 of 9 templates are not ")


@linux
def test_what_is_stopped_leaves_no_copy(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = f"""
os.sched_getaffinity = lambda _: {{1, 2}}
os.mkfifo({str(pids)!r})
def work(item):
    with open({str(pids)!r}, "w") as stream:
        print(os.getpid(), file=stream)
    time.sleep(600)
work = copies.begin(int, work, range(2))
found = set()
while len(found) < 2:
    with open({str(pids)!r}) as stream:
        found |= {{*stream.read().split()}}
work.stop()
print(*found)
"""
    started = told(code).split()
    _, left = psutil.wait_procs([psutil.Process(int(pid)) for pid in started if psutil.pid_exists(int(pid))], 30)
    assert (len(started), left) == (2, [])


@linux
def test_what_has_ended_is_not_ended_again_though_its_number_may_be_that_of_another_process() -> None:
    code = """
work = copies.begin(int, str, range(3))
found = work.results()
os.killpg = print
work.stop()
print(found)
"""
    assert told(code) == "['0', '1', '2']\n"


@linux
def test_nothing_is_copied_beside_threads() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert not copies.can_fork()
        assert copies.begin(int, lambda _: os.getpid(), [1, 2]).results() == [os.getpid()] * 2
    finally:
        over.set()
        thread.join()
