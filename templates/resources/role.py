"""The role as which a function, job, state machine or pipe acts."""

from typing import Any

from awacs.aws import PolicyDocument
from troposphere import If, Sub, Template, iam

from templates import permissions
from templates.objects import shared
from templates.resources.encryption import if_key


def add_role(
    template: Template, owner: str, description: str, name: str, policy: PolicyDocument, *, trust: PolicyDocument
) -> Any:
    """Add the role of the resource with the logical id `owner`, with a policy of that name; return the role.

    Its policies are inline: a state machine or pipe is created only if the role may use its logs and source by then.
    """
    return template.add_resource(
        iam.Role(
            f"{owner}Role",
            Description=Sub(description),
            AssumeRolePolicyDocument=trust,
            Policies=[
                iam.Policy(PolicyName=name, PolicyDocument=policy),
                _encryption(),
            ],
        )
    )


@shared
def _encryption() -> If:
    return if_key(iam.Policy(PolicyName="encryption", PolicyDocument=permissions.key_policy()))
