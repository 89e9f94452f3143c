"""The resource types that moto's backends keep, but its CloudFormation lacks."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from moto.cloudwatch.models import Dimension, Metric, MetricDataQuery, MetricStat, cloudwatch_backends
from moto.core.common_models import CloudFormationModel
from moto.iam.access_control import PermissionResult
from moto.iam.models import iam_backends
from moto.s3.models import FakeBucket, s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import Queue, sqs_backends

from ceap.local.alarms import begin, check_alarm
from ceap.local.clock import CLOCK
from ceap.local.hooks import replace
from ceap.local.metric_queries import MetricQueryError
from ceap.local.stack_models import ResourceError, StackModel, is_true, kept


@lru_cache(maxsize=1)
def install() -> None:
    """Hook moto's buckets and queues, once per process; AttributeError if moto lacks a part."""
    # moto takes every policy of a bucket for one without conditions: ours would deny everything.
    replace(FakeBucket, "get_permission", lambda *_: PermissionResult.NEUTRAL)
    # moto keeps this attribute of a queue, and does not tell it.
    replace(Queue, "BASE_ATTRIBUTES", [*Queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"])
    Queue.redrive_allow_policy = None  # type: ignore[attr-defined]  # moto sets it by its name


class QueuePolicy(StackModel, CloudFormationModel):
    """AWS::SQS::QueuePolicy, which decides what event rules may send; its queues must exist."""

    type_name = "AWS::SQS::QueuePolicy"
    queues: tuple[Any, ...] = ()

    def apply(self) -> None:
        names = [url.rpartition("/")[2] for url in self.properties["Queues"]]
        queues = tuple(sqs_backends[self.account][self.region].get_queue(name) for name in names)
        document = self.properties["PolicyDocument"]
        _check_policy(self.name, document)
        self.delete()
        self.queues = queues
        for queue in queues:
            queue.policy = json.dumps(document)

    def delete(self) -> None:
        for queue in self.queues:
            queue.policy = None


class TopicPolicy(StackModel, CloudFormationModel):
    """AWS::SNS::TopicPolicy: stored, not enforced; its topics must exist."""

    type_name = "AWS::SNS::TopicPolicy"
    topics: tuple[Any, ...] = ()

    def apply(self) -> None:
        topics = tuple(sns_backends[self.account][self.region].get_topic(arn) for arn in self.properties["Topics"])
        document = self.properties["PolicyDocument"]
        _check_policy(self.name, document)
        self.delete()
        self.topics = topics
        for topic in topics:
            topic.policy = json.dumps(document)

    def delete(self) -> None:
        for topic in self.topics:
            topic.policy = json.dumps(topic._create_default_topic_policy(self.region, self.account, topic.name))


class Subscription(StackModel, CloudFormationModel):
    """AWS::SNS::Subscription; nothing is sent by e-mail. What another property changes replaces it."""

    type_name = "AWS::SNS::Subscription"

    def apply(self) -> None:
        given = self.properties
        if strange := sorted(set(given) - {"Endpoint", "Protocol", "Region", "TopicArn"}):
            raise ResourceError(f"the local engine does not model {', '.join(strange)} of a subscription")
        backend = sns_backends[self.account][self.region]
        if self.name not in backend.subscriptions:
            self.name = backend.subscribe(given["TopicArn"], given["Endpoint"], given["Protocol"]).arn

    def delete(self) -> None:
        sns_backends[self.account][self.region].unsubscribe(self.name)

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"Arn": self.name}

    @classmethod
    def find(cls, name: str, account: str, region: str) -> StackModel | None:
        return cls(name, {}, account, region) if name in sns_backends[account][region].subscriptions else None


class BucketPolicy(StackModel, CloudFormationModel):
    """AWS::S3::BucketPolicy: stored, not enforced; its bucket must exist."""

    type_name = "AWS::S3::BucketPolicy"
    name_property = "Bucket"

    def apply(self) -> None:
        bucket = s3_backends[self.account]["aws"].get_bucket(self.properties["Bucket"])
        _check_policy(self.name, self.properties["PolicyDocument"])
        bucket.policy = json.dumps(self.properties["PolicyDocument"]).encode()

    def delete(self) -> None:
        if bucket := s3_backends[self.account]["aws"].buckets.get(self.name):
            bucket.policy = None

    @classmethod
    def find(cls, name: str, account: str, region: str) -> StackModel | None:
        bucket = s3_backends[account]["aws"].buckets.get(name)
        return cls(name, {}, account, region) if bucket and bucket.policy else None


class Alarm(StackModel, CloudFormationModel):
    """AWS::CloudWatch::Alarm: evaluated by `alarms`, its actions stored; the topics it names must exist."""

    type_name = "AWS::CloudWatch::Alarm"
    name_property = "AlarmName"

    def apply(self) -> None:
        given = self.properties
        for arn in given.get("AlarmActions", []):
            if ":sns:" in arn:
                sns_backends[self.account][self.region].get_topic(arn)
        alarms = cloudwatch_backends[self.account][self.region]
        old = alarms.alarms.get(self.name)
        put: Any = alarms.put_metric_alarm  # moto knows no alarm on an expression, which has no metric of its own
        alarm = put(
            name=self.name,
            namespace=given.get("Namespace"),
            metric_name=given.get("MetricName"),
            metric_data_queries=[_query(each) for each in given.get("Metrics", ())],
            comparison_operator=given["ComparisonOperator"],
            evaluation_periods=int(given["EvaluationPeriods"]),
            datapoints_to_alarm=given.get("DatapointsToAlarm"),
            period=int(given["Period"]) if "Period" in given else None,
            threshold=float(given["Threshold"]),
            statistic=given.get("Statistic", ""),
            extended_statistic=given.get("ExtendedStatistic"),
            description=given.get("AlarmDescription", ""),
            dimensions=given.get("Dimensions", []),
            alarm_actions=given.get("AlarmActions", []),
            ok_actions=given.get("OKActions", []),
            insufficient_data_actions=given.get("InsufficientDataActions", []),
            unit=given.get("Unit"),
            actions_enabled=is_true(given.get("ActionsEnabled", True)),
            treat_missing_data=given.get("TreatMissingData"),
            tags=given.get("Tags"),
        )
        try:
            check_alarm(alarm)
        except MetricQueryError as error:
            raise ResourceError(str(error)) from error
        # An alarm that is changed keeps its state, a new one has none. Source: CloudWatch API, "PutMetricAlarm".
        alarm.state_value = old.state_value if old else "INSUFFICIENT_DATA"
        begin(alarm, old)

    def delete(self) -> None:
        cloudwatch_backends[self.account][self.region].delete_alarms([self.name])

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"Arn": f"arn:aws:cloudwatch:{self.region}:{self.account}:alarm:{self.name}"}

    @classmethod
    def find(cls, name: str, account: str, region: str) -> StackModel | None:
        return cls(name, {}, account, region) if name in cloudwatch_backends[account][region].alarms else None


class Dashboard(StackModel, CloudFormationModel):
    """AWS::CloudWatch::Dashboard: stored, its body only read as JSON.

    Source: CloudWatch API Reference, "PutDashboard".
    """

    type_name = "AWS::CloudWatch::Dashboard"
    name_property = "DashboardName"

    def apply(self) -> None:
        try:
            body = json.loads(self.properties["DashboardBody"])
        except ValueError as error:
            raise ResourceError(f"The field DashboardBody must be a valid JSON object: {error}") from error
        if not isinstance(body, dict) or not isinstance(body.get("widgets"), list):
            raise ResourceError("The dashboard body is invalid: it should have the property widgets, an array")
        dashboards = cloudwatch_backends[self.account][self.region]
        dashboard = dashboards.put_dashboard(self.name, self.properties["DashboardBody"])
        dashboard.last_modified = datetime.fromtimestamp(CLOCK.now(), UTC)

    def delete(self) -> None:
        cloudwatch_backends[self.account][self.region].delete_dashboards([self.name])

    @classmethod
    def find(cls, name: str, account: str, region: str) -> StackModel | None:
        return cls(name, {}, account, region) if name in cloudwatch_backends[account][region].dashboards else None


class QueryDefinition(StackModel, CloudFormationModel):
    """AWS::Logs::QueryDefinition: stored, for no API that the engine has; its id stays when its properties change."""

    type_name = "AWS::Logs::QueryDefinition"
    identifier = ""

    def apply(self) -> None:
        for key in ("Name", "QueryString"):
            if not self.properties[key]:
                raise ResourceError(f"{key} of a query definition is empty")
        self.identifier = self.identifier or str(uuid.uuid4())

    @property
    def physical_resource_id(self) -> str:
        return self.identifier

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"QueryDefinitionId": self.identifier}

    @classmethod
    def find(cls, name: str, account: str, region: str) -> StackModel | None:
        made = [model for (kind, _), model in kept(account, region).items() if kind == cls.type_name]
        return next((model for model in made if model.physical_resource_id == name), None)


class IdentityProvider(StackModel, CloudFormationModel):
    """AWS::IAM::OIDCProvider; roles are assumed with tokens for its audiences."""

    type_name = "AWS::IAM::OIDCProvider"
    name_property = "Url"

    def apply(self) -> None:
        given, backend = self.properties, iam_backends[self.account]["aws"]
        provider = backend.open_id_providers.get(self.physical_resource_id)
        if provider is None:
            provider = backend.create_open_id_connect_provider(given["Url"], [], [], [])
        provider.thumbprint_list = given.get("ThumbprintList", [])
        provider.client_id_list = given.get("ClientIdList", [])
        provider.tags = backend._tag_verification(given.get("Tags", []))

    def delete(self) -> None:
        iam_backends[self.account]["aws"].delete_open_id_connect_provider(self.physical_resource_id)

    @property
    def physical_resource_id(self) -> str:
        host = self.name.partition("://")[2]
        return f"arn:aws:iam::{self.account}:oidc-provider/{host}" if host else self.name

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"Arn": self.physical_resource_id}

    @classmethod
    def find(cls, name: str, account: str, region: str) -> StackModel | None:
        model = cls(name, {}, account, region)
        return model if model.physical_resource_id in iam_backends[account]["aws"].open_id_providers else None


BACKED: Final = (Subscription, IdentityProvider)
"""Types whose resources are found by their ARN alone."""

TYPES: Final = (
    QueuePolicy,
    TopicPolicy,
    Subscription,
    BucketPolicy,
    Alarm,
    Dashboard,
    QueryDefinition,
    IdentityProvider,
)


def _query(given: Mapping[str, Any]) -> MetricDataQuery:
    query: Any = MetricDataQuery  # moto takes its numbers and booleans for texts
    statistic: Any = MetricStat
    stat = given.get("MetricStat")
    if stat:
        named = [Dimension(each["Name"], each["Value"]) for each in stat["Metric"].get("Dimensions", ())]
        metric = Metric(stat["Metric"]["MetricName"], stat["Metric"]["Namespace"], named)
        stat = statistic(metric, int(stat["Period"]), stat["Stat"], stat.get("Unit"))
    is_returned = is_true(given.get("ReturnData", True))
    made: MetricDataQuery = query(
        given["Id"], given.get("Label"), given.get("Period"), is_returned, given.get("Expression"), stat
    )
    return made


def _check_policy(name: str, document: Mapping[str, Any]) -> None:
    if not document.get("Statement"):
        raise ResourceError(f"{name}: the PolicyDocument has no Statement")
