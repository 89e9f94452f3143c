"""Wrong templates: for each rule, small changes to a golden template that the rule must notice."""

from __future__ import annotations

from tests.policy.adopting_mutants import ADOPTING_MUTANTS
from tests.policy.changes import Mutant, asl, drop, of, put, rename, state, state_without, without
from tests.policy.deploy_mutants import DEPLOY_MUTANTS
from tests.policy.name_mutants import NAME_MUTANTS
from tests.policy.operation_mutants import OPERATION_MUTANTS
from tests.policy.queue_mutants import QUEUE_MUTANTS
from tests.policy.role_mutants import ROLE_MUTANTS
from tests.policy.samples import Json
from tests.policy.secure_mutants import SECURE_MUTANTS
from tests.policy.tampering_mutants import TAMPERING_MUTANTS
from tests.policy.trigger_mutants import TRIGGER_MUTANTS
from tests.policy.workflow_mutants import WORKFLOW_MUTANTS


def spread_retriers(definition: Json) -> None:
    retry = definition["States"]["RateStage"]["Retry"]
    retry[1:] = [retry[1] | {"MaxAttempts": 5}, retry[1] | {"IntervalSeconds": 1}]


def nest(definition: Json) -> None:
    branch = {"StartAt": "TakeStage", "States": {"TakeStage": definition["States"]["TakeStage"]}}
    definition["States"]["TakeStage"] = {"Type": "Parallel", "Branches": [branch], "Next": "SiftStage"}


def swap_message_body(definition: Json) -> None:
    first, second = (definition["States"][name]["Parameters"]["Payload"] for name in ("TakeStage", "SiftStage"))
    rename(first, "initialData.$", "initialData")
    rename(second, "initialData", "initialData.$")
    first["initialData"], second["initialData.$"] = None, "$.body"


LAMBDA = "arn:aws:states:::lambda:invoke"
PAYLOAD = ("Parameters", "Payload")
MACHINE_PARAMETERS = ("TargetParameters", "StepFunctionStateMachineParameters")
RULES = ("LifecycleConfiguration", "Rules")
LOGS = "LoggingConfiguration"

MUTANTS = [
    Mutant(
        "ASL01_DEFINITION_IS_LITERAL", "express", "Fn::Sub", of("StateMachine", "DefinitionString", {"Fn::Sub": "{}"})
    ),
    Mutant("ASL01_DEFINITION_IS_LITERAL", "express", "missing", without("StateMachine", "DefinitionString")),
    Mutant("ASL01_DEFINITION_IS_LITERAL", "express", "object beside it", of("StateMachine", "Definition", {})),
    Mutant("ASL01_DEFINITION_IS_LITERAL", "standard", "on S3", of("StateMachine", "DefinitionS3Location", {})),
    Mutant("ASL02_UNWRAPS_MESSAGE", "express", "the whole array", state("ReceiveMessage", "InputPath", "$")),
    Mutant("ASL02_UNWRAPS_MESSAGE", "express", "no InputPath", state_without("ReceiveMessage", "InputPath")),
    Mutant("ASL02_UNWRAPS_MESSAGE", "express", "skipped", asl(put("StartAt", "TakeStage"))),
    Mutant("ASL02_UNWRAPS_MESSAGE", "standard", "StartAt dangles", asl(put("StartAt", "Receive"))),
    Mutant("ASL02_UNWRAPS_MESSAGE", "standard", "the body alone", state("ReceiveMessage", "OutputPath", "$.body")),
    Mutant("ASL03_CLOSED_VOCABULARY", "express", "Parallel", asl(nest)),
    Mutant("ASL03_CLOSED_VOCABULARY", "express", "Wait", state("Pause", {"Type": "Wait", "Seconds": 5, "End": True})),
    Mutant("ASL03_CLOSED_VOCABULARY", "express", "second Pass", state("Skip", {"Type": "Pass", "End": True})),
    Mutant("ASL03_CLOSED_VOCABULARY", "express", "bare function", state("TakeStage", "Resource", "${TakeFunction}")),
    Mutant(
        "ASL03_CLOSED_VOCABULARY", "standard", "callback", state("TakeStage", "Resource", LAMBDA + ".waitForTaskToken")
    ),
    Mutant("ASL03_CLOSED_VOCABULARY", "standard", "JSONata", asl(put("QueryLanguage", "JSONata"))),
    Mutant("P01_FUNCTION_NAME", "express", "no name", without("RateFunction", "FunctionName")),
    Mutant("P01_FUNCTION_NAME", "express", "fixed", of("RateFunction", "FunctionName", "ceap-express-dev-Rate")),
    Mutant(
        "P01_FUNCTION_NAME",
        "express",
        "random suffix",
        of("TakeFunction", "FunctionName", {"Fn::Sub": "ceap-express-${Environment}-Take-x7k2"}),
    ),
    Mutant(
        "P01_FUNCTION_NAME",
        "express",
        "no environment",
        of("TakeFunction", "FunctionName", {"Fn::Sub": "ceap-express-Take"}),
    ),
    Mutant(
        "P01_FUNCTION_NAME",
        "express",
        "too long",
        of("TakeFunction", "FunctionName", {"Fn::Sub": "ceap-" + "a" * 44 + "-${Environment}-Take"}),
    ),
    Mutant("P01_FUNCTION_NAME", "standard", "any environment", drop("Parameters", "Environment", "AllowedPattern")),
    Mutant(
        "P01_FUNCTION_LOG_GROUP",
        "express",
        "other name",
        of("TakeFunctionLogGroup", "LogGroupName", {"Fn::Sub": "/ceap/Take"}),
    ),
    Mutant(
        "P01_FUNCTION_LOG_GROUP",
        "express",
        "another's",
        of("KeepFunction", "LoggingConfig", "LogGroup", "Ref", "TakeFunctionLogGroup"),
    ),
    Mutant("P01_FUNCTION_LOG_GROUP", "express", "none", without("TellFunction", "LoggingConfig")),
    Mutant("P07_EXECUTIONS_EXPIRE", "foundation", "8 days", of("WorkflowBucket", *RULES, 0, "ExpirationInDays", 8)),
    Mutant("P07_EXECUTIONS_EXPIRE", "foundation", "disabled", of("WorkflowBucket", *RULES, 0, "Status", "Disabled")),
    Mutant(
        "P07_EXECUTIONS_EXPIRE", "foundation", "other prefix", of("WorkflowBucket", *RULES, 0, "Prefix", "execution/")
    ),
    Mutant("P07_EXECUTIONS_EXPIRE", "foundation", "no prefix", without("WorkflowBucket", *RULES, 0, "Prefix")),
    Mutant(
        "P07_EXECUTIONS_EXPIRE",
        "foundation",
        "sooner by another rule",
        lambda data: data["Resources"]["WorkflowBucket"]["Properties"]["LifecycleConfiguration"]["Rules"].append(
            {"Status": "Enabled", "ExpirationInDays": 1}
        ),
    ),
    Mutant("P07_EXECUTIONS_EXPIRE", "foundation", "no rules", without("WorkflowBucket", "LifecycleConfiguration")),
    Mutant("P08_CONTEXT_PAYLOAD", "express", "sixth field", state("SiftStage", *PAYLOAD, "records.$", "$.records")),
    Mutant("P08_CONTEXT_PAYLOAD", "express", "no executionId", state_without("TakeStage", *PAYLOAD, "executionId.$")),
    Mutant(
        "P08_CONTEXT_PAYLOAD",
        "express",
        "executionId from input",
        state("TakeStage", *PAYLOAD, "executionId.$", "$.Execution.Name"),
    ),
    Mutant(
        "P08_CONTEXT_PAYLOAD",
        "express",
        "executionId a text",
        asl(lambda d: rename(d["States"]["TakeStage"]["Parameters"]["Payload"], "executionId.$", "executionId")),
    ),
    Mutant("P08_CONTEXT_PAYLOAD", "express", "no previousStage", state_without("KeepStage", *PAYLOAD, "previousStage")),
    Mutant("P08_CONTEXT_PAYLOAD", "express", "no currentStage", state_without("KeepStage", *PAYLOAD, "currentStage")),
    Mutant("P08_CONTEXT_PAYLOAD", "express", "fixed bucket", state("TellStage", *PAYLOAD, "workflowBucket", "bucket")),
    Mutant("P08_CONTEXT_PAYLOAD", "express", "body at the wrong stage", asl(swap_message_body)),
    Mutant("P08_CONTEXT_PAYLOAD", "express", "no payload", state_without("RateStage", "Parameters", "Payload")),
    Mutant(
        "P08_CONTEXT_PAYLOAD", "standard", "asynchronous", state("RateStage", "Parameters", "InvocationType", "Event")
    ),
    Mutant("P08_CONTEXT_PAYLOAD", "standard", "whole message", state("TakeStage", *PAYLOAD, "initialData.$", "$")),
    Mutant(
        "P13_EXPRESS_WAITS",
        "express",
        "does not wait",
        of("Pipe", *MACHINE_PARAMETERS, "InvocationType", "FIRE_AND_FORGET"),
    ),
    Mutant("P13_EXPRESS_WAITS", "express", "not said", without("Pipe", *MACHINE_PARAMETERS, "InvocationType")),
    Mutant("P13_EXPRESS_WAITS", "express", "no parameters", without("Pipe", "TargetParameters")),
    Mutant("P13_EXPRESS_WAITS", "standard", "type turned", of("StateMachine", "StateMachineType", "EXPRESS")),
    Mutant("P16_LAMBDA_RETRY", "express", "3 attempts", state("TakeStage", "Retry", 1, "MaxAttempts", 3)),
    Mutant("P16_LAMBDA_RETRY", "express", "after 10 s", state("SiftStage", "Retry", 1, "IntervalSeconds", 10)),
    Mutant("P16_LAMBDA_RETRY", "express", "backoff 1.5", state("RateStage", "Retry", 1, "BackoffRate", 1.5)),
    Mutant("P16_LAMBDA_RETRY", "express", "last stage alone", state_without("TellStage", "Retry")),
    Mutant(
        "P16_LAMBDA_RETRY",
        "express",
        "other error",
        state("KeepStage", "Retry", 1, "ErrorEquals", ["States.TaskFailed"]),
    ),
    Mutant("P16_LAMBDA_RETRY", "express", "two retriers", asl(spread_retriers)),
    Mutant("P16_PERMANENT_ERRORS", "express", "2 attempts", state("TakeStage", "Retry", 0, "MaxAttempts", 2)),
    Mutant("P16_PERMANENT_ERRORS", "express", "default", state_without("TakeStage", "Retry", 0, "MaxAttempts")),
    Mutant("P16_PERMANENT_ERRORS", "express", "no retrier", state_without("TellStage", "Retry", 0)),
    Mutant(
        "P16_PERMANENT_ERRORS", "standard", "not the first", asl(lambda d: d["States"]["RateStage"]["Retry"].reverse())
    ),
    Mutant(
        "P16_PERMANENT_ERRORS", "standard", "other name", state("KeepStage", "Retry", 0, "ErrorEquals", ["ValueError"])
    ),
    Mutant(
        "P16_LAMBDA_RETRY",
        "standard",
        "all errors permanent",
        state("TakeStage", "Retry", 0, "ErrorEquals", ["States.TaskFailed"]),
    ),
    Mutant("P16_LAMBDA_RETRY", "standard", "none left", state("TakeStage", "Retry", [])),
    Mutant("P17_RESULT_DISCARDED", "express", "kept by default", state_without("TakeStage", "ResultPath")),
    Mutant("P17_RESULT_DISCARDED", "express", "kept at a path", state("SiftStage", "ResultPath", "$.result")),
    Mutant("P17_RESULT_DISCARDED", "express", "kept by the last", state("TellStage", "ResultPath", "$")),
    Mutant("P17_RESULT_DISCARDED", "standard", "state narrowed", state("RateStage", "OutputPath", "$.body")),
    Mutant("P27_INVOCATION_FOLLOWS_TYPE", "express", "type turned", of("StateMachine", "StateMachineType", "STANDARD")),
    Mutant("P27_INVOCATION_FOLLOWS_TYPE", "standard", "type turned", of("StateMachine", "StateMachineType", "EXPRESS")),
    Mutant(
        "P27_INVOCATION_FOLLOWS_TYPE",
        "standard",
        "waits",
        of("Pipe", *MACHINE_PARAMETERS, "InvocationType", "REQUEST_RESPONSE"),
    ),
    Mutant("P27_INVOCATION_FOLLOWS_TYPE", "standard", "type not said", without("StateMachine", "StateMachineType")),
    Mutant(
        "P27_INVOCATION_FOLLOWS_TYPE",
        "express",
        "invocation not said",
        without("Pipe", *MACHINE_PARAMETERS, "InvocationType"),
    ),
    Mutant("P32_DEAD_LETTER_QUEUE", "express", "5 receives", of("Queue", "RedrivePolicy", "maxReceiveCount", 5)),
    Mutant("P32_DEAD_LETTER_QUEUE", "express", "no redrive", without("Queue", "RedrivePolicy")),
    Mutant(
        "P32_DEAD_LETTER_QUEUE",
        "express",
        "itself",
        of("Queue", "RedrivePolicy", "deadLetterTargetArn", "Fn::GetAtt", ["Queue", "Arn"]),
    ),
    Mutant(
        "P32_DEAD_LETTER_QUEUE",
        "express",
        "no queue",
        of("Queue", "RedrivePolicy", "deadLetterTargetArn", "Fn::GetAtt", ["PipeLogGroup", "Arn"]),
    ),
    Mutant("P32_DEAD_LETTER_QUEUE", "standard", "gone", drop("Resources", "DeadLetterQueue")),
    Mutant("P32_DEAD_LETTER_QUEUE", "standard", "7 days", of("DeadLetterQueue", "MessageRetentionPeriod", 604_800)),
    Mutant("P35_EXECUTION_LOGS", "express", "errors only", of("StateMachine", LOGS, "Level", "ERROR")),
    Mutant("P35_EXECUTION_LOGS", "express", "no data", of("StateMachine", LOGS, "IncludeExecutionData", False)),
    Mutant("P35_EXECUTION_LOGS", "express", "nowhere", of("StateMachine", LOGS, "Destinations", [])),
    Mutant("P35_EXECUTION_LOGS", "express", "no logging", without("StateMachine", LOGS)),
    Mutant("P18_STANDARD_EXECUTION", "standard", "no logging", without("StateMachine", LOGS)),
    Mutant("P35_EXECUTION_LOGS", "standard", "group gone", drop("Resources", "StateMachineLogGroup")),
    Mutant("P35_EXECUTION_TRACING", "express", "off", of("StateMachine", "TracingConfiguration", "Enabled", False)),
    Mutant("P35_EXECUTION_TRACING", "express", "not said", without("StateMachine", "TracingConfiguration")),
    Mutant("P35_EXECUTION_TRACING", "express", "empty", of("StateMachine", "TracingConfiguration", {})),
    Mutant("P18_STANDARD_EXECUTION", "standard", "empty tracing", of("StateMachine", "TracingConfiguration", {})),
    Mutant(
        "P35_FUNCTION_TRACING",
        "express",
        "passed through",
        of("TellFunction", "TracingConfig", "Mode", "PassThrough"),
    ),
    Mutant("P35_FUNCTION_TRACING", "express", "not said", without("TakeFunction", "TracingConfig")),
    Mutant("P35_FUNCTION_TRACING", "standard", "empty", of("KeepFunction", "TracingConfig", {})),
    Mutant("P35_LOG_RETENTION", "express", "30 days", of("PipeLogGroup", "RetentionInDays", 30)),
    Mutant("P35_LOG_RETENTION", "express", "for ever", without("TakeFunctionLogGroup", "RetentionInDays")),
    Mutant("P35_LOG_RETENTION", "standard", "a text", of("StateMachineLogGroup", "RetentionInDays", "14")),
    Mutant("P41_PIPE", "express", "no pipe", drop("Resources", "Pipe")),
    Mutant(
        "P41_PIPE", "express", "batches of 10", of("Pipe", "SourceParameters", "SqsQueueParameters", "BatchSize", 10)
    ),
    Mutant("P41_PIPE", "express", "batch size not said", without("Pipe", "SourceParameters")),
    Mutant("P41_PIPE", "express", "no queue", of("Pipe", "Source", {"Fn::GetAtt": ["PipeLogGroup", "Arn"]})),
    Mutant("P41_PIPE", "standard", "another target", of("Pipe", "Target", {"Ref": "TakeFunction"})),
    Mutant(
        "P41_PIPE_PASSES_ALL", "express", "filter", of("Pipe", "SourceParameters", "FilterCriteria", {"Filters": []})
    ),
    Mutant("P41_PIPE_PASSES_ALL", "express", "rewrites", of("Pipe", "TargetParameters", "InputTemplate", "<$.body>")),
    Mutant("P41_PIPE_PASSES_ALL", "standard", "stopped", of("Pipe", "DesiredState", "STOPPED")),
    Mutant(
        "P41_PIPE_PASSES_ALL", "standard", "enriched", of("Pipe", "Enrichment", {"Fn::GetAtt": ["TakeFunction", "Arn"]})
    ),
    *ADOPTING_MUTANTS,
    *DEPLOY_MUTANTS,
    *NAME_MUTANTS,
    *OPERATION_MUTANTS,
    *QUEUE_MUTANTS,
    *ROLE_MUTANTS,
    *SECURE_MUTANTS,
    *TAMPERING_MUTANTS,
    *TRIGGER_MUTANTS,
    *WORKFLOW_MUTANTS,
]
