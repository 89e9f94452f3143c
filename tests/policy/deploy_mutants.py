"""Wrong deploy roles: changes to the template of the reference's that a rule or a check must notice."""

from __future__ import annotations

from typing import Any

from tests.policy.changes import Change, Mutant, drop, of, put, without
from tests.policy.samples import Json

KIND = "deploy"
TRUST = ("AssumeRolePolicyDocument", "Statement", 0)
EQUALS = ("Condition", "StringEquals")
HOST = "token.actions.githubusercontent.com"
NOTHING = {"Ref": "AWS::NoValue"}
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
BOUNDARY = "PermissionsBoundary"
ANY_BUCKET = {"Fn::Sub": "arn:${AWS::Partition}:s3:::*"}
OTHER_BUCKET = {"Fn::Sub": "arn:${AWS::Partition}:s3:::acme/handlers/*"}
ADOPTED_CODE = {"Fn::Sub": "arn:${AWS::Partition}:s3:::${ArtifactBucketName}/handlers/*"}


def trusts(*place: Any) -> Change:
    return of("CallerRole", *TRUST, *place)


def also(role: str, action: str, resource: Any, **fields: Any) -> Change:
    """Return the change by which a role has one more statement."""

    def change(data: Json) -> None:
        statements = data["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        statements.append({"Effect": "Allow", "Action": [action], "Resource": [resource], **fields})

    return change


def statement(role: str, sid: str, *place: Any) -> Change:
    """Return the change of a value in the statement of an id; without a value, the key is removed."""

    def change(data: Json) -> None:
        statements = data["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        [found] = [each for each in statements if each["Sid"] == sid]
        *keys, last = place
        found.pop(last) if not keys else put(*place)(found)

    return change


def a_pattern_of_subjects(data: Json) -> None:
    statement = data["Resources"]["CallerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    statement["Condition"]["StringLike"] = {f"{HOST}:sub": "repo:acme/*"}


def arn(service: str, resource: str) -> Json:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"}


def role_arn(name: str) -> Json:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{name}"}


def _mutants(rule: str, changes: dict[str, Change]) -> list[Mutant]:
    return [Mutant(rule, KIND, name, change) for name, change in changes.items()]


DEPLOY_MUTANTS = [
    *_mutants(
        "SEC05_GITHUB",
        {
            "any subject": without("CallerRole", *TRUST, *EQUALS, f"{HOST}:sub"),
            "a fixed subject": trusts(*EQUALS, f"{HOST}:sub", "repo:acme/orders:environment:dev"),
            "another audience": trusts(*EQUALS, f"{HOST}:aud", "theirs"),
            "any audience": without("CallerRole", *TRUST, *EQUALS, f"{HOST}:aud"),
            "no condition": without("CallerRole", *TRUST, "Condition"),
            "one condition more": a_pattern_of_subjects,
            "another provider": trusts("Principal", "Federated", "accounts.google.com"),
            "another provider where one is given": trusts("Principal", "Federated", "Fn::If", 2, "www.amazon.com"),
            "an account too": trusts("Principal", "AWS", {"Ref": "AWS::AccountId"}),
            "one action more": trusts("Action", ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]),
            "the provider of others": of("Provider", "Url", "https://gitlab.com"),
            "another client": of("Provider", "ClientIdList", ["theirs"]),
            "a subject by default": put("Parameters", "GitHubSubject", "Default", "repo:acme/orders:environment:dev"),
        },
    ),
    *_mutants(
        "SEC05_ONE_SERVICE",
        {
            "GitHub without a subject's parameter": drop("Parameters", "GitHubSubject"),
            "another service": of(
                "ServiceRole", *TRUST, "Principal", {"Service": ["cloudformation.amazonaws.com", "x"]}
            ),
        },
    ),
    *_mutants(
        "P42_NO_WILDCARDS",
        {
            "a fixed policy": of("ServiceRole", "ManagedPolicyArns", [ADMINISTRATOR]),
            "two policies": of(
                "ServiceRole", "ManagedPolicyArns", "Fn::If", 1, [{"Ref": "OwnResourcesPolicyArn"}, ADMINISTRATOR]
            ),
            "a policy where none is given": of("ServiceRole", "ManagedPolicyArns", "Fn::If", 2, [ADMINISTRATOR]),
            "any action": also("ServiceRole", "iam:*", role_arn("ceap-*")),
            "any bucket where one is adopted": statement(
                "CallerRole", "Buckets", "Resource", 0, "Fn::If", 2, ANY_BUCKET
            ),
            "a fixed bucket where none is": statement(
                "CallerRole", "Buckets", "Resource", 0, "Fn::If", 1, "arn:aws:s3:::acme"
            ),
        },
    ),
]

DEPLOY_CHECK_MUTANTS = [
    *_mutants(
        "SEC13_DEPLOY_ROLES",
        {
            "an action more": also("ServiceRole", "iam:AttachRolePolicy", role_arn("ceap-*")),
            "roles of others": also("ServiceRole", "iam:PutRolePolicy", role_arn("admin")),
            "another bucket": statement("CallerRole", "Artifacts", "Resource", 0, "Fn::If", 2, OTHER_BUCKET),
            "the adopted bucket always": statement("CallerRole", "Artifacts", "Resource", 0, ADOPTED_CODE),
            "policies of the adopted bucket": also("ServiceRole", "s3:PutBucketPolicy", ADOPTED_CODE),
            "a bucket by default": put("Parameters", "ArtifactBucketName", "Default", "acme"),
            "any topic": put("Parameters", "AlertTopicArn", "AllowedPattern", ".*"),
            "the condition turned": put(
                "Conditions", "CreateWorkflowBucket", {"Fn::Not": [{"Fn::Equals": [{"Ref": "WorkflowBucketName"}, ""]}]}
            ),
            "queues of others": also("CallerRole", "sqs:SendMessage", arn("sqs", "orders")),
            "its own role": of("ServiceRole", "Path", "/"),
            "no path": without("ServiceRole", "Path"),
            "roles without the boundary": statement("ServiceRole", "IamBounded", "Condition"),
            "roles to every service": statement("ServiceRole", "PassRoles", "Condition"),
            "roles to one service more": statement(
                "ServiceRole", "PassRoles", *EQUALS, "iam:PassedToService", ["ec2.amazonaws.com"]
            ),
            "its role to every service": statement("CallerRole", "PassServiceRole", "Condition"),
            "any subject": put("Parameters", "GitHubSubject", "AllowedPattern", ".*"),
            "a provider by default": put(
                "Parameters", "GitHubProviderArn", "Default", "arn:aws:iam::1:oidc-provider/x"
            ),
            "a policy by default": put("Parameters", "OwnResourcesPolicyArn", "Default", ADMINISTRATOR),
            "the wrong condition": put("Conditions", "NeedsNoBoundary", {"Fn::Equals": ["", ""]}),
        },
    ),
    *_mutants(
        "SEC12_PERMISSIONS_BOUNDARY",
        {
            "one role without": without("CallerRole", BOUNDARY),
            "always the parameter": of("CallerRole", BOUNDARY, {"Ref": BOUNDARY}),
            "the wrong way round": of(
                "ServiceRole", BOUNDARY, {"Fn::If": ["HasPermissionsBoundary", NOTHING, {"Ref": BOUNDARY}]}
            ),
        },
    ),
    *_mutants(
        "CFN06_KNOWN_RESOURCES",
        {
            "a third role": put("Resources", "Added", {"Type": "AWS::IAM::Role", "Properties": {}}),
            "a user": put("Resources", "Added", {"Type": "AWS::IAM::User", "Properties": {}}),
            "longer sessions": of("CallerRole", "MaxSessionDuration", 43200),
        },
    ),
]
