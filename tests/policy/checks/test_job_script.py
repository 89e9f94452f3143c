from __future__ import annotations

import pytest

from templates import discovery
from tests.policy.broken import said
from tests.policy.changes import Change, of, sub, without
from tests.policy.samples import Json

RULE = "WIRE09_JOB_SCRIPT"
BUCKET = "s3://ceap-artifacts-${Environment}-${AWS::AccountId}/"


@pytest.mark.parametrize("location", [f"{BUCKET}${{GluePrefix}}light.py", f"{BUCKET}heavy.py", "MUTATED"])
def test_a_script_that_the_package_does_not_hold_is_found(location: str) -> None:
    scripts = ", or ".join(f"{BUCKET}${{GluePrefix}}{name}.py" for name in discovery.job_names())
    message = f"{location} is not a script of the package | fix: !Sub {scripts}"
    place = "/Resources/HeavyJob/Properties/Command/ScriptLocation"
    change = of("HeavyJob", "Command", "ScriptLocation", sub(location))
    assert said(RULE, "standard", change) == [(message, place)]


NO_LIBRARY = (
    "the library of the package is not on the job's Python path | fix: DefaultArguments --extra-py-files: "
    f"!Sub {BUCKET}${{GluePrefix}}lib.zip"
)


@pytest.mark.parametrize(
    "uri",
    ["s3://elsewhere/${GluePrefix}lib.zip", f"{BUCKET}lib.zip", f"{BUCKET}${{GluePrefix}}lib.zip,s3://elsewhere/x.zip"],
    ids=["another bucket", "no prefix", "one more"],
)
def test_a_library_that_is_not_the_package_s_is_found(uri: str) -> None:
    change = of("HeavyJob", "DefaultArguments", "--extra-py-files", sub(uri))
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
