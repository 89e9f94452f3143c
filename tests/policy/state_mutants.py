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
    states["TakeStage"]["Next"], states["SiftStage"]["Next"] = "RateStage", "KeepStage"
    states["RateStage"]["Next"] = "SiftStage"


def orphan(definition: Json) -> None:
    definition["States"]["Spare"] = definition["States"]["TakeStage"] | {"Next": "SiftStage"}


def put_again(definition: Json) -> None:
    states = definition["States"]
    states["StageInput"] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
        "Parameters": {"Bucket": "${WorkflowBucket}", "Key.$": key("initial"), "Body.$": "$.body"},
        "ResultPath": None,
        "Next": "TakeStage",
    }
    states["ReceiveMessage"]["Next"] = "StageInput"


def skip_input(definition: Json) -> None:
    definition["States"]["ReceiveMessage"]["Next"] = "HeavyStage"
    del definition["States"]["StageInput"]


def longer_functions(data: Json) -> None:
    for stage in ("Take", "Sift"):
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
            without("StateMachine", "DefinitionSubstitutions", "TakeFunction"),
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
            state("TakeStage", *PAYLOAD, "workflowBucket", "${Bucket}"),
        ),
        *(
            ("ASL06_VALUES_ARE_PLAIN", kind, name, of("StateMachine", "DefinitionSubstitutions", "TakeFunction", value))
            for kind, name, value in (
                ("express", "a Catch", 'a","Catch":[{"ErrorEquals":["States.ALL"],"Next":"Done"}],"Comment":"'),
                ("standard", "a Catch in Sub", {"Fn::Sub": 'a","Catch":[],"Comment":"${AWS::Region}'}),
                ("express", "a parameter", {"Ref": "KmsKeyArn"}),
                ("standard", "a Join", {"Fn::Join": ["", ["a", '"']]}),
            )
        ),
        ("CFN01_NO_NULL", "express", "a property", of("Queue", "VisibilityTimeout", None)),
        ("CFN01_NO_NULL", "standard", "in a list", of("FailureRule", "EventPattern", "source", 0, None)),
        ("CFN01_NO_NULL", "foundation", "an output", put("Outputs", "AlertTopic", None)),
        ("P02_CURRENT_STAGE", "express", "other stage", state("RateStage", *PAYLOAD, "currentStage", "SiftStage")),
        ("P02_CURRENT_STAGE", "express", "misspelt", state("TakeStage", *PAYLOAD, "currentStage", "EtlStage")),
        ("P02_CURRENT_STAGE", "standard", "unknown", state("KeepStage", *PAYLOAD, "currentStage", "Keep")),
        ("P03_PREVIOUS_STAGE", "express", "one too far", state("RateStage", *PAYLOAD, "previousStage", "TakeStage")),
        ("P03_PREVIOUS_STAGE", "express", "itself", state("RateStage", *PAYLOAD, "previousStage", "RateStage")),
        ("P03_PREVIOUS_STAGE", "express", "not the first", state("RateStage", *PAYLOAD, "previousStage", None)),
        ("P03_PREVIOUS_STAGE", "express", "the first", state("TakeStage", *PAYLOAD, "previousStage", "ReceiveMessage")),
        ("P03_PREVIOUS_STAGE", "express", "other order", asl(swap_order)),
        (
            "P03_PREVIOUS_STAGE",
            "standard",
            "skips the job",
            state("RateStage", *PAYLOAD, "previousStage", "SiftStage"),
        ),
        ("P03_PREVIOUS_STAGE", "job_first", "the input", state("KeepStage", *PAYLOAD, "previousStage", "StageInput")),
        ("P04_STAGE_INPUT", "job_first", "missing", asl(skip_input)),
        ("P04_STAGE_INPUT", "job_first", "other key", state("StageInput", "Parameters", "Key.$", key("Initial"))),
        ("P04_STAGE_INPUT", "job_first", "all", state("StageInput", "Parameters", "Body.$", "$")),
        ("P04_STAGE_INPUT", "job_first", "other bucket", state("StageInput", "Parameters", "Bucket", "bucket")),
        ("P04_STAGE_INPUT", "job_first", "narrowed", state("StageInput", "InputPath", "$.body")),
        ("P04_STAGE_INPUT", "express", "not needed", asl(put_again)),
        ("P15_STATES_IN_ORDER", "express", "orphan", asl(orphan)),
        ("P15_STATES_IN_ORDER", "express", "skipped", state("TakeStage", "Next", "RateStage")),
        ("P15_STATES_IN_ORDER", "express", "round", state("RateStage", "Next", "SiftStage")),
        ("P15_STATES_IN_ORDER", "standard", "itself", state("HeavyStage", "Next", "HeavyStage")),
        (
            "P23_GLUE_KEYS",
            "standard",
            "reads two before",
            state("HeavyStage", *ARGUMENTS, "--input-key.$", key("TakeStage")),
        ),
        (
            "P23_GLUE_KEYS",
            "standard",
            "reads the message",
            state("HeavyStage", *ARGUMENTS, "--input-key.$", key("initial")),
        ),
        (
            "P23_GLUE_KEYS",
            "standard",
            "writes over",
            state("HeavyStage", *ARGUMENTS, "--output-key.$", key("SiftStage")),
        ),
        (
            "P23_GLUE_KEYS",
            "job_first",
            "reads itself",
            state("HeavyStage", *ARGUMENTS, "--input-key.$", key("HeavyStage")),
        ),
        ("P25_TIME_BUDGET", "express", "functions", longer_functions),
        ("P25_TIME_BUDGET", "express", "slow function", of("TakeFunction", "Timeout", 61)),
        ("P25_TIME_BUDGET", "express", "short task", state("KeepStage", "TimeoutSeconds", 60)),
        ("P25_TIME_BUDGET", "standard", "short machine", asl(put("TimeoutSeconds", 44549))),
        ("P25_TIME_BUDGET", "express", "short machine", asl(put("TimeoutSeconds", 299))),
        ("P25_TIME_BUDGET", "standard", "long task", state("TakeStage", "TimeoutSeconds", 311)),
        ("P25_TIME_BUDGET", "standard", "long job", of("HeavyJob", "Timeout", 121)),
        ("P25_TIME_BUDGET", "standard", "job by default", without("HeavyJob", "Timeout")),
        ("P25_TIME_BUDGET", "standard", "patient", state("HeavyStage", "Retry", 0, "MaxAttempts", 9)),
        ("P25_TIME_BUDGET", "standard", "slow", state("HeavyStage", "Retry", 0, "BackoffRate", 3.0)),
        ("P25_TIME_BUDGET", "standard", "waits", state("HeavyStage", "Retry", 0, "IntervalSeconds", 61)),
        ("P33_REDELIVERY", "express", "visible too soon", of("Queue", "VisibilityTimeout", 1799)),
        ("P33_REDELIVERY", "express", "by default", without("Queue", "VisibilityTimeout")),
        ("P33_REDELIVERY", "standard", "visible too soon", of("Queue", "VisibilityTimeout", 59)),
        ("P33_REDELIVERY", "express", "not kept", of("Queue", "MessageRetentionPeriod", 5399)),
        ("P33_REDELIVERY", "express", "more receives", of("Queue", "RedrivePolicy", "maxReceiveCount", 700)),
        ("P33_REDELIVERY", "express", "hasty alarm", of("QueueAgeAlarm", "Threshold", 3599)),
    )
]
