"""Wrong workflows: changes to the states of a golden template, and to its rule on failures, that a rule must notice."""

from __future__ import annotations

from tests.policy.changes import Change, Mutant, asl, drop, of, put, state, state_without, without
from tests.policy.samples import Json

JOB = "HeavyStage"
ARGUMENTS = ("Parameters", "Arguments")
PATTERN = ("EventPattern", "detail")
ALERT = ("Targets", 0, "Arn")
PUT_OBJECT = "arn:aws:states:::aws-sdk:s3:putObject"
LOGS = "LoggingConfiguration"
INVOCATION = ("TargetParameters", "StepFunctionStateMachineParameters", "InvocationType")

P12_EXPRESS_LIMIT = [
    Mutant("P12_EXPRESS_LIMIT", "express", name, change)
    for name, change in (
        ("no limit", asl(drop("TimeoutSeconds"))),
        ("10 minutes", asl(put("TimeoutSeconds", 600))),
        ("a text", asl(put("TimeoutSeconds", "300"))),
        ("a task without limit", state_without("TellStage", "TimeoutSeconds")),
        ("a task's limit as text", state("TakeStage", "TimeoutSeconds", "70")),
    )
]

P15 = [
    Mutant(rule, kind, name, change)
    for rule, kind, name, change in (
        ("P15_ONE_CHAIN", "express", "Next dangles", state("TakeStage", "Next", "Sift")),
        ("P15_ONE_CHAIN", "express", "skips a stage", state("TakeStage", "Next", "RateStage")),
        ("P15_ONE_CHAIN", "express", "two ends", state("ReceiveMessage", "End", True)),
        ("P15_ONE_CHAIN", "express", "no end", state_without("TellStage", "End")),
        ("P15_ONE_CHAIN", "express", "leads nowhere", state_without("RateStage", "Next")),
        ("P15_ONE_CHAIN", "standard", "begins again", state("KeepStage", "Next", "ReceiveMessage")),
        ("P15_ONE_CHAIN", "standard", "ends and goes on", state("TellStage", "Next", "TakeStage")),
        (
            "P15_EXPRESS_LAMBDA_ONLY",
            "express",
            "waits for a job",
            state("TakeStage", "Resource", "glue:startJobRun.sync"),
        ),
        (
            "P15_EXPRESS_LAMBDA_ONLY",
            "express",
            "puts an object",
            state("KeepStage", "Resource", "arn:aws:states:::aws-sdk:s3:putObject"),
        ),
        ("P15_EXPRESS_LAMBDA_ONLY", "express", "no integration", state_without("KeepStage", "Resource")),
    )
]

P18 = [
    Mutant(rule, "standard", name, change)
    for rule, name, change in (
        ("P18_STANDARD_EXECUTION", "the type is not said", without("StateMachine", "StateMachineType")),
        ("P18_STANDARD_EXECUTION", "errors alone", of("StateMachine", LOGS, "Level", "ERROR")),
        ("P18_STANDARD_EXECUTION", "no data", of("StateMachine", LOGS, "IncludeExecutionData", False)),
        ("P18_STANDARD_EXECUTION", "no tracing", without("StateMachine", "TracingConfiguration")),
        ("P18_STANDARD_LIMIT", "may hang", asl(drop("TimeoutSeconds"))),
        ("P18_STANDARD_LIMIT", "two years", asl(put("TimeoutSeconds", 63_072_000))),
        ("P18_STANDARD_LIMIT", "a function may hang", state_without("TakeStage", "TimeoutSeconds")),
        ("P18_STANDARD_LIMIT", "a job may hang", state_without(JOB, "TimeoutSeconds")),
    )
]

P19_STANDARD_STARTS = [
    Mutant("P19_STANDARD_STARTS", kind, name, change)
    for kind, name, change in (
        ("standard", "waits", of("Pipe", *INVOCATION, "REQUEST_RESPONSE")),
        ("standard", "waits by default", without("Pipe", *INVOCATION)),
        ("standard", "no parameters", without("Pipe", "TargetParameters")),
        ("express", "type turned", of("StateMachine", "StateMachineType", "STANDARD")),
    )
]

P30_FAILURES_FAIL = [
    Mutant("P30_FAILURES_FAIL", kind, f"caught at {stage}", state(stage, "Catch", catch))
    for kind, stage, catch in (
        ("express", "TakeStage", [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "SiftStage"}]),
        ("express", "TellStage", [{"ErrorEquals": ["PermanentStageError"], "Next": "TakeStage"}]),
        ("standard", JOB, [{"ErrorEquals": ["States.TaskFailed"], "Next": "RateStage"}]),
    )
]

P21_GLUE_WAITS = [
    Mutant("P21_GLUE_WAITS", "standard", service, state(JOB, "Resource", f"arn:aws:states:::{service}"))
    for service in ("glue:startJobRun", "aws-sdk:glue:startJobRun", "glue:startJobRun.waitForTaskToken")
]

P22_GLUE_ARGUMENTS = [
    Mutant("P22_GLUE_ARGUMENTS", "standard", name, change)
    for name, change in (
        ("no arguments", state_without(JOB, *ARGUMENTS)),
        ("no execution", state_without(JOB, *ARGUMENTS, "--execution-id.$")),
        ("no input key", state_without(JOB, *ARGUMENTS, "--input-key.$")),
        ("no output bucket", state_without(JOB, *ARGUMENTS, "--output-bucket")),
        ("fixed bucket", state(JOB, *ARGUMENTS, "--input-bucket", "bucket")),
        ("sixth", state(JOB, *ARGUMENTS, "--mode", "fast")),
        ("key from input", state(JOB, *ARGUMENTS, "--output-key.$", "$.key")),
        ("changes the job", state(JOB, "Parameters", "MaxCapacity", 100)),
    )
]

P24_GLUE_RETRY = [
    Mutant("P24_GLUE_RETRY", "standard", name, change)
    for name, change in (
        ("none", state_without(JOB, "Retry")),
        ("only for runs that are taken", state_without(JOB, "Retry", 1)),
        ("3 attempts", state(JOB, "Retry", 1, "MaxAttempts", 3)),
        ("after 20 s", state(JOB, "Retry", 1, "IntervalSeconds", 20)),
        ("default backoff", state_without(JOB, "Retry", 1, "BackoffRate")),
        ("other error", state(JOB, "Retry", 1, "ErrorEquals", ["States.TaskFailed"])),
        ("failures taken first", state(JOB, "Retry", 0, "ErrorEquals", ["States.TaskFailed"])),
        ("capped", state(JOB, "Retry", 1, "MaxDelaySeconds", 301)),
        ("impatient", state(JOB, "Retry", 0, "IntervalSeconds", 1)),
        ("does not wait for a run", state(JOB, "Retry", 0, "MaxAttempts", 0)),
        ("waits at one pace", state(JOB, "Retry", 0, "BackoffRate", 1.0)),
    )
]

P24_JOB_DOES_NOT_RETRY = [
    Mutant("P24_JOB_DOES_NOT_RETRY", "standard", name, change)
    for name, change in (
        ("once", of("HeavyJob", "MaxRetries", 1)),
        ("not said", without("HeavyJob", "MaxRetries")),
        ("a text", of("HeavyJob", "MaxRetries", "0")),
    )
]


def put_input(retry: list[Json]) -> Change:
    """Return the change that adds a task which puts the message on S3, as before a Glue job that comes first."""
    return state("StageInput", {"Type": "Task", "Resource": PUT_OBJECT, "Next": "TakeStage", "Retry": retry})


P16_INPUT_RETRY = [
    Mutant("P16_INPUT_RETRY", "standard", name, put_input(retry))
    for name, retry in (
        ("never", []),
        ("at once", [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 2.0}]),
        ("once", [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 20, "MaxAttempts": 1, "BackoffRate": 2.0}]),
        ("some errors", [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 20, "MaxAttempts": 2}]),
    )
]

ASL03_CLOSED_VOCABULARY = [
    Mutant("ASL03_CLOSED_VOCABULARY", kind, name, change)
    for kind, name, change in (
        ("express", "selects the result", state("TakeStage", "ResultSelector", {"id.$": "$.id"})),
        ("express", "sets a variable", state("RateStage", "Assign", {"id.$": "$.id"})),
        ("standard", "limit from the input", state("TakeStage", "TimeoutSecondsPath", "$.limit")),
        ("standard", "heartbeat", state(JOB, "HeartbeatSeconds", 10)),
        ("standard", "another account's role", state("TakeStage", "Credentials", {"RoleArn": "arn"})),
    )
]

P34_FAILURE_RULE = [
    Mutant("P34_FAILURE_RULE", "standard", name, change)
    for name, change in (
        ("no rule", drop("Resources", "FailureRule")),
        ("other source", of("FailureRule", "EventPattern", "source", ["aws.glue"])),
        ("other events", of("FailureRule", "EventPattern", "detail-type", ["Glue Job State Change"])),
        ("all events", without("FailureRule", "EventPattern", "detail-type")),
        ("no failures", without("FailureRule", *PATTERN, "status", 0)),
        ("no time-outs", without("FailureRule", *PATTERN, "status", 1)),
        ("no aborts", without("FailureRule", *PATTERN, "status", 2)),
        ("every state machine", without("FailureRule", *PATTERN, "stateMachineArn")),
        ("no state machine", of("FailureRule", *PATTERN, "stateMachineArn", [{"Ref": "Queue"}])),
        ("narrowed", of("FailureRule", *PATTERN, "name", ["first"])),
        ("disabled", of("FailureRule", "State", "DISABLED")),
        ("nobody", of("FailureRule", "Targets", [])),
        ("to the foundation's bucket", of("FailureRule", *ALERT, "Fn::ImportValue", {"Fn::Sub": "x-WorkflowBucket"})),
        ("to a queue", of("FailureRule", *ALERT, {"Fn::GetAtt": ["AlertDeadLetterQueue", "Arn"]})),
        ("to a state machine", of("FailureRule", *ALERT, {"Ref": "StateMachine"})),
        ("a name by AWS", without("FailureRule", "Name")),
        ("another bus", of("FailureRule", "EventBusName", "orders")),
        ("successes too", of("FailureRule", *PATTERN, "status", ["FAILED", "TIMED_OUT", "ABORTED", "SUCCEEDED"])),
        ("misspelt", of("FailureRule", "EventPattern", "detail-type", ["Step Functions Execution Status Changes"])),
        ("undelivered alerts are lost", without("FailureRule", "Targets", 0, "DeadLetterConfig")),
        ("queue gone", drop("Resources", "AlertDeadLetterQueue")),
    )
]

WORKFLOW_MUTANTS = [
    *P12_EXPRESS_LIMIT,
    *P15,
    *P18,
    *P19_STANDARD_STARTS,
    *P30_FAILURES_FAIL,
    *P21_GLUE_WAITS,
    *P22_GLUE_ARGUMENTS,
    *P24_GLUE_RETRY,
    *P24_JOB_DOES_NOT_RETRY,
    *P16_INPUT_RETRY,
    *ASL03_CLOSED_VOCABULARY,
    *P34_FAILURE_RULE,
]
