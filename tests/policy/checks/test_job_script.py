from __future__ import annotations

import json

import pytest

from templates import discovery
from tests.policy.broken import said
from tests.policy.changes import Change, code_url, of, sub, without
from tests.policy.samples import Json

RULE = "WIRE09_JOB_SCRIPT"
IMPORTED = "s3://${import ceap-foundation-Environment-ArtifactBucket}"


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        (code_url("/${GluePrefix}light.py"), f"{IMPORTED}/${{GluePrefix}}light.py"),
        (code_url("/heavy.py"), f"{IMPORTED}/heavy.py"),
        (sub("s3://${Environment}/${GluePrefix}heavy.py"), "s3://${Environment}/${GluePrefix}heavy.py"),
        ("MUTATED", "MUTATED"),
    ],
    ids=["another script", "no prefix", "another bucket", "a text"],
)
def test_a_script_that_the_package_does_not_hold_is_found(location: Json, shown: str) -> None:
    scripts = ", or ".join(json.dumps(code_url(f"/${{GluePrefix}}{name}.py")) for name in discovery.job_names())
    message = f"{shown} is not a script of the package | fix: ScriptLocation: {scripts}"
    place = "/Resources/HeavyJob/Properties/Command/ScriptLocation"
    change = of("HeavyJob", "Command", "ScriptLocation", location)
    assert said(RULE, "standard", change) == [(message, place)]


NO_LIBRARY = (
    "the library of the package is not on the job's Python path | fix: DefaultArguments --extra-py-files: "
    f"{json.dumps(code_url('/${GluePrefix}lib.zip'))}"
)


@pytest.mark.parametrize(
    "uri",
    [
        sub("s3://elsewhere/${GluePrefix}lib.zip"),
        code_url("/lib.zip"),
        code_url("/${GluePrefix}lib.zip,s3://elsewhere/x.zip"),
    ],
    ids=["another bucket", "no prefix", "one more"],
)
def test_a_library_that_is_not_the_package_s_is_found(uri: Json) -> None:
    change = of("HeavyJob", "DefaultArguments", "--extra-py-files", uri)
    place = "/Resources/HeavyJob/Properties/DefaultArguments/--extra-py-files"
    assert said(RULE, "standard", change) == [(NO_LIBRARY, place)]


@pytest.mark.parametrize(
    "change",
    [without("HeavyJob", "DefaultArguments", "--extra-py-files"), without("HeavyJob", "DefaultArguments")],
)
def test_a_job_without_its_library_is_found(change: Change) -> None:
    assert said(RULE, "standard", change) == [(NO_LIBRARY, "/Resources/HeavyJob")]


def test_a_job_of_another_project_has_a_script_of_its_own() -> None:
    def change(data: Json) -> None:
        del data["Parameters"]["GluePrefix"]
        of("HeavyJob", "Command", "ScriptLocation", "s3://jobs/light.py")(data)

    assert said(RULE, "standard", change) == []
