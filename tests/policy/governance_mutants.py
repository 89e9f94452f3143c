"""What a declaration wants of all resources, gone wrong: networks, boundaries, variables, settings by environment."""

from __future__ import annotations

from tests.policy.changes import Change, Mutant, drop, of, put, sub, without
from tests.policy.samples import Json

KIND = "governed"
STATEMENTS = ("Policies", 0, "PolicyDocument", "Statement")
DENIAL = ("KeepFunctionRole", *STATEMENTS, -1)
VARIABLES = ("Environment", "Variables")
ANY_SUBNET = "arn:${AWS::Partition}:ec2:${AWS::Region}:*:subnet/*"


def allowed_also(**fields: object) -> Change:
    """Return the change by which the role of a function has one more statement."""

    def change(data: Json) -> None:
        data["Resources"]["KeepFunctionRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].append(fields)

    return change


def no_denial(data: Json) -> None:
    data["Resources"]["KeepFunctionRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].pop()


NETWORK: dict[str, Change] = {
    "one outside": without("KeepFunction", "VpcConfig"),
    "fixed subnets": of("TakeFunction", "VpcConfig", "SubnetIds", ["subnet-1"]),
    "no groups": without("TakeFunction", "VpcConfig", "SecurityGroupIds"),
    "the wrong parameter": of("TakeFunction", "VpcConfig", "SubnetIds", {"Ref": "SecurityGroupIds"}),
    "no denial": no_denial,
    "less denied": of(*DENIAL, "Action", ["ec2:CreateNetworkInterface"]),
    "denied to another": of(
        *DENIAL, "Condition", "ArnEquals", "lambda:SourceFunctionArn", {"Fn::GetAtt": ["TakeFunction", "Arn"]}
    ),
    "denied under more": of(*DENIAL, "Condition", "Bool", {"aws:SecureTransport": "false"}),
    "denied elsewhere": of(*DENIAL, "Resource", [sub(ANY_SUBNET)]),
    "more denied": allowed_also(
        Effect="Deny",
        Action=["s3:GetObject"],
        Resource=["*"],
        Condition={"ArnEquals": {"lambda:SourceFunctionArn": {"Fn::GetAtt": ["KeepFunction", "Arn"]}}},
    ),
}
BOUNDARIES: dict[str, Change] = {
    "none on a role": without("PipeRole", "PermissionsBoundary"),
    "fixed": of("PipeRole", "PermissionsBoundary", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
    "any text": drop("Parameters", "PermissionsBoundary", "AllowedPattern"),
    "optional": put("Parameters", "PermissionsBoundary", "AllowedPattern", ".*"),
}
USES: dict[str, Change] = {
    "interfaces of others": of("KeepFunctionRole", *STATEMENTS, -2, "Resource", ["*"]),
    "no interfaces": of("KeepFunctionRole", *STATEMENTS, -2, "Action", ["ec2:DeleteNetworkInterface"]),
    "no VPC": without("KeepFunction", "VpcConfig"),
    "another bucket": of("TakeFunction", *VARIABLES, "SETTINGS", sub('{"source_bucket":"other-${Environment}"}')),
    "a bucket of no environment": of("TakeFunction", *VARIABLES, "SETTINGS", '{"source_bucket":"acme"}'),
}
SETTINGS: dict[str, Change] = {
    "too long": of("TakeFunction", *VARIABLES, "SETTINGS", sub(f'{{"source_bucket":"{"a" * 52}${{Environment}}"}}')),
    "not substituted": of("TakeFunction", *VARIABLES, "SETTINGS", '{"source_bucket":"acme-${Environment}"}'),
    "unknown": of("TakeFunction", *VARIABLES, "SETTINGS", sub('{"source":"acme-${Environment}"}')),
}
# Variables that the runtime, the SDK, Powertools or tracing obey.
OBEYED = {
    "POWERTOOLS_METRICS_DISABLED": "true",
    "POWERTOOLS_METRICS_NAMESPACE": "theirs",
    "POWERTOOLS_METRICS_FUNCTION_NAME": "x",
    "AWS_XRAY_SDK_ENABLED": "false",
    "AWS_XRAY_DAEMON_ADDRESS": "10.0.0.1:2000",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "TZ": "Asia/Tokyo",
    "PATH": "/tmp",
}
VARIABLE: dict[str, Change] = {name: of("KeepFunction", *VARIABLES, name, value) for name, value in OBEYED.items()}
UNKNOWN: dict[str, Change] = {
    "default subnets": put("Parameters", "SubnetIds", "Default", "subnet-1"),
    "any subnets": put("Parameters", "SubnetIds", "Type", "CommaDelimitedList"),
    "a default boundary": put("Parameters", "PermissionsBoundary", "Default", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
    "IPv6": of("TakeFunction", "VpcConfig", "Ipv6AllowedForDualStack", True),
    "too much storage": of("TakeFunction", "EphemeralStorage", "Size", 10241),
}

GOVERNANCE_MUTANTS = [
    Mutant(rule, KIND, name, change)
    for rule, changes in {
        "SEC11_NETWORK": NETWORK,
        "SEC12_PERMISSIONS_BOUNDARY": BOUNDARIES,
        "P42_GRANTS_ARE_USES": USES,
        "WIRE08_HANDLER_ENVIRONMENT": SETTINGS | VARIABLE,
        "CFN06_KNOWN_RESOURCES": UNKNOWN,
    }.items()
    for name, change in changes.items()
]
