"""What `python -m bench` takes."""

import pytest

from bench.__main__ import main
from bench.catalogue import load, names


def test_an_unknown_name_is_refused_with_the_names_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["sinth"])
    assert f"there is no measurement 'sinth'; allowed: {', '.join(names())}" in capsys.readouterr().err


def test_every_measurement_says_what_its_values_depend_on() -> None:
    assert [name for name in names() if not load(name).versions()] == []
