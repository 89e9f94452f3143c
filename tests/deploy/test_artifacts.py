from __future__ import annotations

from pathlib import Path

import pytest

from ceap.deploy.artifacts import build_artifacts, build_folder

MAIN = 'if __name__ == "__main__":\n    pass\n'


def test_the_artifacts_are_what_package_prints(
    own_handlers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ceap.cli import main

    (own_handlers / "requirements.txt").write_text("")
    glue = own_handlers.parent / "glue"
    glue.mkdir()
    (glue / "heavy.py").write_text(MAIN)
    monkeypatch.chdir(own_handlers.parent)
    artifacts = build_artifacts(bytecode=False)
    assert main(["package"]) == 0
    printed = capsys.readouterr().out.splitlines()[-2:]
    assert printed == [f"{name}={prefix}" for name, prefix in artifacts.parameters.items()]
    assert build_folder() == Path("build")
    assert artifacts.objects == {
        f"{artifacts.handlers_prefix}base.zip": Path("build/handlers/base.zip").read_bytes(),
        f"{artifacts.glue_prefix}heavy.py": MAIN.encode(),
        f"{artifacts.glue_prefix}lib.zip": Path("build/glue/lib.zip").read_bytes(),
    }
