"""Functions, roles and managed policies, as CloudFormation makes, changes and deletes them in moto's backends."""

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from moto.awslambda.models import lambda_backends
from moto.iam.models import iam_backends
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends

from ceap.local import role_policies
from ceap.local.stack_models import ResourceError
from ceap.local.stacks.handler import Given, Handler, make, tags_of

_VERSIONS_MAX: Final = 5
"""Source: IAM User Guide, "IAM and AWS STS quotas"."""

_CODE: Final = "ceap_code"
_ATTACHED: Final = "ceap_attached"
_NO_CODE: Final = (
    "Error occurred while GetObject. S3 Error Code: {}. S3 Error Message: {} (Service: Lambda, Status Code: 400)"
)


def _find_function(given: Given, name: str) -> Any:
    functions = lambda_backends[given.account][given.region].list_functions()
    return next((function for function in functions if function.function_name == name.rpartition(":")[2]), None)


def _create_function(given: Given) -> Any:
    function = make(given)
    vars(function)[_CODE] = dict(given.properties["Code"])
    return function


def _apply_function(function: Any, given: Given) -> Any:
    properties = given.properties
    code = dict(properties["Code"])
    # As on AWS, other bytes under the same key are not taken: the code did not change.
    if vars(function).get(_CODE) != code:
        function._set_function_code(_code_to_take(function, code, given.account))
        vars(function)[_CODE] = code
    function.handler = properties.get("Handler")
    function.role = properties["Role"]
    function.run_time = properties.get("Runtime")
    function.description = properties.get("Description", "")
    function.memory_size = int(properties.get("MemorySize", 128))
    function.timeout = int(properties.get("Timeout", 3))
    function.environment_vars = properties.get("Environment", {}).get("Variables", {})
    function.kms_key_arn = properties.get("KmsKeyArn")
    function.tracing_config = properties.get("TracingConfig", {"Mode": "PassThrough"})
    function.architectures = properties.get("Architectures", ["x86_64"])
    function.ephemeral_storage = int(properties.get("EphemeralStorage", {}).get("Size", 512))
    function.reserved_concurrency = properties.get("ReservedConcurrentExecutions")
    function._vpc_config = properties.get("VpcConfig")
    function.logs_group_name = properties.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{given.name}")
    function.tags = tags_of(given)
    function.code_or_config_updated = True
    return function


def _code_to_take(function: Any, code: Mapping[str, Any], account: str) -> Mapping[str, Any]:
    """Return code as moto takes it; ResourceError, in Lambda's words, if it is not there."""
    if "ZipFile" in code:
        return {"ZipFile": function._create_zipfile_from_plaintext_code(code["ZipFile"])}
    try:
        found = s3_backends[account]["aws"].get_object(code["S3Bucket"], code["S3Key"])
    except MissingBucket:
        raise ResourceError(_NO_CODE.format("NoSuchBucket", "The specified bucket does not exist")) from None
    if found is None:
        raise ResourceError(_NO_CODE.format("NoSuchKey", "The specified key does not exist."))
    return code


def _delete_function(function: Any, given: Given) -> None:
    if _find_function(given, function.function_name):
        lambda_backends[given.account][given.region].delete_function(function.function_name)


def _find_role(given: Given, name: str) -> Any:
    return next((role for role in iam_backends[given.account]["aws"].get_roles() if role.name == name), None)


def _apply_role(role: Any, given: Given) -> Any:
    properties, backend = given.properties, iam_backends[given.account]["aws"]
    role.assume_role_policy_document = _text(properties["AssumeRolePolicyDocument"])
    role.policies = {each["PolicyName"]: _text(each["PolicyDocument"]) for each in properties.get("Policies", ())}
    role.description = properties.get("Description", "")
    role.max_session_duration = properties.get("MaxSessionDuration", 3600)
    role.permissions_boundary_arn = properties.get("PermissionsBoundary")
    role.tags = list(backend._tag_verification([{"Key": k, "Value": v} for k, v in tags_of(given).items()]).values())
    role_policies.check_policies({given.logical_id: role}, given.account)
    _attach(role, given)
    return role


def _attach(role: Any, given: Given) -> None:
    """Attach the managed policies that the properties name, and detach those that they named before."""
    backend, wanted = iam_backends[given.account]["aws"], given.properties.get("ManagedPolicyArns", [])
    for arn in wanted:
        role_policies.managed_document(arn, given.account, f"role {role.name}, ManagedPolicyArns")
    for arn in set(vars(role).get(_ATTACHED, ())) - {*wanted} & {*role.managed_policies}:
        backend.detach_role_policy(arn, role.name)
    for arn in wanted:
        if arn not in role.managed_policies:
            backend.attach_role_policy(arn, role.name)
    vars(role)[_ATTACHED] = list(wanted)


def _delete_role(role: Any, given: Given) -> None:
    if _find_role(given, role.name) is not role:
        return
    backend = iam_backends[given.account]["aws"]
    for arn in {*vars(role).get(_ATTACHED, ())} & {*role.managed_policies}:
        backend.detach_role_policy(arn, role.name)
    if role.managed_policies:
        raise ResourceError("Cannot delete entity, must detach all policies first.", "GeneralServiceException")
    role.policies = {}
    backend.delete_role(role.name)


def _find_policy(given: Given, name: str) -> Any:
    path = given.properties.get("Path", "/")
    arn = name if name.startswith("arn:") else f"arn:aws:iam::{given.account}:policy{path}{name}"
    return iam_backends[given.account]["aws"].managed_policies.get(arn)


def _apply_policy(policy: Any, given: Given) -> Any:
    backend, text = iam_backends[given.account]["aws"], _text(given.properties["PolicyDocument"])
    if text != next(version.document for version in policy.versions if version.is_default):
        if len(policy.versions) == _VERSIONS_MAX:
            oldest = next(version for version in policy.versions if not version.is_default)
            policy.versions = [version for version in policy.versions if version is not oldest]
        backend.create_policy_version(policy.arn, text, True)
    role_policies.check_policies({given.logical_id: policy}, given.account)
    wanted = given.properties.get("Roles", [])
    _detach_policy(policy, given, keep=wanted)
    for role in [backend.get_role(name) for name in wanted]:
        if policy.arn not in role.managed_policies:
            policy.attach_to(role)
    vars(policy)[_ATTACHED] = list(wanted)
    return policy


def _detach_policy(policy: Any, given: Given, *, keep: Collection[str] = ()) -> None:
    """Detach a policy from the roles that its properties named."""
    for role in list(iam_backends[given.account]["aws"].get_roles()):
        if role.name in {*vars(policy).get(_ATTACHED, ())} - {*keep} and policy.arn in role.managed_policies:
            policy.detach_from(role)


def _delete_policy(policy: Any, given: Given) -> None:
    _detach_policy(policy, given)
    if policy.attachment_count:
        raise ResourceError("Cannot delete a policy attached to entities.", "GeneralServiceException")
    iam_backends[given.account]["aws"].managed_policies.pop(policy.arn, None)


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


HANDLERS: Final = {
    "AWS::IAM::ManagedPolicy": Handler(_find_policy, _apply_policy, _delete_policy),
    "AWS::IAM::Role": Handler(_find_role, _apply_role, _delete_role),
    "AWS::Lambda::Function": Handler(_find_function, _apply_function, _delete_function, _create_function),
}
