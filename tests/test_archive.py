"""The zip is the same bytes for the same files, whatever machine and order."""

import hashlib
import io
import zipfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ceap.archive import build_zip, read_scripts, read_sources, upload_prefix

JOB = b'if __name__ == "__main__":\n    pass\n'
paths = st.from_regex(r"[a-z]{1,8}(/[a-z_]{1,8}){0,3}\.py", fullmatch=True)
JOB = b'if __name__ == "__main__":\n    print()\n'


@given(files=st.dictionaries(paths, st.binary(max_size=200), max_size=8), data=st.data())
def test_the_order_of_the_files_does_not_change_the_zip(files: dict[str, bytes], data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(list(files.items()))))
    assert build_zip(shuffled) == build_zip(files)


@given(files=st.dictionaries(paths, st.binary(max_size=200), max_size=8))
def test_a_zip_gives_back_what_was_put_in(files: dict[str, bytes]) -> None:
    archive = zipfile.ZipFile(io.BytesIO(build_zip(files)))
    assert {name: archive.read(name) for name in archive.namelist()} == files


def test_the_bytes_are_those_of_every_other_machine() -> None:
    zipped = build_zip({"handlers/take.py": b"handler = None\n", "handlers/__init__.py": b""})
    assert hashlib.sha256(zipped).hexdigest() == "309cded36809757d237f38dd983fbf4f24b30dbe20a0e0d86abcc85581b6b761"


def test_entries_are_sorted_readable_and_without_a_date() -> None:
    entries = zipfile.ZipFile(io.BytesIO(build_zip({"b.py": b"2", "a.py": b"1"}))).infolist()
    assert [(e.filename, e.date_time, oct(e.external_attr >> 16)) for e in entries] == [
        ("a.py", (1980, 1, 1, 0, 0, 0), "0o100644"),
        ("b.py", (1980, 1, 1, 0, 0, 0), "0o100644"),
    ]


def test_sources_are_the_python_files_of_a_package_without_their_byte_code(tmp_path: Path) -> None:
    package = tmp_path / "handlers"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__pycache__" / "take.cpython-311.pyc").write_bytes(b"byte code")
    (package / "requirements.txt").write_text("msgspec\n")
    (package / "take.py").write_bytes(b"handler = None\n")
    assert read_sources(package) == {"handlers/take.py": b"handler = None\n"}


def test_sources_and_scripts_come_from_every_folder(tmp_path: Path) -> None:
    folders = [tmp_path / "mine" / "handlers", tmp_path / "others" / "handlers"]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / f"{folder.parent.name}.py").write_bytes(JOB)
    assert read_sources(*folders) == {"handlers/mine.py": JOB, "handlers/others.py": JOB}
    assert {"mine.py", "others.py"} <= set(read_scripts(*folders, tmp_path / "nowhere"))


def test_jobs_are_shipped_with_the_zip_of_their_library_and_helpers_are_not(tmp_path: Path) -> None:
    (tmp_path / "lib" / "text").mkdir(parents=True)
    (tmp_path / "lib" / "__init__.py").write_bytes(b"")
    (tmp_path / "lib" / "text" / "words.py").write_bytes(b"WORD = 1\n")
    (tmp_path / "helper.py").write_bytes(b"")
    assert read_scripts(tmp_path) == {}
    (tmp_path / "job.py").write_bytes(JOB)
    library = build_zip({"lib/__init__.py": b"", "lib/text/words.py": b"WORD = 1\n"})
    assert read_scripts(tmp_path) == {"job.py": JOB, "lib.zip": library}


def test_the_prefix_names_the_library_too(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "job.py").write_bytes(JOB)
    prefixes = []
    for content in (b"1", b"2", b"1"):
        (tmp_path / "lib" / "words.py").write_bytes(content)
        prefixes.append(upload_prefix("glue", read_scripts(tmp_path)))
    assert prefixes[0] == prefixes[2] != prefixes[1]


def test_files_that_an_editor_hides_are_no_sources(tmp_path: Path) -> None:
    (tmp_path / "take.py").write_bytes(b"handler = None")
    (tmp_path / ".#take.py").symlink_to("somebody@machine.1234")
    assert read_sources(tmp_path) == {f"{tmp_path.name}/take.py": b"handler = None"}
