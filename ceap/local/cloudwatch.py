"""The CloudWatch API, as far as it tells of metrics and of the states of alarms; moto keeps alarms and dashboards.

Only the JSON protocol is served, which boto3 and the AWS CLI speak.
Source: CloudWatch API Reference, "GetMetricData" and "PutMetricData".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ceap.local.alarms import evaluate_alarms
from ceap.local.answers import Answer, ApiError, Document, Route, refusal, serve_json
from ceap.local.calls import Request, UnknownCallError
from ceap.local.metric_queries import MetricQueryError, check_query, evaluate
from ceap.local.metrics import metrics_of
from templates import words

QUERIES_MAX: Final = 500
_MINUTE_S: Final = 60
_PARAMETERS: Final = frozenset({"MetricDataQueries", "StartTime", "EndTime", "ScanBy"})
_STORED: Final = (
    "PutMetricAlarm DeleteAlarms PutDashboard GetDashboard ListDashboards DeleteDashboards "
    "TagResource UntagResource ListTagsForResource"
)
"""What moto serves."""


def serve_metrics(account: str) -> Route:
    """Return the route of the service; a call that neither it nor moto serves as AWS would is refused."""

    def serve(request: Request) -> Answer | None:
        if request.service != "monitoring":
            return None
        if request.operation in {"DescribeAlarms", "SetAlarmState"}:
            return _before_moto(account, request)
        if request.operation in _STORED.split():
            return None
        operation = _OPERATIONS.get(request.operation)
        if operation is not None and "x-amz-target" in request.headers:
            return serve_json(lambda given: operation(account, given), request)
        known = words.listed(sorted(_OPERATIONS))
        unknown = UnknownCallError(request, f"of metrics the engine serves {known}, in the JSON protocol")
        return refusal(request.service, 501, "NotImplemented", str(unknown))

    return serve


def _before_moto(account: str, request: Request) -> Answer | None:
    """Bring the states of alarms up to now, before moto tells or sets one; refuse what cannot be evaluated.

    Of several filters moto takes one, and it returns no pages.
    """
    given = request.document
    filters = {"AlarmNames", "AlarmNamePrefix", "StateValue"} & given.keys()
    strange = sorted(given.keys() - {*filters, "MaxRecords"}) if request.operation == "DescribeAlarms" else []
    if strange or (request.operation == "DescribeAlarms" and len(filters) > 1):
        what = f"{', '.join(strange or sorted(filters))} of DescribeAlarms is not modelled"
        return refusal(request.service, 501, "NotImplemented", str(UnknownCallError(request, what)))
    try:
        evaluate_alarms(account)
    except MetricQueryError as error:
        return refusal(request.service, 501, "NotImplemented", str(UnknownCallError(request, str(error))))
    return None


def get_metric_data(account: str, given: Document) -> Document:
    """Answer GetMetricData; times are seconds since the epoch.

    As AWS does for the last 15 days, it rounds the start down to a minute; the first period begins there.
    """
    if strange := sorted(given.keys() - _PARAMETERS):
        raise _invalid(f"the local engine does not model {', '.join(strange)} of GetMetricData")
    queries = given["MetricDataQueries"]
    start, end = given["StartTime"] // _MINUTE_S * _MINUTE_S, given["EndTime"]
    if start >= end:
        raise _invalid("The parameter StartTime must be less than the parameter EndTime.")
    if len(queries) > QUERIES_MAX:
        raise _invalid(f"a call takes at most {QUERIES_MAX} queries, not {len(queries)}")
    try:
        for query in queries:
            check_query(query)
        found = evaluate(queries, metrics_of(account).read, start, end)
    except MetricQueryError as error:
        raise _invalid(str(error)) from error
    ascending = given.get("ScanBy", "TimestampDescending") == "TimestampAscending"
    wanted = [query for query in queries if query.get("ReturnData", True)]
    return {"MetricDataResults": [_result(query, found[query["Id"]], ascending) for query in wanted], "Messages": []}


def put_metric_data(account: str, given: Document) -> Document:
    """Serve PutMetricData with single values; sums of several are refused."""
    if given["Namespace"].startswith("AWS/"):
        raise _invalid("The value AWS/ for parameter Namespace is invalid.")
    for datum in given["MetricData"]:
        if strange := sorted(datum.keys() & {"StatisticValues", "StorageResolution"}):
            raise _invalid(f"the local engine does not model {', '.join(strange)} of PutMetricData")
        values = datum["Values"] if "Values" in datum else [datum["Value"]]
        counts = datum.get("Counts") or [1] * len(values)
        dimensions = {each["Name"]: each["Value"] for each in datum.get("Dimensions", ())}
        for value, count in zip(values, counts, strict=True):
            for _ in range(round(count)):
                moment = datum.get("Timestamp")
                metrics_of(account).add(given["Namespace"], dimensions, {datum["MetricName"]: value}, moment)
    return {}


def _result(query: Mapping[str, Any], series: Mapping[float, float], ascending: bool) -> Document:
    moments = sorted(series, reverse=not ascending)
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or _label(query),
        "Timestamps": moments,
        "Values": [series[moment] for moment in moments],
        "StatusCode": "Complete",
    }


def _label(query: Mapping[str, Any]) -> str:
    """Return the name of the metric; of an expression its id."""
    label: str = query["MetricStat"]["Metric"]["MetricName"] if "MetricStat" in query else query["Id"]
    return label


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message)


_OPERATIONS: Final[Mapping[str, Callable[[str, Document], Document]]] = {
    "GetMetricData": get_metric_data,
    "PutMetricData": put_metric_data,
}
