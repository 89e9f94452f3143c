"""A workflow as declared: frozen values, made by `config.parse_workflow` alone, which refuses the invalid ones."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeAlias, assert_never

import msgspec
from msgspec import Meta

from handlers.runtime.needs import whole
from templates.fragment import Fragment
from templates.naming import EVENT_BUS_PARAMETER, FUNCTION_ARN_PARAMETER, QUEUE_NAME_PARAMETER
from templates.triggers import ObjectEvents, Schedule


class WorkflowType(StrEnum):
    """The type of the state machine; the pipe's invocation type follows it (requirement 6.5)."""

    EXPRESS = "EXPRESS"
    STANDARD = "STANDARD"


JOB_DEFAULT_MIN: Final = 480
"""Glue's own Timeout. Source: AWS::Glue::Job."""

LOG_RETENTION_DAYS: Final = 14
"""Requirement 9.3."""

# Source: AWS::Logs::LogGroup RetentionInDays.
Days: TypeAlias = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
Reason = Annotated[str, Meta(description="why, in a sentence: it becomes the waiver of the policy rule")]


class LogRetention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long logs are kept, where that is not what policy demands."""

    value: Annotated[Days, Meta(description="days that CloudWatch Logs knows")]
    reason: Reason


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A retrier: how often a failed task is tried again, and how long it waits first."""

    max_attempts: Annotated[int, Meta(ge=0, le=10, description="attempts after the first")] = 2
    interval_s: Annotated[int, Meta(ge=1, le=3600, description="seconds before the first retry")] = 20
    backoff_rate: Annotated[float, Meta(ge=1, le=10, description="factor by which each wait grows")] = 2.0
    reason: Reason | None = None

    @property
    def is_default(self) -> bool:
        """Whether it is what policy demands."""
        return msgspec.structs.replace(self, reason=None) == type(self)()


class GlueRetryPolicy(RetryPolicy, frozen=True, kw_only=True):
    """The retrier of a Glue task, whose cause takes longer to go away."""

    interval_s: Annotated[int, Meta(ge=1, le=3600, description="seconds before the first retry")] = 300


class Retries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The retriers of Lambda and of Glue tasks; the defaults are what the policy demands (properties 16 and 24)."""

    lambda_: RetryPolicy = msgspec.field(name="lambda", default=RetryPolicy())
    glue: GlueRetryPolicy = GlueRetryPolicy()


Stage = Annotated[
    str,
    Meta(
        pattern=whole("[A-Z][A-Za-z0-9]*"),
        description="state name and S3 folder: letters and digits, a capital first, e.g. ScoreStage",
    ),
]


class FunctionNaming(StrEnum):
    """Whether the template names a function, or CloudFormation generates its name (requirement 10.2)."""

    EXPLICIT = "explicit"
    GENERATED = "generated"


_NAMING: Final = "explicit: {StackName}-{Environment}-{Purpose}; generated: CloudFormation names the function"


class LambdaStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step that a Lambda function does; `handler` names a module of `handlers/`."""

    stage: Stage
    handler: Annotated[str, Meta(description="a module of handlers/, without .py")]
    timeout_s: Annotated[
        int, Meta(ge=1, le=900, description="seconds; AWS Lambda allows at most 900, longer work is for a Glue step")
    ] = 60
    memory_mb: Annotated[int, Meta(ge=128, le=10240, description="MB; AWS Lambda allows 128 to 10240")] = 1024
    reserved_concurrency: (
        Annotated[int, Meta(ge=1, description="at most this many run at once, to protect what they call")] | None
    ) = None
    settings: Annotated[
        dict[str, Any],
        Meta(
            description="the handler's own settings; texts may hold ${Environment}, ${AWS::AccountId}, ${AWS::Region}"
        ),
    ] = {}
    environment: Annotated[
        dict[str, str],
        Meta(description="variables for libraries: texts, numbers in quotes; they may hold the same placeholders"),
    ] = {}
    ephemeral_storage_mb: (
        Annotated[int, Meta(ge=512, le=10240, description="MB of /tmp; AWS Lambda allows 512 to 10240")] | None
    ) = None
    rejected_percent: Annotated[
        int, Meta(ge=1, le=100, description="an alarm fires when more of an hour's records are rejected; 100: never")
    ] = 50
    naming: Annotated[FunctionNaming, Meta(description=f"{_NAMING} (default: as the workflow says)")] | None = None


LEGACY_HANDLER: Final = "runtime.legacy"
"""The module of `handlers` that hands records to a function of the team's own."""


class LegacyStep(LambdaStep, frozen=True, kw_only=True):
    """A step that an existing function does, which takes and returns payloads; ours calls it (requirement 10.3)."""

    legacy: Annotated[
        str,
        Meta(
            pattern=whole(FUNCTION_ARN_PARAMETER),
            description="the parameter that gives the existing function's ARN, also of a version or an alias; it ends "
            "in FunctionArn, e.g. ScoreFunctionArn",
        ),
    ]
    handler: Literal["runtime.legacy"] = LEGACY_HANDLER


class GlueStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step that a Glue job does; `glue` names a script of `glue/`."""

    stage: Stage
    glue: Annotated[str, Meta(description="a script of glue/, without .py")]
    workers: Annotated[int, Meta(ge=2, le=299, description="number of workers, the driver included")] = 2
    worker_type: Annotated[str, Meta(pattern=whole("G[.](1|2|4|8)X"), description="G.1X, G.2X, G.4X or G.8X")] = "G.1X"
    timeout_min: Annotated[int, Meta(ge=1, le=10079, description="minutes; AWS Glue allows less than 10080")] = (
        JOB_DEFAULT_MIN
    )


Step: TypeAlias = LambdaStep | GlueStep


STEP_CLASSES: Final[dict[str, type[Step]]] = {"handler": LambdaStep, "glue": GlueStep, "legacy": LegacyStep}
"""The classes of steps by the key by which a declaration chooses one."""


class StepKind(StrEnum):
    """What does a step's work.

    Code that differs by kind is a `match` that ends in `assert_never`: the type checker finds a forgotten kind.
    """

    LAMBDA = "lambda"
    GLUE = "glue"

    @property
    def takes_payload(self) -> bool:
        """Whether the message can be handed to a first step; for one that takes no payload, a task puts it on S3."""
        match self:
            case StepKind.LAMBDA:
                return True
            case StepKind.GLUE:
                return False
            case _:
                assert_never(self)


def kind_of(step: Step) -> StepKind:
    match step:
        case LambdaStep():
            return StepKind.LAMBDA
        case GlueStep():
            return StepKind.GLUE
        case _:
            assert_never(step)


_QueueParameter = Annotated[
    str,
    Meta(
        pattern=whole(QUEUE_NAME_PARAMETER),
        description="the parameter that gives the name of an existing queue; ends in QueueName, e.g. OrdersQueueName",
    ),
]


class Adoption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What exists already, and is used as it is; each a parameter with a name, of the stack's account and region."""

    queue: _QueueParameter | None = None
    dead_letter_queue: _QueueParameter | None = None
    event_bus: (
        Annotated[
            str,
            Meta(
                pattern=whole(EVENT_BUS_PARAMETER),
                description="the parameter that gives the name of the event bus to publish to, instead of default; it "
                "ends in EventBusName, e.g. OrdersEventBusName",
            ),
        ]
        | None
    ) = None


WorkflowName: TypeAlias = Annotated[
    str, Meta(pattern=whole("[a-z][a-z0-9-]*"), description="part of every name: a-z, 0-9 and hyphens")
]


class Declaration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a declaration says besides its steps, which msgspec could not tell apart by their keys."""

    name: WorkflowName
    type: Annotated[WorkflowType, Meta(description="EXPRESS: five minutes in all, Lambda only; STANDARD: longer, Glue")]
    description: Annotated[str, Meta(description="a sentence for reviewers")] = ""
    retry: Annotated[Retries, Meta(description="the retriers; policy demands the defaults, others need a reason")] = (
        Retries()
    )
    schedule: Annotated[Schedule, Meta(description="sends a message by the clock")] | None = None
    s3_events: (
        Annotated[ObjectEvents, Meta(description="sends a message for each new object of the source bucket")] | None
    ) = None
    naming: Annotated[FunctionNaming, Meta(description=_NAMING)] = FunctionNaming.EXPLICIT
    adopt: Annotated[
        Adoption, Meta(description="existing queues and event bus: the template makes none, and takes their names")
    ] = Adoption()
    tags: Annotated[
        dict[str, str], Meta(description="of every resource that takes tags; numbers in quotes; may hold placeholders")
    ] = {}
    vpc: Annotated[bool, Meta(description="functions run in a VPC, whose subnets each deployment names")] = False
    permissions_boundary: Annotated[
        bool, Meta(description="every role has a permissions boundary, which each deployment names")
    ] = False
    log_retention_days: (
        Annotated[Days, Meta(description="policy demands 14; other days need a reason: {value: 90, reason: ...}")]
        | LogRetention
    ) = LOG_RETENTION_DAYS
    dashboard: Annotated[
        bool, Meta(description="a CloudWatch dashboard of the workflow, for which CloudWatch may charge each month")
    ] = True
    resources: (
        Annotated[str, Meta(description="a file beside this one with resources of your own, as in a template")] | None
    ) = None
    overrides: Annotated[
        dict[str, dict[str, Any]],
        Meta(description="logical id -> properties that are merged last; policy judges the result"),
    ] = {}

    def names(self, step: Step) -> bool:
        """Tell whether a step's function or job has a name of ceap's, not one that CloudFormation generates."""
        return not isinstance(step, LambdaStep) or (step.naming or self.naming) is FunctionNaming.EXPLICIT


class Workflow(Declaration, frozen=True, kw_only=True):
    """A workflow: its stages in order, each reading the output of the one before."""

    steps: tuple[Step, ...]
    own: Fragment | None = None
    """What the file of `resources` holds."""

    @property
    def lambda_steps(self) -> tuple[LambdaStep, ...]:
        return tuple(step for step in self.steps if isinstance(step, LambdaStep))

    @property
    def glue_steps(self) -> tuple[GlueStep, ...]:
        return tuple(step for step in self.steps if isinstance(step, GlueStep))

    @property
    def legacy_functions(self) -> dict[str, str]:
        """The parameters that name existing functions, each with the first stage that it does."""
        found: dict[str, str] = {}
        for step in self.steps:
            if isinstance(step, LegacyStep):
                found.setdefault(step.legacy, step.stage)
        return found

    @property
    def has_lambda_retrier(self) -> bool:
        """Whether a task has the retrier of Lambda tasks; the one that puts the message on S3 has it, too."""
        return bool(self.lambda_steps) or self.has_stage_input

    @property
    def retention_days(self) -> int:
        kept = self.log_retention_days
        return kept.value if isinstance(kept, LogRetention) else kept

    @property
    def has_triggers(self) -> bool:
        """Whether something sends messages by itself."""
        return self.schedule is not None or self.s3_events is not None

    @property
    def has_stage_input(self) -> bool:
        """Whether a task puts the message on S3 for the first step."""
        return not kind_of(self.steps[0]).takes_payload

    def previous(self, step: Step) -> str | None:
        """Return the stage whose output a step reads; None for the first step."""
        index = self.steps.index(step)
        return self.steps[index - 1].stage if index else None
