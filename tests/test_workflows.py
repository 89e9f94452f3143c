"""CI on GitHub: what it runs is here, and nobody can change it from outside."""

import re
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from tests.test_project import ROOT, targets

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEXTS = {file.name: file.read_text(encoding="utf-8") for file in FILES}


def workflow(name: str) -> Any:
    return yaml.safe_load(TEXTS[name])


def jobs() -> list[tuple[str, Any]]:
    return [(f"{name}: {job}", content) for name in TEXTS for job, content in workflow(name)["jobs"].items()]


def steps(job: Any) -> list[Any]:
    return list(job["steps"])


def test_there_are_workflows() -> None:
    assert FILES != []


@pytest.mark.parametrize("name", TEXTS)
def test_every_action_is_pinned_by_its_commit_and_says_which_version_that_is(name: str) -> None:
    uses = re.findall(r"uses: (.*)", TEXTS[name])
    assert uses != []
    assert [use for use in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)] == []


def test_an_action_has_one_commit_everywhere() -> None:
    pins = set(re.findall(r"uses: ([\w./-]+)@(\S+)", "".join(TEXTS.values())))
    assert len({action for action, _ in pins}) == len(pins)


def test_the_documentation_shows_the_same_commits() -> None:
    page = (ROOT / "docs/how-to/check-in-ci.md").read_text(encoding="utf-8")
    uses = set(re.findall(r"uses: (.*)", page))
    assert uses != set()
    assert uses <= set(re.findall(r"uses: (.*)", "".join(TEXTS.values())))


def test_nothing_is_permitted_beyond_what_a_job_asks_for() -> None:
    assert [name for name in TEXTS if workflow(name)["permissions"] != {}] == []
    writing = {
        job: sorted(scope for scope, right in content["permissions"].items() if right != "read")
        for job, content in jobs()
    }
    assert {job: scopes for job, scopes in writing.items() if scopes} == {
        "check.yml: check": ["security-events"],
        "deploy.yml: dev": ["id-token"],
        "deploy.yml: prod": ["id-token"],
    }


def test_every_job_ends_and_a_newer_run_takes_the_place_of_all_but_deployments() -> None:
    assert [job for job, content in jobs() if not 0 < content["timeout-minutes"] <= 60] == []
    takes_over = {
        f"{name}: {job}": (content.get("concurrency") or workflow(name)["concurrency"])["cancel-in-progress"]
        for name in TEXTS
        for job, content in workflow(name)["jobs"].items()
    }
    assert [job for job, is_so in takes_over.items() if not is_so] == ["deploy.yml: dev", "deploy.yml: prod"]


DEPLOYMENTS = ("dev", "prod")


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_deployments_of_an_environment_wait_for_each_other(name: str) -> None:
    job = workflow("deploy.yml")["jobs"][name]
    assert job["concurrency"] == {"group": f"deploy-{name}", "cancel-in-progress": False}
    assert (job["environment"], job["env"]) == (name, {"ENVIRONMENT": name})


def test_prod_gets_what_dev_has_by_the_same_steps() -> None:
    deployments = workflow("deploy.yml")["jobs"]
    assert deployments["prod"]["needs"] == "dev"
    assert deployments["prod"]["steps"] == deployments["dev"]["steps"]
    # YAML 1.1, which PyYAML reads, takes the key for true.
    assert workflow("deploy.yml")[True]["push"] == {"branches": ["main"]}
    assert deployments["dev"]["if"] == "github.event_name == 'push' && vars.CEAP_DEPLOY == 'true'"


def test_what_is_deployed_is_judged_before_there_are_credentials() -> None:
    names = [step.get("run", step.get("uses", "")) for step in steps(workflow("deploy.yml")["jobs"]["dev"])]
    [judged] = [place for place, name in enumerate(names) if name == "make check"]
    [signed] = [place for place, name in enumerate(names) if "configure-aws-credentials" in name]
    [deployed] = [place for place, name in enumerate(names) if "ceap deploy" in name]
    assert judged < signed < deployed


def test_a_pull_request_has_no_credentials_and_no_secrets() -> None:
    job = workflow("deploy.yml")["jobs"]["diff"]
    assert job["permissions"] == {"contents": "read"}
    assert job["if"] == "github.event_name == 'pull_request'"
    assert "environment" not in job
    assert [step for step in steps(job) if "aws" in step.get("uses", "")] == []
    assert "secrets." not in TEXTS["deploy.yml"]
    assert "pull_request_target" not in TEXTS["deploy.yml"]


def test_no_job_leaves_its_token_in_the_clone() -> None:
    checkouts = [step for _, job in jobs() for step in steps(job) if "checkout@" in step.get("uses", "")]
    assert len(checkouts) == len(jobs())
    assert [step for step in checkouts if step["with"]["persist-credentials"] is not False] == []


def test_what_runs_is_in_the_project() -> None:
    runs = "\n".join(step["run"] for _, job in jobs() for step in steps(job) if "run" in step)
    made = set(re.findall(r"make (\w+)", runs))
    assert {"check", "test", "bare", "mutants", "coverage", "soak"} <= made <= targets()
    assert "${{" not in runs  # what others write would be run


def test_the_tests_run_on_versions_that_the_project_takes() -> None:
    taken = SpecifierSet(re.findall(r'requires-python = "(.*)"', (ROOT / "pyproject.toml").read_text())[0])
    versions = workflow("check.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert versions == ["3.11", "3.12", "3.13", "3.14"]
    assert [version for version in versions if version not in taken] == []


def test_the_interpreter_that_was_set_up_is_the_one_that_make_takes() -> None:
    for _, job in jobs():
        made = [step for step in steps(job) if step.get("run", "").startswith("make ")]
        assert {step["env"]["PYTHON"] for step in made} == {"${{ steps.python.outputs.python-path }}"}
