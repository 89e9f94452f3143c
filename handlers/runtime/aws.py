"""AWS clients, each made at its first use, and the stage error for each AWS error."""

import gc
import os
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec

from handlers.runtime.contract import PermanentStageError, StageError, TransientStageError
from handlers.runtime.deferred import deferring

CLIENT_ATTEMPTS: Final = 5
"""How often a client sends a request, the first time included."""

MAX_CONNECTIONS: Final = 64
KEEPALIVE_S: Final = 60
"""How often a connection that waits for an answer shows that it lives; a NAT gateway drops a silent one after 350 s.

Source: Amazon VPC User Guide, "Troubleshoot NAT gateways".
"""

# Transient errors without a 5xx status: those that the client itself retries, and those that a new attempt of the stage
# avoids, such as a missing upload. Source: "Error responses" of S3, DynamoDB and EventBridge; Lambda's "Invoke".
_TRANSIENT_CODES: Final = frozenset(
    {
        "BadDigest",
        "BandwidthLimitExceeded",
        "CodeArtifactUserDeletedException",
        "CodeArtifactUserPendingException",
        "EFSIOException",
        "EFSMountConnectivityException",
        "EFSMountFailureException",
        "EFSMountTimeoutException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteBody",
        "LimitExceededException",
        "NoSuchUpload",
        "OperationAborted",
        "PreconditionFailed",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeTooSkewed",
        "RequestTimeout",
        "RequestTimeoutException",
        "ResourceConflictException",
        "S3FilesMountConnectivityException",
        "S3FilesMountFailureException",
        "S3FilesMountTimeoutException",
        "ServiceQuotaExceededException",
        "SlowDown",
        "SnapStartException",
        "SnapStartNotReadyException",
        "SnapStartRegenerationFailureException",
        "SnapStartTimeoutException",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)

# What botocore and its dependencies import at every start, and a function hardly ever uses: documentation, settings and
# credentials of a developer's machine, pages and waiters, dates.
_DEFERRED: Final = {
    "botocore.docs.docstring": ("ClientMethodDocstring", "PaginatorDocstring", "WaiterDocstring"),
    "botocore.docs.service": ("ServiceDocumenter",),
    "configparser": (),
    "dateutil.parser": ("parse",),
    "getpass": ("getpass",),
    "importlib.metadata": ("version",),
    "jmespath": (),
    "subprocess": ("Popen",),
}

_MODEL_SUFFIXES: Final = (".json", ".json.gz")
_GZIP: Final = 31  # zlib's window bits for a gzip file


@cache
def client(service: str) -> Any:
    """Return the client of a service, made at the first call; it retries throttling and network errors itself."""
    # The objects of a client live as long as the process: to search them for garbage takes a tenth of a cold start, and
    # later a part of every collection.
    gc.disable()
    try:
        return _build_client(service)
    finally:
        gc.enable()
        gc.freeze()


def one_call_client(service: str, timeout_s: float) -> Any:
    """Return a new client for one call, which waits so long for its answer and is not repeated; close it afterwards.

    A client that is kept may have a connection that broke while Lambda had the process frozen, and would notice at its
    next request, which nobody repeats.
    """
    made = _build_client(service, retries={"total_max_attempts": 1}, read_timeout=timeout_s, tcp_keepalive=True)
    with suppress(AttributeError):  # of a botocore or a system that names them otherwise
        times = socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL
        options = made._endpoint.http_session._manager.connection_pool_kw["socket_options"]
        options += [(socket.IPPROTO_TCP, option, KEEPALIVE_S) for option in times]
    return made


def _build_client(service: str, **settings: Any) -> Any:
    session = _session()
    from botocore import __version__  # type: ignore[import-untyped]  # botocore ships no types
    from botocore.config import Config  # type: ignore[import-untyped]  # botocore ships no types

    defaults = {
        "retries": {"mode": "standard", "total_max_attempts": CLIENT_ATTEMPTS},
        "connect_timeout": 5,
        "read_timeout": 30,
        "max_pool_connections": MAX_CONNECTIONS,
        # botocore would join its own from 28 parts twice a request.
        "user_agent": f"Botocore/{__version__} ceap",
    }
    config = Config(**defaults | settings)
    with _undocumented():
        return session.create_client(service, config=config)


@contextmanager
def _undocumented() -> Iterator[None]:
    """Let the methods of a client that is built in this block have no help: a text for each would load the writer."""
    import botocore.client  # type: ignore[import-untyped]  # botocore ships no types

    names, writer = vars(botocore.client), "ClientMethodDocstring"
    documented = names.get(writer)
    names[writer] = lambda **_: None
    try:
        yield
    finally:
        names[writer] = documented


def _import_botocore() -> None:
    """Import botocore without the modules in `_DEFERRED`, each of which is imported when it is first used."""
    # A later botocore may use a name as no stand-in allows: the import after this one is then that of the whole.
    with suppress(AttributeError, ImportError, TypeError), deferring(_DEFERRED):
        for module in ("botocore.client", "botocore.handlers", "botocore.session"):
            import_module(module)


@cache
def _session() -> Any:
    """Return a session that reads botocore's models fast: its own way takes a fifth of a cold start."""
    _import_botocore()
    from botocore.hooks import HierarchicalEmitter  # type: ignore[import-untyped]  # botocore ships no types
    from botocore.session import Session  # type: ignore[import-untyped]  # botocore ships no types

    class Emitter(HierarchicalEmitter):  # type: ignore[misc]  # botocore ships no types
        """Does not look at the signature of each of botocore's 140 handlers."""

        def _verify_accept_kwargs(self, func: object) -> None:
            pass

    class FastSession(Session):  # type: ignore[misc]  # botocore ships no types
        def _register_builtin_handlers(self, events: Any) -> None:
            with suppress(AttributeError):  # of a botocore that names events otherwise
                _remember_names(events)
            super()._register_builtin_handlers(events)

    session = FastSession(event_hooks=Emitter())
    loader = session.get_component("data_loader")
    loader.file_loader = _ModelFiles()
    # botocore would search the folders of some 440 services to know whether one exists.
    loader.list_available_services = lambda _: os.listdir(loader.BUILTIN_DATA_PATH)  # noqa: PTH208 - 440 Paths take long
    return session


def _remember_names(emitter: Any) -> None:
    """Spare botocore the comparison of each event that it handles with 60 old names, if it has none of them."""
    from botocore.handlers import BUILTIN_HANDLERS  # type: ignore[import-untyped]  # botocore ships no types

    aliases = emitter._event_aliases
    parts = {old for old in aliases if "." not in old}
    sequences = aliases.keys() - parts
    for name, *_ in BUILTIN_HANDLERS:
        if parts.isdisjoint(name.split(".")) and not any(old in name for old in sequences):
            emitter._alias_name_cache[name] = name


class _ModelFiles:
    """Replaces botocore's JSONFileLoader, which decodes with json into OrderedDicts."""

    def exists(self, path: str) -> bool:
        return any(Path(path + suffix).is_file() for suffix in _MODEL_SUFFIXES)

    def load_file(self, path: str) -> Any:
        """Return the model of a path without suffix; None if there is no such file."""
        for suffix in _MODEL_SUFFIXES:
            file = Path(path + suffix)
            if file.is_file():
                content = file.read_bytes()
                return msgspec.json.decode(zlib.decompress(content, _GZIP) if suffix.endswith(".gz") else content)
        return None


@contextmanager
def stage_errors(action: str, resource: str, *, missing: str = "", denied: str = "") -> Iterator[None]:
    """Turn the AWS errors of a call into a stage's errors.

    Args:
        action: The IAM action, e.g. `s3:GetObject`.
        resource: What it is done to, e.g. `s3://bucket/key`.
        missing: The cure in the message when the resource does not exist.
        denied: The cure when the role may not do it, if not that NEEDS lack it.

    Raises:
        PermanentStageError: No later attempt can succeed.
        TransientStageError: A later attempt may; the client's own retries are used up.
    """
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _of_answer(error.response, f"{action} on {resource}", missing, denied) from error
    except exceptions.BotoCoreError as error:
        raise _of_no_answer(error, f"{action} on {resource}") from error


def _of_answer(answer: dict[str, Any], call: str, missing: str, denied: str) -> StageError:
    code, message = answer["Error"].get("Code", ""), answer["Error"].get("Message", "")
    status, retries = (answer["ResponseMetadata"].get(key, 0) for key in ("HTTPStatusCode", "RetryAttempts"))
    times = f" {retries + 1} times" if retries else ""
    said = f"{call} failed{times}: {status} {code}: {message}"
    if status >= 500 or status == 429 or code in _TRANSIENT_CODES:
        return TransientStageError(
            f"{said}; a later attempt may succeed: if none does, see the service's quotas and health"
        )
    if status == 403 or code == "AccessDeniedException":
        function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "this function")
        cure = denied or (
            f"add it to NEEDS of the handler and deploy its template again, or grant it to the role of {function}"
        )
        return PermanentStageError(f"{call} was denied: {message}; {cure}")
    if status == 404 or code in ("ResourceNotFoundException", "ParameterNotFound"):
        return PermanentStageError(f"{call} found nothing ({code}); {missing or 'check that it is deployed'}")
    return PermanentStageError(f"{said}; correct the request, or the resource")


def _of_no_answer(error: Exception, call: str) -> StageError:
    from botocore import exceptions

    network = (
        exceptions.ChecksumError,
        exceptions.ConnectionError,
        exceptions.CredentialRetrievalError,
        exceptions.FlexibleChecksumError,
        exceptions.HTTPClientError,
        exceptions.IncompleteReadError,
    )
    said = f"{call} failed: {type(error).__name__}: {error}"
    if isinstance(error, network):
        return TransientStageError(f"{said}; a later attempt may succeed: if none does, see the function's network")
    return PermanentStageError(f"{said}; correct the function's configuration")
