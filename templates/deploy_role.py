"""The roles of a deployment: the caller's, which GitHub assumes for a repository's environment, and CloudFormation's.

Source: GitHub, "Configuring OpenID Connect in Amazon Web Services"; CloudFormation User Guide, "CloudFormation service
role"; IAM User Guide, "Create a role for OpenID Connect federation".
"""

import re
from collections.abc import Collection
from typing import Any, Final

from troposphere import Equals, GetAtt, If, Not, NoValue, Output, Parameter, Ref, Sub, Template, iam

from templates import deploy_permissions, naming
from templates.deploy_permissions import HAS_WORKFLOW_BOUNDARY, ROLE_PATH, WORKFLOW_BOUNDARY
from templates.permissions import key_policy, trust
from templates.resources.adoption import add_adoption
from templates.resources.encryption import if_key
from templates.resources.governance import BOUNDARY_PATTERN
from templates.resources.retention import KEEP

PROVIDER: Final = "Provider"
CALLER_ROLE: Final = "CallerRole"
SERVICE_ROLE: Final = "ServiceRole"
HOST: Final = "token.actions.githubusercontent.com"
AUDIENCE: Final = "sts.amazonaws.com"
SUBJECT: Final = "GitHubSubject"
PROVIDER_ARN: Final = "GitHubProviderArn"
OWN_POLICY: Final = "OwnResourcesPolicyArn"
HAS_BOUNDARY: Final = "HasPermissionsBoundary"
HAS_OWN_POLICY: Final = "HasOwnResourcesPolicy"
CREATES_PROVIDER: Final = "CreatesProvider"
NEEDS_NO_BOUNDARY: Final = "NeedsNoBoundary"

SUBJECT_PATTERN: Final = r"^repo:[A-Za-z0-9_.@-]+/[A-Za-z0-9_.@-]+:environment:[A-Za-z0-9_.%/-]+$"
"""Repositories made, renamed or moved since July 2026 have numbers in it: `repo:OWNER@ID/REPO@ID:environment:NAME`.

Source: GitHub, "OpenID Connect reference".
"""

_OPTIONAL_POLICY: Final = f"^({BOUNDARY_PATTERN.strip('^$')})?$"
_PROVIDER_PATTERN: Final = rf"^(arn:aws[a-z-]*:iam::[0-9]{{12}}:oidc-provider/{re.escape(HOST)})?$"
_POLICY_ARN: Final = "empty, or the ARN of a managed policy"


def add_deploy_roles(template: Template, types: Collection[str], *, in_vpc: bool) -> None:
    """Add provider, roles, and the parameters that say who may assume which; `types` are those of all other stacks."""
    _add_parameters(template)
    _add_provider(template)
    _add_caller_role(template)
    _add_service_role(template, types, in_vpc=in_vpc)
    for name, (value, description) in {
        f"{CALLER_ROLE}Arn": (GetAtt(CALLER_ROLE, "Arn"), "ARN of the role that GitHub assumes"),
        f"{SERVICE_ROLE}Arn": (GetAtt(SERVICE_ROLE, "Arn"), "ARN of CloudFormation's role: `role_arn` in ceap.toml"),
        PROVIDER_ARN: (_provider(), "ARN of GitHub's OIDC provider, made here or adopted"),
    }.items():
        template.add_output(Output(name, Description=description, Value=value))


def _add_parameters(template: Template) -> None:
    template.add_parameter(
        Parameter(
            SUBJECT,
            Type="String",
            AllowedPattern=SUBJECT_PATTERN,
            ConstraintDescription="repo:OWNER/REPOSITORY:environment:NAME, with numbers as GitHub's tokens have them",
            Description="Who may deploy: the subject of GitHub's token, exactly",
        )
    )
    optional = (
        (PROVIDER_ARN, CREATES_PROVIDER, _PROVIDER_PATTERN, "empty, or the ARN of GitHub's OIDC provider", _PROVIDER),
        (naming.BOUNDARY_PARAMETER, HAS_BOUNDARY, _OPTIONAL_POLICY, _POLICY_ARN, _BOUNDARY),
        (WORKFLOW_BOUNDARY, HAS_WORKFLOW_BOUNDARY, _OPTIONAL_POLICY, _POLICY_ARN, _WORKFLOW_BOUNDARY),
        (OWN_POLICY, HAS_OWN_POLICY, _OPTIONAL_POLICY, _POLICY_ARN, _OWN_POLICY),
    )
    for name, condition, pattern, constraint, description in optional:
        template.add_parameter(
            Parameter(
                name,
                Type="String",
                Default="",
                AllowedPattern=pattern,
                ConstraintDescription=constraint,
                Description=description,
            )
        )
        is_empty = Equals(Ref(name), "")
        template.add_condition(condition, is_empty if condition == CREATES_PROVIDER else Not(is_empty))
    for logical_id in naming.ADOPTABLE.values():
        parameter = naming.adoption(logical_id)
        add_adoption(template, logical_id, f"What the foundation adopts by its {parameter}; empty if it makes one")
    template.add_condition(NEEDS_NO_BOUNDARY, Equals(Ref(WORKFLOW_BOUNDARY), ""))


_PROVIDER: Final = "ARN of GitHub's OIDC provider, of which an account has one; empty to make it"
_BOUNDARY: Final = "ARN of the permissions boundary of the two roles made here, where the account demands one"
_WORKFLOW_BOUNDARY: Final = "ARN of the permissions boundary without which no role of a workflow can be made"
_OWN_POLICY: Final = "ARN of a policy of yours with what CloudFormation needs for resources of your own"


def _add_provider(template: Template) -> None:
    template.add_resource(
        iam.OIDCProvider(PROVIDER, Url=f"https://{HOST}", ClientIdList=[AUDIENCE], Condition=CREATES_PROVIDER, **KEEP)
    )


def _provider() -> If:
    return If(CREATES_PROVIDER, GetAtt(PROVIDER, "Arn"), Ref(PROVIDER_ARN))


def _add_caller_role(template: Template) -> None:
    policy = deploy_permissions.caller_policy(SERVICE_ROLE)
    template.add_resource(
        iam.Role(
            CALLER_ROLE,
            Description=Sub("Deploys the ceap stacks of ${Environment} from GitHub"),
            Path=ROLE_PATH,
            AssumeRolePolicyDocument=_github_trust(),
            Policies=[
                iam.Policy(PolicyName="deploy", PolicyDocument=policy),
                if_key(iam.Policy(PolicyName="encryption", PolicyDocument=key_policy())),
            ],
            PermissionsBoundary=_boundary(),
        )
    )


def _github_trust() -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": _provider()},
        "Action": ["sts:AssumeRoleWithWebIdentity"],
        "Condition": {"StringEquals": {f"{HOST}:aud": AUDIENCE, f"{HOST}:sub": Ref(SUBJECT)}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _add_service_role(template: Template, types: Collection[str], *, in_vpc: bool) -> None:
    policies: list[Any] = [
        iam.Policy(PolicyName="resources", PolicyDocument=deploy_permissions.service_policy(types, in_vpc=in_vpc)),
        If(
            NEEDS_NO_BOUNDARY,
            iam.Policy(PolicyName="unbounded", PolicyDocument=deploy_permissions.unbinding_policy()),
            NoValue,
        ),
        if_key(iam.Policy(PolicyName="encryption", PolicyDocument=deploy_permissions.key_policy(types))),
    ]
    template.add_resource(
        iam.Role(
            SERVICE_ROLE,
            Description=Sub("As which CloudFormation makes the ceap stacks of ${Environment}"),
            Path=ROLE_PATH,
            AssumeRolePolicyDocument=trust("cloudformation"),
            Policies=policies,
            ManagedPolicyArns=If(HAS_OWN_POLICY, [Ref(OWN_POLICY)], NoValue),
            PermissionsBoundary=_boundary(),
        )
    )


def _boundary() -> If:
    return If(HAS_BOUNDARY, Ref(naming.BOUNDARY_PARAMETER), NoValue)
