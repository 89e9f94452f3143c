"""A saved query asks log groups of its workflow for fields that their lines have, by commands that Logs Insights knows.

CloudFormation takes any text: a query with a wrong field finds nothing, and says that nothing has failed.
Source: AWS::Logs::QueryDefinition; `templates/log_fields.py`; CloudWatch Logs User Guide, "CloudWatch Logs Insights
language query syntax".
"""

from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.lookup import LOG_GROUP, QUERY_DEFINITION, Resource, at, items, pointed_at, reference, resources, text
from ceap.cfn.own import without_own
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from ceap.policy.insights import QueryError, read_query
from ceap.policy.vocabulary.kinds import is_workflow
from templates.log_fields import DISCOVERED, FIELDS
from templates.resources.queries import GROUPS_MAX

RULE: Final = "WIRE19_QUERIES"
ENTRY: Final = Entry(
    title="A saved query names fields and log groups that the workflow has",
    why="A query with a wrong field or log group finds nothing, as if nothing had failed.",
    fix=(
        "Set LogGroupNames to `!Ref` of log groups of this template, and name in QueryString fields of "
        "`templates/log_fields.py` alone."
    ),
    requirement=("9.2", "9.7"),
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html",
)


def check(template: Template) -> Iterator[Fault]:
    if not is_workflow(template):
        return
    own = without_own(template)
    for query in resources(own, QUERY_DEFINITION):
        yield from _group_faults(own, query)
        yield from _text_faults(own, query)


def _group_faults(template: Template, query: Resource) -> Iterator[Fault]:
    names = items(query.properties.get("LogGroupNames"))
    if not 1 <= len(names) <= GROUPS_MAX:
        what = f"the query is of {len(names)} log groups; Logs Insights takes 1 to {GROUPS_MAX}"
        yield Fault(query.path("LogGroupNames"), what, "!Ref of the log groups that have the fields")
    for index, name in enumerate(names):
        if _group(template, name) is None:
            what = "the query is of a log group that the template does not have"
            yield Fault(query.path("LogGroupNames", index), what, "!Ref of a log group")


def _text_faults(template: Template, query: Resource) -> Iterator[Fault]:
    place = query.path("QueryString")
    try:
        read = read_query(text(query.properties.get("QueryString")) or "")
    except QueryError as error:
        yield Fault(place, f"Logs Insights cannot run the query: {error}", "run `make templates`")
        return
    found = [_group(template, name) for name in items(query.properties.get("LogGroupNames"))]
    names = [(group and group.name) or "" for group in found]
    known = DISCOVERED.union(*(FIELDS[kind] for kind in FIELDS if any(name.startswith(kind) for name in names)))
    for field in sorted(read.fields - known):
        yield Fault(place, f"no line of the log groups has the field {field}", "a field of templates/log_fields.py")
    declared = {at(each, "Name") for each in items(query.properties.get("Parameters"))}
    for name in sorted(read.placeholders ^ declared, key=str):
        what = f"{name} is {'in the query' if name in read.placeholders else 'a parameter'} alone"
        yield Fault(place, what, f"the same name in {{{{{name}}}}} of QueryString and in Parameters")


def _group(template: Template, name: Any) -> Resource | None:
    """Return the log group of the template whose name a value is."""
    found, target = pointed_at(template, name), reference(name)
    return found if found and target and found.type == LOG_GROUP and not target[1] else None
