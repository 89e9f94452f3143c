"""Every physical name, logical id and ARN that the templates contain: the one place.

Physical names are `Fn::Sub` texts: `${Environment}` is the template parameter, filled when the stack is deployed.
"""

from typing import Final

PREFIX: Final = "ceap"
ENVIRONMENT_MAX: Final = 12
"""The longest environment name, in characters."""
ENVIRONMENT_PATTERN: Final = f"^[a-z][a-z0-9]{{0,{ENVIRONMENT_MAX - 1}}}$"
"""What an environment may be called: the AllowedPattern of the parameter."""

FUNCTION_ARN_PARAMETER: Final = "[A-Z][A-Za-z0-9]*FunctionArn"
"""What a parameter is called that gives the ARN of an existing function."""
FUNCTION_ARN_PATTERN: Final = (
    r"^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(:(\$LATEST|[A-Za-z0-9_-]{1,128}))?$"
)
"""What the ARN of a function, or of a version or an alias, is. Source: Lambda API Reference, "Invoke"."""

QUEUE_NAME_PARAMETER: Final = "[A-Z][A-Za-z0-9]*QueueName"
EVENT_BUS_PARAMETER: Final = "[A-Z][A-Za-z0-9]*EventBusName"
"""What parameters are called that give the name of an existing queue, or of an event bus."""
QUEUE_NAME_PATTERN: Final = "^[A-Za-z0-9_-]{1,80}$"
"""What a queue may be called; the name of a FIFO queue ends in `.fifo`. Source: SQS API Reference, "CreateQueue"."""
EVENT_BUS_PATTERN: Final = "^[A-Za-z0-9._-]{1,256}$"
"""What an event bus may be called. Source: EventBridge API Reference, "CreateEventBus"."""

NAMING_KEY: Final = "naming"
"""The key below `Metadata: {ceap: ...}` of a function whose name CloudFormation generates; the value says so."""
GENERATED_MAX: Final = 64
"""How long CloudFormation makes the name of a function or a role at most: what IAM and Lambda allow."""
_RANDOM: Final = "-XXXXXXXXXXXX"

FOUNDATION: Final = "foundation"
DEPLOY: Final = "deploy"
WORKFLOW_BUCKET_PREFIX: Final = "ceap-workflow-"
WORKFLOW_BUCKET: Final = f"{WORKFLOW_BUCKET_PREFIX}${{Environment}}-${{AWS::AccountId}}"
WORKFLOW_BUCKET_ARN: Final = f"arn:${{AWS::Partition}}:s3:::{WORKFLOW_BUCKET}"
ARTIFACT_BUCKET_PREFIX: Final = "ceap-artifacts-"
ARTIFACT_BUCKET: Final = f"{ARTIFACT_BUCKET_PREFIX}${{Environment}}-${{AWS::AccountId}}"
ARTIFACT_BUCKET_ARN: Final = f"arn:${{AWS::Partition}}:s3:::{ARTIFACT_BUCKET}"
WORKFLOW_BUCKET_ID: Final = "WorkflowBucket"
ARTIFACT_BUCKET_ID: Final = "ArtifactBucket"
BUCKET_NAME: Final = "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
"""What a bucket may be called. Source: Amazon S3 User Guide, "General purpose bucket naming rules"."""
ALERT_TOPIC: Final = "ceap-alerts-${Environment}"
ALERT_TOPIC_ID: Final = "AlertTopic"
ALERT_EMAIL_PARAMETER: Final = "AlertEmail"
ALERT_EMAIL_CONDITION: Final = "HasAlertEmail"
TOPIC_ARN: Final = "arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}"
"""The ARN of a topic; that of a FIFO topic, which no alarm can publish to, has a dot. Source: SNS, "CreateTopic"."""
EVENT_BUS: Final = "default"
SCHEDULE: Final = "schedule"
"""What the names of a workflow's schedule and of its group end in: the role trusts the group alone."""
ALERT_DEAD_LETTER_QUEUE: Final = "alert-dead-letter-queue"
TRIGGER_DEAD_LETTER_QUEUE: Final = "trigger-dead-letter-queue"
KMS_KEY_PARAMETER: Final = "KmsKeyArn"
KMS_KEY_CONDITION: Final = "HasKmsKey"
SUBNETS_PARAMETER: Final = "SubnetIds"
SECURITY_GROUPS_PARAMETER: Final = "SecurityGroupIds"
BOUNDARY_PARAMETER: Final = "PermissionsBoundary"
HANDLERS_PREFIX_PARAMETER: Final = "HandlersPrefix"
BASE_SET: Final = "base"
"""What the packages that every function has are called, where a set of them is named."""
GLUE_PREFIX_PARAMETER: Final = "GluePrefix"
GLUE_LIBRARY: Final = "lib.zip"
FUNCTION_LOGS: Final = "/aws/lambda/"
JOB_LOGS: Final = "/aws-glue/jobs"
# Other names than these would fill up the 5,120 characters of the log resource policy.
STATE_MACHINE_LOGS: Final = "/aws/vendedlogs/states/"
PIPE_LOGS: Final = "/aws/vendedlogs/pipes/"
EXTRA_PY_FILES: Final = "--extra-py-files"
"""The argument by which Glue puts archives on the Python path of driver and workers."""


def base(workflow: str) -> str:
    """Return `{StackName}`, the base of a workflow's names, e.g. `ceap-realtime`."""
    return f"{PREFIX}-{workflow}"


def stack(name: str, environment: str) -> str:
    """Return the name of a stack, e.g. `ceap-realtime-dev`; `name` is that of its template: `foundation`, `deploy`...

    That of the deploy roles begins otherwise: the caller may change all that begin with `ceap-`.
    """
    return f"{DEPLOY}-{PREFIX}-{environment}" if name == DEPLOY else f"{base(name)}-{environment}"


def resource(workflow: str, suffix: str = "") -> str:
    """Return a physical name of a workflow: `ceap-realtime-${Environment}`, then `-{suffix}` if there is one."""
    return f"{base(workflow)}-${{Environment}}" + (f"-{suffix}" if suffix else "")


def purpose(stage: str) -> str:
    """Return what a stage is called in names: the stage without its ending `Stage`."""
    return stage.removesuffix("Stage")


def function(workflow: str, stage: str) -> str:
    """Return a function's name, `{StackName}-{Environment}-{Purpose}` (requirement 1.1)."""
    return resource(workflow, purpose(stage))


def longest(name: str) -> int:
    """Return how many characters a name has in the longest environment."""
    return len(name) - len("${Environment}") + ENVIRONMENT_MAX


def longest_function(workflow: str, stage: str) -> int:
    """Return how many characters a function's name has in the longest environment; AWS allows 64."""
    return longest(function(workflow, stage))


def kept_of_stack(logical_id: str, length: int = GENERATED_MAX) -> int:
    """Return how many characters of a stack's name, at most, CloudFormation keeps in a name that it generates.

    The stack and the resource have half of the room each, and what the other leaves of its half.
    Source: `IdentifierUtils` of the Java plugin of the CloudFormation CLI, AWS's library for resource types.
    """
    room = length - len(_RANDOM) - 1
    return max((room + 1) // 2, room - len(logical_id))


def generated(stack_name: str, logical_id: str, random: str = _RANDOM, length: int = GENERATED_MAX) -> str:
    """Return a name as CloudFormation generates it: `ceap-realtime-dev-ETLFunction-` and 12 random characters."""
    begin = stack_name[: kept_of_stack(logical_id, length)]
    return f"{begin}-{logical_id[: length - len(begin) - 1 - len(random)]}{random}"


def job(workflow: str, stage: str) -> str:
    """Return a Glue job's name; it follows the convention of the functions."""
    return resource(workflow, purpose(stage))


def job_log_prefix(workflow: str, stage: str) -> str:
    """Return what Glue's log groups begin with; `/output` and `/error` follow."""
    return f"{JOB_LOGS}/{job(workflow, stage)}"


def table(name: str) -> str:
    """Return the name that the foundation gives a table it creates, e.g. `ceap-score-cache-${Environment}`."""
    return f"{PREFIX}-{name.replace('_', '-')}-${{Environment}}"


def longest_table(name: str) -> int:
    """Return how many characters a table's name has in the longest environment."""
    return longest(table(name))


def export(name: str) -> str:
    """Return the name under which the foundation exports a value to the workflow stacks of its environment."""
    return f"{PREFIX}-{FOUNDATION}-${{Environment}}-{name}"


def template_file(stack: str) -> str:
    """Return the file name of a stack's template; `stack` is a workflow's name or `foundation`."""
    return f"{stack}.template.yaml"


def function_id(stage: str) -> str:
    """Return a function's logical id; `{id}Role` and `{id}LogGroup` are those of its role and log group."""
    return f"{purpose(stage)}Function"


def job_id(stage: str) -> str:
    """Return a Glue job's logical id; `{id}Role`, `{id}OutputLogGroup` and `{id}ErrorLogGroup` belong to it."""
    return f"{purpose(stage)}Job"


def table_id(name: str) -> str:
    """Return a table's logical id, e.g. `ScoreCacheTable`; `{id}Name` is its parameter and its export."""
    return "".join(word.capitalize() for word in name.split("_")) + "Table"


def creation(logical_id: str) -> str:
    """Return the condition under which the foundation makes a resource, and does not adopt one."""
    return f"Create{logical_id}"


def adoption(logical_id: str) -> str:
    """Return the parameter that names what the foundation adopts in place of a resource."""
    return f"{logical_id}{'Arn' if logical_id == ALERT_TOPIC_ID else 'Name'}"


def alarm_id(suffix: str) -> str:
    """Return the logical id of the alarm whose name ends in `suffix`, e.g. `QueueAgeAlarm` of `queue-age`."""
    return "".join(word[0].upper() + word[1:] for word in suffix.split("-")) + "Alarm"


def query(workflow: str, name: str) -> str:
    """Return the name of a saved query, in a folder of its workflow: `ceap-realtime-${Environment}/log-volume`."""
    return f"{resource(workflow)}/{name}"


def query_id(name: str) -> str:
    """Return the logical id of the saved query of that name in its folder, e.g. `LogVolumeQuery` of `log-volume`."""
    return "".join(word.capitalize() for word in name.split("-")) + "Query"


def arn(service: str, resource_text: str) -> str:
    """Return the ARN of a resource in this stack's account and region."""
    return f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource_text}"


def adopted_queue_arn(parameter: str) -> str:
    """Return the ARN of the queue whose name a parameter gives, in this stack's account and region."""
    return arn("sqs", f"${{{parameter}}}")


def adopted_queue_url(parameter: str) -> str:
    """Return the URL of the queue whose name a parameter gives. Source: SQS Developer Guide, "Queue URL"."""
    return f"https://sqs.${{AWS::Region}}.${{AWS::URLSuffix}}/${{AWS::AccountId}}/${{{parameter}}}"


def ec2_arn_of_any_account(resource_text: str) -> str:
    """Return the ARN of a resource of EC2 in this region: a VPC may be one that another account shares."""
    return f"arn:${{AWS::Partition}}:ec2:${{AWS::Region}}:*:{resource_text}"


def secret_arn(name: str) -> str:
    """Return the pattern of a secret's ARN, which ends in six characters of AWS's.

    `*` would fit longer names, too. Source: Secrets Manager User Guide, "Limiting Access to Specific Secrets".
    """
    return arn("secretsmanager", f"secret:{name}-??????")


def parameter_arn(name: str) -> str:
    """Return a parameter's ARN; that of a name with levels has no second slash."""
    return arn("ssm", f"parameter/{name.removeprefix('/')}")


def bucket_arn(bucket: str) -> str:
    """Return the ARN of a bucket, e.g. of `${WorkflowBucket}`."""
    return f"arn:${{AWS::Partition}}:s3:::{bucket}"


def zip_name(packages: str | None) -> str:
    """Return the file name of the functions' zip with a set of packages; None: with those of every function alone."""
    return f"{packages or BASE_SET}.zip"


def code_key(packages: str | None) -> str:
    """Return the key of the functions' zip with a set of packages in the artifact bucket (an Fn::Sub text)."""
    return f"${{{HANDLERS_PREFIX_PARAMETER}}}{zip_name(packages)}"


def script_key(job: str) -> str:
    """Return the key of a Glue job's script in the artifact bucket (an Fn::Sub text)."""
    return f"${{{GLUE_PREFIX_PARAMETER}}}{job}.py"


def library_key() -> str:
    """Return the key of what all Glue jobs share in the artifact bucket (an Fn::Sub text)."""
    return f"${{{GLUE_PREFIX_PARAMETER}}}{GLUE_LIBRARY}"


ADOPTABLE: Final = {
    WORKFLOW_BUCKET: WORKFLOW_BUCKET_ID,
    ARTIFACT_BUCKET: ARTIFACT_BUCKET_ID,
    arn("sns", ALERT_TOPIC): ALERT_TOPIC_ID,
}
"""What the foundation makes unless its parameters name what to adopt, but for tables: the logical id by name or ARN."""
