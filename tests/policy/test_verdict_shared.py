from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from ceap import project
from tests import processes
from tests.policy.mutants import MUTANTS
from tests.policy.samples import changed, golden
from tests.policy.test_lint import WRONG

NULL = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n    Properties: {TopicName: ~, Size: 3}\n"
NO_JSON = (
    "Resources:\n  M:\n    Type: AWS::StepFunctions::StateMachine\n    Properties:\n"
    "      DefinitionString: '{'\n      RoleArn: !GetAtt Nowhere.Arn\n"
)
JUDGE = """
import os, sys
from pathlib import Path
from ceap.cfn.template import load_template
from ceap.policy import copies
from ceap.policy.verdict import judge, load_all_rules
os.sched_getaffinity = lambda _: {1, 2, 3}
templates = [load_template(Path(file)) for file in sys.argv[1:]]
begin = copies.begin
kinds = []
copies.begin = lambda *given: kinds.append(begin(*given)) or kinds[-1]
shared = judge(templates, load_all_rules())
copies.can_fork = lambda: False
alone = judge(templates, load_all_rules())
rules = {finding.rule[:3] for each in alone for finding in each.findings}
print([type(kind).__name__ for kind in kinds], shared == alone, len(rules), [each.file for each in shared])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks")
def test_what_processes_share_is_what_one_finds_alone(tmp_path: Path) -> None:
    """By faults of many kinds: of Guard's rules, of checks and of cfn-lint, and definitions that are not JSON."""
    texts = [WRONG, NULL, NO_JSON, golden("foundation").text]
    texts += [json.dumps(changed(mutant.kind, mutant.change)) for mutant in MUTANTS[::200]]
    files = [f"{number}.yaml" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        (tmp_path / file).write_text(text)
    environment = {"PATH": os.defpath, "PYTHONPATH": str(project.ROOT)}
    words = [sys.executable, "-c", JUDGE, *files]
    done = processes.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    kinds, *found = done.stdout.strip().partition("]")
    assert done.stderr == ""
    assert kinds == "['_Shared', '_Later'"
    assert found[1].startswith(" True ")
    assert found[1].endswith(str(files))
    assert int(found[1].split()[1]) > 5
