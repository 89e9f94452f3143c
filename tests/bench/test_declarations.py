"""What is measured with, and the limit of synth."""

import json
import subprocess
import sys
from pathlib import Path

from bench.declarations import contents, write_pairs
from bench.synth import write_raw
from ceap import project


def test_a_pair_is_an_express_and_a_standard_workflow_of_the_same_steps(tmp_path: Path) -> None:
    express, standard = project.load_workflows(write_pairs(tmp_path, 1))
    assert [(each.name, each.type.value) for each in (express, standard)] == [
        ("w0-express", "EXPRESS"),
        ("w0-standard", "STANDARD"),
    ]
    assert express.steps == standard.steps


def test_the_limit_writes_the_content_of_all_templates(tmp_path: Path) -> None:
    subprocess.run([sys.executable, write_raw(tmp_path / "raw", 2)], check=True)
    written = {path.stem: json.loads(path.read_bytes()) for path in (tmp_path / "raw").glob("*.json")}
    assert written == contents(write_pairs(tmp_path / "declarations", 2))
