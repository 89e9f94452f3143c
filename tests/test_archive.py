"""The zip is the same bytes for the same files, whatever machine and order."""

import hashlib
import io
import zipfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ceap.archive import build_zip, read_sources

paths = st.from_regex(r"[a-z]{1,8}(/[a-z_]{1,8}){0,3}\.py", fullmatch=True)


@given(files=st.dictionaries(paths, st.binary(max_size=200), max_size=8), data=st.data())
def test_the_order_of_the_files_does_not_change_the_zip(files: dict[str, bytes], data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(list(files.items()))))
    assert build_zip(shuffled) == build_zip(files)


@given(files=st.dictionaries(paths, st.binary(max_size=200), max_size=8))
def test_a_zip_gives_back_what_was_put_in(files: dict[str, bytes]) -> None:
    archive = zipfile.ZipFile(io.BytesIO(build_zip(files)))
    assert {name: archive.read(name) for name in archive.namelist()} == files


def test_the_bytes_are_those_of_every_other_machine() -> None:
    zipped = build_zip({"handlers/etl.py": b"handler = None\n", "handlers/__init__.py": b""})
    assert hashlib.sha256(zipped).hexdigest() == "495b002ed484412540a498d354fab2f4cf87cce33b516b8e3b7616d525b62482"


def test_entries_are_sorted_readable_and_without_a_date() -> None:
    entries = zipfile.ZipFile(io.BytesIO(build_zip({"b.py": b"2", "a.py": b"1"}))).infolist()
    assert [(e.filename, e.date_time, oct(e.external_attr >> 16)) for e in entries] == [
        ("a.py", (1980, 1, 1, 0, 0, 0), "0o100644"),
        ("b.py", (1980, 1, 1, 0, 0, 0), "0o100644"),
    ]


def test_sources_are_the_python_files_of_a_package_without_their_byte_code(tmp_path: Path) -> None:
    package = tmp_path / "handlers"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__pycache__" / "etl.cpython-311.pyc").write_bytes(b"byte code")
    (package / "requirements.txt").write_text("msgspec\n")
    (package / "etl.py").write_bytes(b"handler = None\n")
    assert read_sources(package) == {"handlers/etl.py": b"handler = None\n"}
