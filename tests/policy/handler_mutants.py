"""Functions and jobs that do not fit their stage or handler: changes that a check must notice."""

from __future__ import annotations

from tests.policy.changes import Change, Mutant, arn, imports, of, state, sub, swap, without
from tests.policy.samples import Json

VARIABLES = ("Environment", "Variables")
TOKENS = "DefinitionSubstitutions"


def swap_functions(data: Json) -> None:
    tokens = data["Resources"]["StateMachine"]["Properties"][TOKENS]
    tokens["ETLFunction"], tokens["FilterFunction"] = tokens["FilterFunction"], tokens["ETLFunction"]


def setting(function: str, text: str) -> Change:
    return of(function, *VARIABLES, "SETTINGS", text)


HANDLER_MUTANTS = [
    Mutant(f"WIRE{rule}", kind, name, change)
    for rule, kind, name, change in (
        ("06_STAGE_RUNS_ITS_OWN", "express", "swapped", swap_functions),
        (
            "06_STAGE_RUNS_ITS_OWN",
            "express",
            "other's",
            state("ScoreStage", "Parameters", "FunctionName", "${StoreFunction}"),
        ),
        ("06_STAGE_RUNS_ITS_OWN", "express", "a queue", of("StateMachine", TOKENS, "ScoreFunction", arn("Queue"))),
        ("06_STAGE_RUNS_ITS_OWN", "express", "swapped names", swap("ETLFunction", "FilterFunction", "FunctionName")),
        (
            "06_STAGE_RUNS_ITS_OWN",
            "standard",
            "a function",
            of("StateMachine", TOKENS, "HeavyETLJob", {"Ref": "ETLFunction"}),
        ),
        (
            "06_STAGE_RUNS_ITS_OWN",
            "standard",
            "a log group",
            of("StateMachine", TOKENS, "WorkflowBucket", {"Ref": "PipeLogGroup"}),
        ),
        ("07_PACKAGED_HANDLER", "express", "unknown", of("ETLFunction", "Handler", "handlers.extract.handler")),
        ("07_PACKAGED_HANDLER", "express", "elsewhere", of("ETLFunction", "Handler", "etl.handler")),
        ("07_PACKAGED_HANDLER", "express", "other name", of("ETLFunction", "Handler", "handlers.etl.main")),
        (
            "07_PACKAGED_HANDLER",
            "express",
            "no handler",
            of("ETLFunction", "Handler", "handlers.runtime.storage.handler"),
        ),
        ("08_HANDLER_ENVIRONMENT", "express", "no table", without("ScoreFunction", *VARIABLES, "TABLE_SCORE_CACHE")),
        (
            "08_HANDLER_ENVIRONMENT",
            "express",
            "other table",
            of("ScoreFunction", *VARIABLES, "TABLE_SCORE_CACHE", imports("CandidatesTableName")),
        ),
        (
            "08_HANDLER_ENVIRONMENT",
            "express",
            "fixed",
            of("StoreFunction", *VARIABLES, "TABLE_CANDIDATES", "candidates"),
        ),
        (
            "08_HANDLER_ENVIRONMENT",
            "express",
            "no grant",
            of("StoreFunction", *VARIABLES, "TABLE_SCORE_CACHE", imports("ScoreCacheTableName")),
        ),
        (
            "08_HANDLER_ENVIRONMENT",
            "express",
            "other handler",
            of("StoreFunction", "Handler", "handlers.score.handler"),
        ),
        ("08_HANDLER_ENVIRONMENT", "express", "no settings", without("StoreFunction", *VARIABLES, "SETTINGS")),
        ("08_HANDLER_ENVIRONMENT", "express", "no JSON", setting("StoreFunction", "batch_size: 1")),
        ("08_HANDLER_ENVIRONMENT", "express", "misspelt setting", setting("ETLFunction", '{"ttl_day": 3}')),
        ("08_HANDLER_ENVIRONMENT", "express", "wrong setting", setting("ETLFunction", '{"ttl_days": 0}')),
        ("08_HANDLER_ENVIRONMENT", "standard", "other bus", of("ReactiveFunction", *VARIABLES, "EVENT_BUS", "orders")),
        ("08_HANDLER_ENVIRONMENT", "standard", "no bus", without("ReactiveFunction", *VARIABLES, "EVENT_BUS")),
        ("08_HANDLER_ENVIRONMENT", "standard", "no events", of("ETLFunction", *VARIABLES, "EVENT_BUS", "default")),
        ("08_HANDLER_ENVIRONMENT", "standard", "nothing", without("ETLFunction", "Environment")),
        (
            "09_JOB_SCRIPT",
            "standard",
            "unknown",
            of(
                "HeavyETLJob",
                "Command",
                "ScriptLocation",
                sub("s3://ceap-artifacts-${Environment}-${AWS::AccountId}/${GluePrefix}light.py"),
            ),
        ),
        (
            "09_JOB_SCRIPT",
            "standard",
            "other bucket",
            of(
                "HeavyETLJob",
                "Command",
                "ScriptLocation",
                sub("s3://ceap-workflow-${Environment}-${AWS::AccountId}/${GluePrefix}heavy_etl.py"),
            ),
        ),
        (
            "09_JOB_SCRIPT",
            "job_first",
            "no prefix",
            of(
                "HeavyETLJob",
                "Command",
                "ScriptLocation",
                sub("s3://ceap-artifacts-${Environment}-${AWS::AccountId}/heavy_etl.py"),
            ),
        ),
        ("09_JOB_SCRIPT", "standard", "no library", without("HeavyETLJob", "DefaultArguments", "--extra-py-files")),
        (
            "09_JOB_SCRIPT",
            "job_first",
            "another bucket's library",
            of("HeavyETLJob", "DefaultArguments", "--extra-py-files", sub("s3://elsewhere/${GluePrefix}lib.zip")),
        ),
    )
]
