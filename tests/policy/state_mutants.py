"""Wrong orders, keys and times of states: changes that a check must notice. `job_first` begins with a Glue job."""

from __future__ import annotations

from tests.policy.changes import Change, Mutant, asl, of, put, state, without
from tests.policy.samples import Json

PAYLOAD = ("Parameters", "Payload")
ARGUMENTS = ("Parameters", "Arguments")


def key(stage: str) -> str:
    return f"States.Format('executions/{{}}/{stage}/output.json', $$.Execution.Name)"


def swap_order(definition: Json) -> None:
    states = definition["States"]
    states["ETLStage"]["Next"], states["FilterStage"]["Next"] = "ScoreStage", "StoreStage"
    states["ScoreStage"]["Next"] = "FilterStage"


def orphan(definition: Json) -> None:
    definition["States"]["Spare"] = definition["States"]["ETLStage"] | {"Next": "FilterStage"}


def put_again(definition: Json) -> None:
    states = definition["States"]
    states["StageInput"] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
        "Parameters": {"Bucket": "${WorkflowBucket}", "Key.$": key("initial"), "Body.$": "$.body"},
        "ResultPath": None,
        "Next": "ETLStage",
    }
    states["ReceiveMessage"]["Next"] = "StageInput"


def skip_input(definition: Json) -> None:
    definition["States"]["ReceiveMessage"]["Next"] = "HeavyETLStage"
    del definition["States"]["StageInput"]


def longer_functions(data: Json) -> None:
    for stage in ("ETL", "Filter"):
        data["Resources"][f"{stage}Function"]["Properties"]["Timeout"] = 100
    properties = data["Resources"]["StateMachine"]["Properties"]
    properties["DefinitionString"] = properties["DefinitionString"].replace(
        '"TimeoutSeconds": 70', '"TimeoutSeconds": 110'
    )


def definition(change: str) -> Change:
    return of("StateMachine", "DefinitionString", change)


STATE_MUTANTS = [
    Mutant(rule, kind, name, change)
    for rule, kind, name, change in (
        ("ASL04_DEFINITION_IS_JSON", "express", "empty", definition("")),
        ("ASL04_DEFINITION_IS_JSON", "express", "a list", definition("[]")),
        ("ASL04_DEFINITION_IS_JSON", "standard", "cut off", definition('{"StartAt": "ReceiveMessage", ')),
        (
            "ASL05_TOKENS_SUBSTITUTED",
            "express",
            "no value",
            without("StateMachine", "DefinitionSubstitutions", "ETLFunction"),
        ),
        (
            "ASL05_TOKENS_SUBSTITUTED",
            "express",
            "no token",
            of("StateMachine", "DefinitionSubstitutions", "Spare", "x"),
        ),
        (
            "ASL05_TOKENS_SUBSTITUTED",
            "standard",
            "misspelt",
            state("ETLStage", *PAYLOAD, "workflowBucket", "${Bucket}"),
        ),
        ("CFN01_NO_NULL", "express", "a property", of("Queue", "VisibilityTimeout", None)),
        ("CFN01_NO_NULL", "standard", "in a list", of("FailureRule", "EventPattern", "source", 0, None)),
        ("CFN01_NO_NULL", "foundation", "an output", put("Outputs", "AlertTopic", None)),
        ("P02_CURRENT_STAGE", "express", "other stage", state("ScoreStage", *PAYLOAD, "currentStage", "FilterStage")),
        ("P02_CURRENT_STAGE", "express", "misspelt", state("ETLStage", *PAYLOAD, "currentStage", "EtlStage")),
        ("P02_CURRENT_STAGE", "standard", "unknown", state("StoreStage", *PAYLOAD, "currentStage", "Store")),
        ("P03_PREVIOUS_STAGE", "express", "one too far", state("ScoreStage", *PAYLOAD, "previousStage", "ETLStage")),
        ("P03_PREVIOUS_STAGE", "express", "itself", state("ScoreStage", *PAYLOAD, "previousStage", "ScoreStage")),
        ("P03_PREVIOUS_STAGE", "express", "not the first", state("ScoreStage", *PAYLOAD, "previousStage", None)),
        ("P03_PREVIOUS_STAGE", "express", "the first", state("ETLStage", *PAYLOAD, "previousStage", "ReceiveMessage")),
        ("P03_PREVIOUS_STAGE", "express", "other order", asl(swap_order)),
        (
            "P03_PREVIOUS_STAGE",
            "standard",
            "skips the job",
            state("ScoreStage", *PAYLOAD, "previousStage", "FilterStage"),
        ),
        ("P03_PREVIOUS_STAGE", "job_first", "the input", state("StoreStage", *PAYLOAD, "previousStage", "StageInput")),
        ("P04_STAGE_INPUT", "job_first", "missing", asl(skip_input)),
        ("P04_STAGE_INPUT", "job_first", "other key", state("StageInput", "Parameters", "Key.$", key("Initial"))),
        ("P04_STAGE_INPUT", "job_first", "all", state("StageInput", "Parameters", "Body.$", "$")),
        ("P04_STAGE_INPUT", "job_first", "other bucket", state("StageInput", "Parameters", "Bucket", "bucket")),
        ("P04_STAGE_INPUT", "job_first", "narrowed", state("StageInput", "InputPath", "$.body")),
        ("P04_STAGE_INPUT", "express", "not needed", asl(put_again)),
        ("P15_STATES_IN_ORDER", "express", "orphan", asl(orphan)),
        ("P15_STATES_IN_ORDER", "express", "skipped", state("ETLStage", "Next", "ScoreStage")),
        ("P15_STATES_IN_ORDER", "express", "round", state("ScoreStage", "Next", "FilterStage")),
        ("P15_STATES_IN_ORDER", "standard", "itself", state("HeavyETLStage", "Next", "HeavyETLStage")),
        (
            "P23_GLUE_KEYS",
            "standard",
            "reads two before",
            state("HeavyETLStage", *ARGUMENTS, "--input-key.$", key("ETLStage")),
        ),
        (
            "P23_GLUE_KEYS",
            "standard",
            "reads the message",
            state("HeavyETLStage", *ARGUMENTS, "--input-key.$", key("initial")),
        ),
        (
            "P23_GLUE_KEYS",
            "standard",
            "writes over",
            state("HeavyETLStage", *ARGUMENTS, "--output-key.$", key("FilterStage")),
        ),
        (
            "P23_GLUE_KEYS",
            "job_first",
            "reads itself",
            state("HeavyETLStage", *ARGUMENTS, "--input-key.$", key("HeavyETLStage")),
        ),
        ("P25_TIME_BUDGET", "express", "functions", longer_functions),
        ("P25_TIME_BUDGET", "express", "slow function", of("ETLFunction", "Timeout", 61)),
        ("P25_TIME_BUDGET", "express", "short task", state("StoreStage", "TimeoutSeconds", 60)),
        ("P25_TIME_BUDGET", "standard", "short machine", asl(put("TimeoutSeconds", 44549))),
        ("P25_TIME_BUDGET", "express", "short machine", asl(put("TimeoutSeconds", 299))),
        ("P25_TIME_BUDGET", "standard", "long task", state("ETLStage", "TimeoutSeconds", 311)),
        ("P25_TIME_BUDGET", "standard", "long job", of("HeavyETLJob", "Timeout", 121)),
        ("P25_TIME_BUDGET", "standard", "job by default", without("HeavyETLJob", "Timeout")),
        ("P25_TIME_BUDGET", "standard", "patient", state("HeavyETLStage", "Retry", 0, "MaxAttempts", 9)),
        ("P25_TIME_BUDGET", "standard", "slow", state("HeavyETLStage", "Retry", 0, "BackoffRate", 3.0)),
        ("P25_TIME_BUDGET", "standard", "waits", state("HeavyETLStage", "Retry", 0, "IntervalSeconds", 61)),
        ("P33_REDELIVERY", "express", "visible too soon", of("Queue", "VisibilityTimeout", 1799)),
        ("P33_REDELIVERY", "express", "by default", without("Queue", "VisibilityTimeout")),
        ("P33_REDELIVERY", "standard", "visible too soon", of("Queue", "VisibilityTimeout", 59)),
        ("P33_REDELIVERY", "express", "not kept", of("Queue", "MessageRetentionPeriod", 5399)),
        ("P33_REDELIVERY", "express", "more receives", of("Queue", "RedrivePolicy", "maxReceiveCount", 700)),
        ("P33_REDELIVERY", "express", "hasty alarm", of("QueueAgeAlarm", "Threshold", 3599)),
    )
]
