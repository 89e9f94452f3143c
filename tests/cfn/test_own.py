from __future__ import annotations

from ceap.cfn.own import own_entries, without_own
from ceap.cfn.template import Template, parse_template

OWN = """\
Metadata: {ceap: {own: {Parameters: [Pager], Mappings: [Days]}}}
Parameters: {Pager: {Type: String}, Environment: {Type: String}}
Mappings: {Days: {prod: {Keep: 1}}}
Resources:
  Uploads: {Type: AWS::S3::Bucket, Metadata: {ceap: {own: true}}}
  Queue: {Type: AWS::SQS::Queue, Metadata: {ceap: {own: 'true'}}}
"""


def parsed(text: str) -> Template:
    return parse_template(text, "template.yaml")


def test_own_entries_are_those_that_the_template_marks() -> None:
    found = {section: names for section, names in own_entries(parsed(OWN).data).items() if names}
    assert found == {"Resources": {"Uploads"}, "Parameters": {"Pager"}, "Mappings": {"Days"}}


def test_a_template_without_them_has_no_section_that_was_theirs_alone() -> None:
    data = without_own(parsed(OWN)).data
    assert {section: list(entries) for section, entries in data.items() if section != "Metadata"} == {
        "Parameters": ["Environment"],
        "Resources": ["Queue"],
    }


def test_a_template_without_marks_stays_the_same() -> None:
    template = parsed("Resources: {Queue: {Type: AWS::SQS::Queue}}")
    assert without_own(template) is template


def test_marks_of_any_shape_are_read() -> None:
    for marks in ("a", "{own: a}", "{own: {Parameters: {a: b}}}", "{own: [1]}"):
        data = parsed(f"Metadata: {{ceap: {marks}}}\nResources: {{Queue: {{Type: AWS::SQS::Queue}}}}").data
        assert set().union(*own_entries(data).values()) == set()
