"""Functions and jobs that do not fit their stage or handler: changes that a check must notice."""

from __future__ import annotations

from typing import Any

from tests.policy.changes import (
    Change,
    Mutant,
    arn,
    code_url,
    drop,
    imports,
    in_bucket,
    of,
    put,
    state,
    sub,
    swap,
    without,
)
from tests.policy.samples import Json

VARIABLES = ("Environment", "Variables")
TOKENS = "DefinitionSubstitutions"


def swap_functions(data: Json) -> None:
    tokens = data["Resources"]["StateMachine"]["Properties"][TOKENS]
    tokens["TakeFunction"], tokens["SiftFunction"] = tokens["SiftFunction"], tokens["TakeFunction"]


def setting(function: str, text: str) -> Change:
    return of(function, *VARIABLES, "SETTINGS", text)


def existing(function: str, value: Any) -> Change:
    return of(function, *VARIABLES, "LEGACY_FUNCTION_ARN", value)


def renamed(data: Json) -> None:
    """Give another parameter, which says nothing of what it takes, in place of the one for an ARN."""
    data["Parameters"]["TakeFunctionName"] = {"Type": "String"}
    existing("TakeFunction", {"Ref": "TakeFunctionName"})(data)


ARN = "arn:aws:lambda:eu-central-1:123456789012:function:take"
LEGACY_CHANGES: dict[str, Change] = {
    "no function": without("TakeFunction", *VARIABLES, "LEGACY_FUNCTION_ARN"),
    "one function in every environment": existing("TakeFunction", ARN),
    "a function by its name": existing("TakeFunction", sub("take-${Environment}")),
    "a function of the workflow": existing("TakeFunction", arn("SiftFunction")),
    "another stack's function": existing("TakeFunction", imports("TakeFunctionArn")),
    "what a condition chooses": existing("TakeFunction", {"Fn::If": ["HasKmsKey", {"Ref": "TakeFunctionArn"}, ARN]}),
    "another parameter": existing("TakeFunction", {"Ref": "KmsKeyArn"}),
    "a parameter for a name": renamed,
    "a parameter that is not there": existing("TakeFunction", {"Ref": "OtherFunctionArn"}),
    "a handler that calls none": existing("SiftFunction", {"Ref": "TakeFunctionArn"}),
    "any text": drop("Parameters", "TakeFunctionArn", "AllowedPattern"),
    "every function": put("Parameters", "TakeFunctionArn", "AllowedPattern", "^arn:.*$"),
    "every version": put("Parameters", "RateFunctionArn", "AllowedPattern", "^arn:aws:lambda:[a-z0-9:*-]+$"),
}
"""Of the function that calls an existing one: which one that is."""

HANDLER_MUTANTS = [
    Mutant(f"WIRE{rule}", kind, name, change)
    for rule, kind, name, change in (
        ("06_STAGE_RUNS_ITS_OWN", "express", "swapped", swap_functions),
        (
            "06_STAGE_RUNS_ITS_OWN",
            "express",
            "other's",
            state("RateStage", "Parameters", "FunctionName", "${KeepFunction}"),
        ),
        ("06_STAGE_RUNS_ITS_OWN", "express", "a queue", of("StateMachine", TOKENS, "RateFunction", arn("Queue"))),
        ("06_STAGE_RUNS_ITS_OWN", "express", "swapped names", swap("TakeFunction", "SiftFunction", "FunctionName")),
        (
            "06_STAGE_RUNS_ITS_OWN",
            "standard",
            "a function",
            of("StateMachine", TOKENS, "HeavyJob", {"Ref": "TakeFunction"}),
        ),
        (
            "06_STAGE_RUNS_ITS_OWN",
            "standard",
            "a log group",
            of("StateMachine", TOKENS, "WorkflowBucket", {"Ref": "PipeLogGroup"}),
        ),
        ("07_PACKAGED_HANDLER", "express", "unknown", of("TakeFunction", "Handler", "handlers.extract.handler")),
        ("07_PACKAGED_HANDLER", "express", "elsewhere", of("TakeFunction", "Handler", "take.handler")),
        ("07_PACKAGED_HANDLER", "express", "other name", of("TakeFunction", "Handler", "handlers.take.main")),
        (
            "07_PACKAGED_HANDLER",
            "express",
            "no handler",
            of("TakeFunction", "Handler", "handlers.runtime.storage.handler"),
        ),
        (
            "07_PACKAGED_HANDLER",
            "standard",
            "another set",
            of("TakeFunction", "Code", "S3Key", sub("${HandlersPrefix}sorting.zip")),
        ),
        (
            "07_PACKAGED_HANDLER",
            "express",
            "not its set",
            of("RateFunction", "Code", "S3Key", sub("${HandlersPrefix}base.zip")),
        ),
        ("08_HANDLER_ENVIRONMENT", "express", "no table", without("RateFunction", *VARIABLES, "TABLE_RATINGS")),
        (
            "08_HANDLER_ENVIRONMENT",
            "express",
            "other table",
            of("RateFunction", *VARIABLES, "TABLE_RATINGS", imports("RecordsTableName")),
        ),
        (
            "08_HANDLER_ENVIRONMENT",
            "express",
            "fixed",
            of("KeepFunction", *VARIABLES, "TABLE_RECORDS", "records"),
        ),
        (
            "08_HANDLER_ENVIRONMENT",
            "express",
            "no grant",
            of("KeepFunction", *VARIABLES, "TABLE_RATINGS", imports("RatingsTableName")),
        ),
        (
            "08_HANDLER_ENVIRONMENT",
            "express",
            "other handler",
            of("KeepFunction", "Handler", "handlers.rate.handler"),
        ),
        ("08_HANDLER_ENVIRONMENT", "express", "no settings", without("KeepFunction", *VARIABLES, "SETTINGS")),
        ("08_HANDLER_ENVIRONMENT", "express", "no JSON", setting("KeepFunction", "batch_size: 1")),
        ("08_HANDLER_ENVIRONMENT", "express", "misspelt setting", setting("TakeFunction", '{"ttl_day": 3}')),
        ("08_HANDLER_ENVIRONMENT", "express", "wrong setting", setting("TakeFunction", '{"ttl_days": 0}')),
        ("08_HANDLER_ENVIRONMENT", "standard", "other bus", of("TellFunction", *VARIABLES, "EVENT_BUS", "orders")),
        ("08_HANDLER_ENVIRONMENT", "standard", "no bus", without("TellFunction", *VARIABLES, "EVENT_BUS")),
        ("08_HANDLER_ENVIRONMENT", "standard", "no events", of("TakeFunction", *VARIABLES, "EVENT_BUS", "default")),
        ("08_HANDLER_ENVIRONMENT", "standard", "nothing", without("TakeFunction", "Environment")),
        (
            "08_HANDLER_ENVIRONMENT",
            "outside",
            "no secret",
            without("AskFunction", *VARIABLES, "SECRET_VENDOR_KEY_ENVIRONMENT_NAME"),
        ),
        (
            "08_HANDLER_ENVIRONMENT",
            "outside",
            "other secret",
            of("AskFunction", *VARIABLES, "SECRET_VENDOR_API_KEY_NAME", "x"),
        ),
        (
            "08_HANDLER_ENVIRONMENT",
            "outside",
            "not filled in",
            of("AskFunction", *VARIABLES, "PARAMETER_VENDOR_ENVIRONMENT_URL_NAME", "/vendor/${Environment}/url"),
        ),
        ("08_HANDLER_ENVIRONMENT", "outside", "not declared", of("TakeFunction", *VARIABLES, "SECRET_OTHER_NAME", "x")),
        *(("08_HANDLER_ENVIRONMENT", "legacy", name, change) for name, change in LEGACY_CHANGES.items()),
        ("07_PACKAGED_HANDLER", "legacy", "not there", of("TakeFunction", "Handler", "handlers.legacy.handler")),
        ("07_PACKAGED_HANDLER", "legacy", "other name", of("TakeFunction", "Handler", "handlers.runtime.legacy.main")),
        (
            "07_PACKAGED_HANDLER",
            "legacy",
            "another set",
            of("TakeFunction", "Code", "S3Key", sub("${HandlersPrefix}sorting.zip")),
        ),
        (
            "09_JOB_SCRIPT",
            "standard",
            "unknown",
            of(
                "HeavyJob",
                "Command",
                "ScriptLocation",
                code_url("/${GluePrefix}light.py"),
            ),
        ),
        (
            "09_JOB_SCRIPT",
            "standard",
            "other bucket",
            of(
                "HeavyJob",
                "Command",
                "ScriptLocation",
                in_bucket("WorkflowBucket", "s3://${WorkflowBucket}/${GluePrefix}heavy.py"),
            ),
        ),
        (
            "09_JOB_SCRIPT",
            "job_first",
            "no prefix",
            of(
                "HeavyJob",
                "Command",
                "ScriptLocation",
                code_url("/heavy.py"),
            ),
        ),
        ("09_JOB_SCRIPT", "standard", "no library", without("HeavyJob", "DefaultArguments", "--extra-py-files")),
        (
            "09_JOB_SCRIPT",
            "job_first",
            "another bucket's library",
            of("HeavyJob", "DefaultArguments", "--extra-py-files", sub("s3://elsewhere/${GluePrefix}lib.zip")),
        ),
    )
]
