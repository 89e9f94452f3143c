"""Wrong names: changes to the names of a golden template that would keep two stacks from standing side by side.

In the workflow `mixed` CloudFormation names SiftFunction and KeepFunction; TakeFunction has a name.
"""

from __future__ import annotations

from tests.policy.changes import Change, Mutant, drop, of, put, sub, swap, without

ENVIRONMENT = ("Parameters", "Environment")
EXPORT = ("Outputs", "AlertTopic", "Export", "Name")
STATEMENTS = ("Policies", 0, "PolicyDocument", "Statement")
CALLER = (*STATEMENTS, -1, "Condition", "ArnEquals", "lambda:SourceFunctionArn")
GROUP = ("LoggingConfig", "LogGroup")
EXPLICIT = "ceap-mixed-${Environment}-"
ANY_FUNCTION = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:*"


def naming(function: str, value: object) -> Change:
    """Return the change by which a function's Metadata says how it is named."""
    return put("Resources", function, "Metadata", {"ceap": {"naming": value}})


def unmarked(function: str) -> Change:
    return drop("Resources", function, "Metadata")


def group(function: str, name: object) -> Change:
    return of(f"{function}LogGroup", "LogGroupName", name)


GENERATED = [
    Mutant(f"P01_{rule}", "mixed", name, change)
    for rule, name, change in (
        ("FUNCTION_NAME", "generated unsaid", unmarked("SiftFunction")),
        ("FUNCTION_NAME", "a list of one", naming("SiftFunction", ["generated"])),
        ("FUNCTION_NAME", "generated beside a name", of("SiftFunction", "FunctionName", sub(f"{EXPLICIT}Sift"))),
        ("FUNCTION_NAME", "generated beside a fixed name", of("KeepFunction", "FunctionName", "keep")),
        ("FUNCTION_NAME", "a name marked generated", naming("TakeFunction", "generated")),
        ("FUNCTION_NAME", "explicit in Metadata", naming("TakeFunction", "explicit")),
        ("FUNCTION_NAME", "explicit without a name", naming("SiftFunction", "explicit")),
        ("FUNCTION_NAME", "other spelling", naming("SiftFunction", "Generated")),
        ("FUNCTION_NAME", "a list", naming("SiftFunction", ["generated", "explicit"])),
        ("FUNCTION_NAME", "true", naming("SiftFunction", True)),
        ("FUNCTION_NAME", "a parameter", naming("SiftFunction", {"Ref": "Environment"})),
        ("FUNCTION_NAME", "named otherwise beside others", of("TakeFunction", "FunctionName", sub("take"))),
        ("FUNCTION_LOG_GROUP", "default of a generated name", without("SiftFunction", "LoggingConfig")),
        ("FUNCTION_LOG_GROUP", "of another template", of("SiftFunction", *GROUP, {"Ref": "OtherLogGroup"})),
        ("FUNCTION_LOG_GROUP", "a text", of("SiftFunction", *GROUP, "/aws/lambda/sift")),
        ("FUNCTION_LOG_GROUP", "not a log group", of("SiftFunction", *GROUP, {"Ref": "Queue"})),
        ("FUNCTION_LOG_GROUP", "elsewhere", group("SiftFunction", sub("/ceap/ceap-mixed-${Environment}-Sift"))),
        ("FUNCTION_LOG_GROUP", "after the function", group("KeepFunction", sub("/aws/lambda/${KeepFunction}"))),
        ("FUNCTION_LOG_GROUP", "no environment", group("KeepFunction", sub("/aws/lambda/ceap-mixed-Keep"))),
        ("FUNCTION_LOG_GROUP", "no purpose", group("KeepFunction", sub("/aws/lambda/ceap-mixed-${Environment}"))),
        ("FUNCTION_LOG_GROUP", "no name of its own", without("KeepFunctionLogGroup", "LogGroupName")),
        (
            "FUNCTION_LOG_GROUP",
            "with a suffix",
            group("KeepFunction", sub("/aws/lambda/ceap-mixed-${Environment}-Keep-x7k2")),
        ),
        ("FUNCTION_LOG_GROUP", "a generated one's", of("TakeFunction", *GROUP, {"Ref": "KeepFunctionLogGroup"})),
    )
]
NAME_CHECK_MUTANTS = [
    Mutant(rule, "mixed", name, change)
    for rule, name, change in (
        (
            "P38_ONE_STACK_NAME",
            "logs of a generated name named after another stack",
            group("SiftFunction", sub("/aws/lambda/ceap-other-${Environment}-Sift")),
        ),
        (
            "P38_ONE_STACK_NAME",
            "logs of a generated name in a stack that begins alike",
            group("KeepFunction", sub("/aws/lambda/ceap-mixed-b-${Environment}-Keep")),
        ),
        ("P38_ONE_STACK_NAME", "another stack", of("TakeFunction", "FunctionName", sub("ceap-${Environment}-Take"))),
        (
            "WIRE06_STAGE_RUNS_ITS_OWN",
            "logs of two generated names swapped",
            swap("SiftFunctionLogGroup", "KeepFunctionLogGroup", "LogGroupName"),
        ),
        (
            "WIRE06_STAGE_RUNS_ITS_OWN",
            "logs of no stage",
            group("SiftFunction", sub("/aws/lambda/ceap-mixed-${Environment}-Other")),
        ),
        ("WIRE02_LOG_DESTINATION", "two generated names", of("SiftFunction", *GROUP, {"Ref": "KeepFunctionLogGroup"})),
        ("WIRE02_LOG_DESTINATION", "of a named one", of("SiftFunction", *GROUP, {"Ref": "TakeFunctionLogGroup"})),
        (
            "SEC11_NETWORK",
            "any function, of a named one",
            of("TakeFunctionRole", *CALLER, sub(ANY_FUNCTION)),
        ),
        (
            "SEC11_NETWORK",
            "one name, of a generated one",
            of("SiftFunctionRole", *CALLER, sub(ANY_FUNCTION.replace("*", f"{EXPLICIT}Sift"))),
        ),
        ("SEC11_NETWORK", "any ARN, of a generated one", of("SiftFunctionRole", *CALLER, "*")),
        ("CFN02_NAMES_UNIQUE", "logs of two", group("SiftFunction", sub("/aws/lambda/ceap-mixed-${Environment}-Keep"))),
    )
]

FIXED = [
    Mutant(f"P38_{rule}", kind, name, change)
    for rule, kind, name, change in (
        ("NAMES", "foundation", "fixed bucket", of("WorkflowBucket", "BucketName", "ceap-workflow")),
        (
            "NAMES",
            "foundation",
            "one per account",
            of("ArtifactBucket", "BucketName", "Fn::Sub", "x-${AWS::AccountId}"),
        ),
        ("NAMES", "foundation", "fixed table", of("RatingsTable", "TableName", {"Fn::Sub": "ceap-ratings"})),
        ("NAMES", "foundation", "fixed topic", of("AlertTopic", "TopicName", "ceap-alerts")),
        ("NAMES", "express", "fixed queue", of("Queue", "QueueName", "ceap-express-queue")),
        ("NAMES", "express", "fixed state machine", of("StateMachine", "StateMachineName", "ceap-express")),
        ("NAMES", "express", "fixed pipe", of("Pipe", "Name", {"Fn::Sub": "ceap-express"})),
        ("NAMES", "express", "fixed alarm", of("QueueAgeAlarm", "AlarmName", {"Fn::Sub": "ceap-queue-age"})),
        ("NAMES", "standard", "fixed rule", of("FailureRule", "Name", "ceap-standard-failures")),
        ("NAMES", "standard", "fixed job", of("HeavyJob", "Name", {"Fn::Sub": "ceap-standard-Heavy"})),
        ("NAMES", "standard", "one per Region", of("PipeLogGroup", "LogGroupName", "Fn::Sub", "/aws/${AWS::Region}")),
        ("NAMES", "standard", "fixed function", of("TakeFunction", "FunctionName", "ceap-standard-dev-Take")),
        ("ROLE_NAMES", "express", "of a function", of("TakeFunctionRole", "RoleName", {"Fn::Sub": "x-${Environment}"})),
        ("ROLE_NAMES", "express", "of the pipe", of("PipeRole", "RoleName", "pipe")),
        ("ROLE_NAMES", "standard", "of the job", of("HeavyJobRole", "RoleName", "job")),
        ("EXPORT_NAMES", "foundation", "fixed", put(*EXPORT, "AlertTopic")),
        ("EXPORT_NAMES", "foundation", "fixed by Fn::Sub", put(*EXPORT, "Fn::Sub", "ceap-foundation-AlertTopic")),
        ("EXPORT_NAMES", "foundation", "one per account", put(*EXPORT, "Fn::Sub", "${AWS::AccountId}-AlertTopic")),
        ("ENVIRONMENT", "foundation", "by default", put(*ENVIRONMENT, "Default", "dev")),
        ("ENVIRONMENT", "express", "any", drop(*ENVIRONMENT, "AllowedPattern")),
        ("ENVIRONMENT", "standard", "with hyphens", put(*ENVIRONMENT, "AllowedPattern", "^[a-z][a-z0-9-]{0,11}$")),
        ("ENVIRONMENT", "standard", "too long", put(*ENVIRONMENT, "AllowedPattern", "^[a-z][a-z0-9]{0,12}$")),
    )
]

NAME_MUTANTS = [*GENERATED, *FIXED]
