"""Schedules of EventBridge Scheduler, which here fire when a run asks for it, not by the clock.

Source: EventBridge Scheduler User Guide, "Using templated targets", "Configuring a dead-letter queue"; API Reference,
"Target".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types
from moto.core.common_models import CloudFormationModel
from moto.sqs.models import sqs_backends

from ceap.local.deliveries import Delivery, reasons
from ceap.local.metrics import metrics_of
from ceap.local.service_clients import ClientOf
from ceap.local.sessions import Session
from ceap.local.stack_models import ResourceError, StackModel, kept
from templates.schedule_expression import expression_problem

_TARGET: Final = {"Arn", "RoleArn", "Input", "DeadLetterConfig", "RetryPolicy"}
_CONTEXT: Final = "<aws.scheduler."


class ScheduleGroup(StackModel, CloudFormationModel):
    """AWS::Scheduler::ScheduleGroup: a name, which a role may trust."""

    type_name = "AWS::Scheduler::ScheduleGroup"
    name_property = "Name"

    def delete(self) -> None:
        """Delete the schedules of the group, too."""
        here = kept(self.account, self.region)
        for key, model in list(here.items()):
            if isinstance(model, Schedule) and model.group_arn == self.attributes["Arn"]:
                del here[key]

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"Arn": f"arn:aws:scheduler:{self.region}:{self.account}:schedule-group/{self.name}"}


class Schedule(StackModel, CloudFormationModel):
    """AWS::Scheduler::Schedule that sends a text to a queue; its time, window and retries are checked or stored."""

    type_name = "AWS::Scheduler::Schedule"
    name_property = "Name"

    def apply(self) -> None:
        given, target = self.properties, self.properties["Target"]
        if problem := expression_problem(given["ScheduleExpression"]):
            raise ResourceError(f"{self.name}: {given['ScheduleExpression']} {problem}")
        if strange := sorted(set(target) - _TARGET):
            raise ResourceError(f"{self.name}: the local engine does not model {', '.join(strange)} of a schedule")
        self.body: str = target["Input"]
        if _CONTEXT in self.body:
            raise ResourceError(f"{self.name}: the local engine does not fill in {_CONTEXT}...> of a schedule's Input")
        self.role: str = target["RoleArn"]
        self.queue = self._queue(target["Arn"])
        dead_letters = target.get("DeadLetterConfig", {}).get("Arn")
        self.dead_letters = self._queue(dead_letters) if dead_letters else None
        self.is_enabled = given.get("State", "ENABLED") == "ENABLED"
        group = given.get("GroupName", "default")
        arn = f"arn:aws:scheduler:{self.region}:{self.account}"
        self.arn = f"{arn}:schedule/{group}/{self.name}"
        self.group_arn = f"{arn}:schedule-group/{group}"

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"Arn": self.arn}

    def _queue(self, arn: str) -> str:
        """Return the ARN of a queue that is there."""
        if arn.split(":")[2] != "sqs":
            raise ResourceError(f"{self.name}: the local engine does not know the target {arn}")
        sqs_backends[self.account][self.region].get_queue(arn.rpartition(":")[2])
        return arn


TYPES: Final = (ScheduleGroup, Schedule)


class Sender:
    """A schedule with the session of its role, in which it sends."""

    def __init__(self, schedule: Schedule, url: str, session: Session, client_of: ClientOf) -> None:
        self._schedule: Final = schedule
        self._url: Final = f"{url}/{schedule.account}"
        self._sqs: Final = client_of(session, "sqs")

    @property
    def is_there(self) -> bool:
        """Whether the schedule was not deleted with its group."""
        schedule = self._schedule
        return Schedule.find(schedule.name, schedule.account, schedule.region) is schedule

    def fire(self) -> Delivery | None:
        """Send the message, or keep it as a dead letter; None for a schedule that is disabled."""
        if not self._schedule.is_enabled:
            return None
        name = f"schedule {self._schedule.name}"
        self._measure(InvocationAttemptCount=1.0)
        try:
            self._send(self._schedule.queue, {})
        except ClientError as error:
            self._measure(TargetErrorCount=1.0, InvocationDroppedCount=1.0)
            return Delivery(name, problem=f"{error}{self._keep(error)}")
        return Delivery(name)

    def _keep(self, error: ClientError) -> str:
        """Keep what could not be sent; return how the problem goes on if that is refused, too."""
        if self._schedule.dead_letters is None:
            return "; it has no dead-letter queue"
        values = {"SCHEDULE_ARN": self._schedule.arn, "TARGET_ARN": self._schedule.queue}
        said = {"ERROR_CODE": error.response["Error"]["Code"], "ERROR_MESSAGE": str(error)}
        try:
            self._send(self._schedule.dead_letters, reasons(values | said))
        except ClientError as other:
            self._measure(InvocationsFailedToBeSentToDeadLetterCount=1.0)
            return f"; its dead-letter queue: {other}"
        self._measure(InvocationsSentToDeadLetterCount=1.0)
        return ""

    def _measure(self, **values: float) -> None:
        """Add metrics of the group. Source: EventBridge Scheduler User Guide, "Monitoring with CloudWatch"."""
        group = self._schedule.group_arn.rpartition("/")[2]
        metrics_of(self._schedule.account).add("AWS/Scheduler", {"ScheduleGroup": group}, values)

    def _send(self, queue: str, attributes: Mapping[str, Any]) -> None:
        url = f"{self._url}/{queue.rpartition(':')[2]}"
        self._sqs.send_message(QueueUrl=url, MessageBody=self._schedule.body, MessageAttributes=attributes)
