"""The topic that every alarm and failure rule of an environment alerts."""

from troposphere import And, Condition, Equals, If, Not, Parameter, Ref, Sub, Template, sns

from templates import naming, permissions
from templates.resources.adoption import add_adoption, made_or_adopted
from templates.resources.encryption import key_if_any


def add_alert_topic(template: Template) -> If:
    """Add the topic, its policy and an e-mail subscription where an address is given; return the topic's ARN.

    Without a customer key it is not encrypted: with `alias/aws/sns` neither alarms nor rules could publish to it.
    An adopted topic gets neither policy nor subscription: it stays as it is.
    """
    topic = naming.ALERT_TOPIC_ID
    description = "ARN of an existing topic to adopt, to which alarms and rules may publish; empty makes a new one"
    condition = add_adoption(template, topic, description)
    template.add_parameter(
        Parameter(
            naming.ALERT_EMAIL_PARAMETER,
            Type="String",
            Default="",
            Description="Address that gets the alerts; empty for none, and where a topic is adopted",
        )
    )
    is_given = Not(Equals(Ref(naming.ALERT_EMAIL_PARAMETER), ""))
    template.add_condition(naming.ALERT_EMAIL_CONDITION, And(is_given, Condition(condition)))
    template.add_resource(
        sns.Topic(topic, Condition=condition, TopicName=Sub(naming.ALERT_TOPIC), KmsMasterKeyId=key_if_any())
    )
    template.add_resource(
        sns.TopicPolicy(
            f"{topic}Policy",
            Condition=condition,
            Topics=[Ref(topic)],
            PolicyDocument=permissions.alert_topic_policy(Ref(topic)),
        )
    )
    template.add_resource(
        sns.SubscriptionResource(
            "AlertEmailSubscription",
            Condition=naming.ALERT_EMAIL_CONDITION,
            TopicArn=Ref(topic),
            Protocol="email",
            Endpoint=Ref(naming.ALERT_EMAIL_PARAMETER),
        )
    )
    return made_or_adopted(topic)
