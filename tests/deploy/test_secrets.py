"""Values of parameters that CloudFormation hides stay hidden."""

from __future__ import annotations

from ceap.aws.bucket import keys, read
from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.ceap_toml import Environment
from ceap.cfn.template import parse_template
from ceap.deploy.deployment import Deployment, Target
from ceap.deploy.journal import Journal
from ceap.deploy.operation import Means, Terms
from ceap.deploy.revision import Revision

STACK, BUCKET = "ceap-secret-dev", "records-of-secrets"
TEMPLATE = """
Parameters: {Word: {Type: String, NoEcho: true}}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: ceap-secret, DisplayName: !Ref Word}}
"""


def test_a_secret_reaches_the_stack_but_neither_the_record_nor_what_is_told(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket=BUCKET)
    said: list[str] = []
    journal = Journal(aws, STACK, BUCKET, revision=Revision(None, None))
    means = Means(aws, journal, said.append, Pace(lambda _: None))
    target = Target(stack=STACK, template=parse_template(TEMPLATE, "x.yaml"), parameters={"Word": "sesame"})
    for _ in range(2):
        Deployment(means, target, Terms(Environment(name="dev"), False, lambda _: True)).run()
    topic = f"arn:aws:sns:{aws.region}:{aws.account}:ceap-secret"
    assert aws.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "sesame"
    [record] = journal.records()
    assert record.parameters == {"Word": "****"}
    written = [found.content for key in keys(aws, BUCKET, "") if (found := read(aws, BUCKET, key))]
    assert [text for text in (*map(bytes.decode, written), *said) if "sesame" in text] == []
