"""The topic that every alarm and failure rule of an environment alerts."""

from troposphere import Equals, Not, Parameter, Ref, Sub, Template, sns

from templates import naming, permissions
from templates.resources.encryption import key_if_any


def add_alert_topic(template: Template) -> str:
    """Add the topic, its policy and an e-mail subscription where an address is given; return the topic's logical id.

    Without a customer key it is not encrypted: with `alias/aws/sns` neither alarms nor rules could publish to it.
    """
    template.add_parameter(
        Parameter("AlertEmail", Type="String", Default="", Description="Address that gets the alerts; empty for none")
    )
    template.add_condition("HasAlertEmail", Not(Equals(Ref("AlertEmail"), "")))
    topic = template.add_resource(
        sns.Topic("AlertTopic", TopicName=Sub(naming.ALERT_TOPIC), KmsMasterKeyId=key_if_any())
    )
    template.add_resource(
        sns.TopicPolicy(
            "AlertTopicPolicy", Topics=[Ref(topic)], PolicyDocument=permissions.alert_topic_policy(Ref(topic))
        )
    )
    template.add_resource(
        sns.SubscriptionResource(
            "AlertEmailSubscription",
            Condition="HasAlertEmail",
            TopicArn=Ref(topic),
            Protocol="email",
            Endpoint=Ref("AlertEmail"),
        )
    )
    return str(topic.title)
