"""What a run finds when its message comes: objects in buckets, items in tables, secrets and parameters.

{folder}/s3/{bucket}/{key}       any files
{folder}/tables/{table}.jsonl    one item a line, as plain JSON; the table by its declared name, e.g. `program_config`
{folder}/secrets/{name}          and
{folder}/parameters/{name}       are those of `seed_values`
{folder}/functions/{parameter}   and what is beside it are those of `existing_functions`

The folder of a run that was kept is a seed, too: of what it holds, the tables are taken. A run keeps no secrets and no
functions, so these and the parameters are then those of the default folder.
"""

import codecs
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import msgspec
from boto3.dynamodb.types import TypeSerializer  # type: ignore[import-untyped]  # boto3 ships no types

from ceap.errors import UsageError
from ceap.local import run_folder
from ceap.local.existing_functions import (
    FUNCTIONS_FOLDER,
    ExistingFunction,
    configuration_of,
    load_function,
    missing_function,
    place_of,
)
from ceap.local.seed_values import KINDS, PARAMETERS_FOLDER, SECRETS_FOLDER, Kind, load_values, local_name, read_value
from handlers.runtime.batch import batched
from handlers.runtime.needs import BucketName, Needs, Table
from handlers.runtime.tables import PUT_LIMIT, Item, check_item
from templates import discovery, naming, words
from templates.model import Workflow

BUCKETS_FOLDER: Final = "s3"
TABLES_FOLDER: Final = "tables"
FOLDERS: Final = (BUCKETS_FOLDER, TABLES_FOLDER, SECRETS_FOLDER, PARAMETERS_FOLDER, FUNCTIONS_FOLDER)
_NEVER_KEPT: Final = (SECRETS_FOLDER, PARAMETERS_FOLDER, FUNCTIONS_FOLDER)
TABLE_SUFFIX: Final = ".jsonl"
# Source: Amazon S3 User Guide, "Naming Amazon S3 objects".
KEY_BYTES: Final = 1024
_OWN_BUCKETS: Final = tuple(name.partition("$")[0] for name in (naming.WORKFLOW_BUCKET, naming.ARTIFACT_BUCKET))


class Seed(NamedTuple):
    """What to put where, and the folder that it comes from.

    `buckets` holds the files of each bucket by key, `tables` the items of each table as DynamoDB's API has them,
    `values` the files of secrets and parameters by name, and `functions` the existing functions of the steps, by the
    parameters that name them. `is_run` says that the folder is that of an earlier run, `unused` which functions of the
    folder no step names.
    """

    folder: Path | None
    is_run: bool
    buckets: Mapping[str, Mapping[str, Path]]
    tables: Mapping[str, Sequence[Item]]
    values: Mapping[str, Mapping[str, Path]]
    functions: Mapping[str, ExistingFunction]
    unused: Sequence[str]


def load_seed(
    folder: Path | None,
    source_buckets: Iterable[str],
    tables: Mapping[str, Table],
    needs: Sequence[Needs] = (),
    *,
    functions: Mapping[str, str] = {},
    default: Path | None = None,
) -> Seed:
    """Read and check a seed, with the source buckets even if it has no files for them; None: nothing else.

    Args:
        folder: The seed, or an earlier run.
        source_buckets: The buckets that messages may name.
        tables: The tables by their declared names.
        needs: Those of the workflow's handlers, whose names of secrets and parameters count.
        functions: The parameters that name existing functions, each with the stage that the function does.
        default: The folder that is meant if none is given, and where secrets, parameters and functions are if the
            given one is that of an earlier run.

    Raises:
        UsageError: A folder, a file or a line is wrong.
    """
    folder = run_folder.resolve_latest(folder) if folder else None
    is_run = folder is not None and run_folder.is_run(folder)
    parts = {path.name: path for path in _children(folder)} if folder else {}
    if is_run:
        parts = {name: path for name, path in parts.items() if name == TABLES_FOLDER}
        others = _children(default) if default and default.exists() else []
        parts |= {path.name: path for path in others if path.name in _NEVER_KEPT}
    for name, path in parts.items():
        if name not in FOLDERS:
            raise UsageError(f"{path}: a seed has no {name!r}; {words.allowed(name, FOLDERS)}")
    buckets, items = parts.get(BUCKETS_FOLDER), parts.get(TABLES_FOLDER)
    present = _find_functions(parts[FUNCTIONS_FOLDER]) if FUNCTIONS_FOLDER in parts else {}
    home = (default if is_run else folder) or default or Path()
    return Seed(
        folder=folder,
        is_run=is_run,
        buckets={
            **{name: {} for name in source_buckets},
            **({path.name: _load_bucket(path) for path in _children(buckets)} if buckets else {}),
        },
        tables={path.stem: _load_table(path, tables) for path in _children(items)} if items else {},
        values={kind.folder: _load_values(kind, parts[kind.folder], needs) for kind in KINDS if kind.folder in parts},
        functions=_load_functions(present, functions, home),
        unused=[parameter for parameter in present if parameter not in functions],
    )


def source_buckets(workflow: Workflow) -> list[str]:
    """Return the buckets that the steps of a workflow let messages name, as a local run calls them."""
    return [local_name(bucket) for bucket in map(discovery.source_bucket, workflow.lambda_steps) if bucket is not None]


def plant(seed: Seed, client: Callable[[str], Any], foundation: Mapping[str, str]) -> None:
    """Make the buckets and put all objects, items, secrets and parameters, with clients that no policy limits.

    `foundation` are the outputs of the foundation stack, which say what the tables are called.
    """
    for bucket, files in seed.buckets.items():
        client("s3").create_bucket(Bucket=bucket)
        for key, path in files.items():
            with path.open("rb") as content:
                client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    for table, items in seed.tables.items():
        name = foundation[f"{naming.table_id(table)}Name"]
        for batch in batched(({"PutRequest": {"Item": item}} for item in items), PUT_LIMIT):
            client("dynamodb").batch_write_item(RequestItems={name: batch})
    for name, file in seed.values.get(SECRETS_FOLDER, {}).items():
        client("secretsmanager").create_secret(Name=name, SecretString=read_value(file))
    for name, file in seed.values.get(PARAMETERS_FOLDER, {}).items():
        client("ssm").put_parameter(Name=name, Value=read_value(file), Type="String", Tier="Intelligent-Tiering")


def describe(seed: Seed) -> str:
    """Return what a seed holds, e.g. `seed DIR: bucket my-exports with 2 objects`; empty if it holds nothing."""
    buckets = [f"bucket {name} with {words.plural(len(files), 'object')}" for name, files in seed.buckets.items()]
    tables = [f"table {name} with {words.plural(len(items), 'item')}" for name, items in seed.tables.items()]
    values = [words.plural(len(files), kind.removesuffix("s")) for kind, files in seed.values.items() if files]
    values += [f"existing function {name}" for name in seed.functions]
    values += [f"{FUNCTIONS_FOLDER}/{name}, which no step names" for name in seed.unused]
    if not (buckets or tables or values or seed.is_run):
        return ""
    place = f" {seed.folder}" if seed.folder else ""
    tables = tables or ["no table"] * seed.is_run
    return f"seed{place}{', an earlier run' if seed.is_run else ''}: {', '.join((*buckets, *tables, *values))}"


def _children(folder: Path) -> list[Path]:
    """Return what a folder holds, sorted; a link is refused, because it may lead anywhere."""
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder}: the seed's folder cannot be read: {error.strerror}; make it a folder") from None
    for path in paths:
        if path.is_symlink():
            raise UsageError(f"{path}: is a symbolic link, and a seed holds files and folders only; put a copy there")
    return paths


def _files(folder: Path) -> Iterator[Path]:
    for path in _children(folder):
        if path.is_dir():
            yield from _files(path)
        else:
            _check_file(path)
            yield path


def _check_file(path: Path) -> None:
    if not path.is_file():  # opening a pipe would wait
        raise UsageError(f"{path}: is no file; remove it")
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}; make it readable, or remove it") from None


def _load_bucket(folder: Path) -> dict[str, Path]:
    """Return the files of a bucket by key."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: is no folder; put it into the folder of its bucket: s3/{{bucket}}/{{key}}")
    try:
        msgspec.convert(folder.name, BucketName)
    except msgspec.ValidationError:
        raise UsageError(
            f"{folder}: {folder.name!r} is no name of a bucket; allowed: 3 to 63 of a-z, 0-9, hyphen and single dots"
        ) from None
    if folder.name.startswith(_OWN_BUCKETS):
        raise UsageError(f"{folder}: is a bucket of the foundation, which a seed cannot fill; name another")
    files = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    for key, path in files.items():
        try:
            size_bytes = len(key.encode())
        except UnicodeEncodeError:
            raise UsageError(f"{path}: its name is not UTF-8, as a key must be; rename it") from None
        if size_bytes > KEY_BYTES:
            raise UsageError(f"{path}: its key has {size_bytes:,} bytes; allowed: {KEY_BYTES:,}; shorten it")
    return files


def _find_functions(folder: Path) -> dict[str, Path]:
    """Return the folders of the functions of a seed by name; UsageError for what is neither that nor of one."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: is no folder; put the code of a function into {place_of(folder.parent, 'NAME')}/")
    children = _children(folder)
    folders = {path.name: path for path in children if path.is_dir()}
    beside = {configuration_of(path) for path in folders.values()}
    for path in children:
        if not path.is_dir() and path not in beside:
            raise UsageError(f"{path}: belongs to no function; the code of one is a folder, such as {folder}/NAME/")
    return folders


def _load_functions(present: Mapping[str, Path], wanted: Mapping[str, str], home: Path) -> dict[str, ExistingFunction]:
    found = {}
    for parameter, stage in wanted.items():
        if parameter not in present:
            raise missing_function(place_of(home, parameter), parameter, stage, present.keys() - wanted.keys())
        found[parameter] = load_function(present[parameter], _files(present[parameter]))
    return found


def _load_values(kind: Kind, folder: Path, needs: Sequence[Needs]) -> dict[str, Path]:
    if not folder.is_dir():
        raise UsageError(f"{folder}: is no folder; put each value into a file of its own: {kind.folder}/{{name}}")
    declared = [local_name(name) for each in needs for name in kind.declared(each)]
    return load_values(kind, {path.relative_to(folder).as_posix(): path for path in _files(folder)}, declared)


def _load_table(path: Path, tables: Mapping[str, Table]) -> list[Item]:
    """Return the items of a table as DynamoDB's API has them."""
    if path.suffix != TABLE_SUFFIX:
        raise UsageError(f"{path}: is not {{table}}{TABLE_SUFFIX}; rename or remove it")
    if path.stem not in tables:
        raise UsageError(f"{path}: there is no table {path.stem!r}; {words.allowed(path.stem, tables)}")
    _check_file(path)
    table, items, lines = tables[path.stem], list[Item](), dict[tuple[str, ...], int]()
    for number, line in enumerate(path.read_bytes().removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            key, item = _read_item(line, table)
        except (ValueError, RecursionError) as error:
            reason = "is nested too deep; flatten it" if isinstance(error, RecursionError) else str(error)
            raise UsageError(f"{path}:{number}: {reason}") from None
        if (other := lines.setdefault(key, number)) != number:
            raise UsageError(f"{path}:{number}: has the key of line {other}, which it would replace; remove one")
        items.append(item)
    return items


def _read_item(line: bytes, table: Table) -> tuple[tuple[str, ...], Item]:
    """Return the key of an item, and the item as DynamoDB's API has it; ValueError says what is wrong, and the cure."""
    try:
        text = line.decode()
        item = json.loads(text, parse_int=float, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        cure = "write one item a line, as a JSON object"
        raise ValueError(f"is not JSON: {error.msg}, column {error.colno}; {cure}") from None
    if not isinstance(item, dict):
        raise ValueError('is not an object; write an item as {"name": value, ...}')
    key = _check_keys(item, table)
    try:
        exact = json.loads(text, parse_int=Decimal, parse_float=Decimal)
        return key, {name: TypeSerializer().serialize(value) for name, value in exact.items()}
    except ArithmeticError:
        raise ValueError(
            "has a number that DynamoDB refuses; allowed: 38 digits, from 1E-130 to 9.9E+125; shorten it"
        ) from None


def _check_keys(item: Item, table: Table) -> tuple[str, ...]:
    """Return the key of an item; ValueError if DynamoDB refuses the key, one of an index, or the item's size."""
    own = [name for name in (table.partition_key, table.sort_key) if name]
    for name in own:
        if name not in item:
            raise ValueError(f"lacks {name}, of the key of table {table.name}; add it")
    for name in (*own, *(name for index in table.indexes for name in (index.partition_key, index.sort_key))):
        if not isinstance(item.get(name, ""), str):
            raise ValueError(f"{name} is of a key of table {table.name}, but no string; put it in quotes")
    check_item(table, item)
    return tuple(item[name] for name in own)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"has {name}, which JSON does not know; write a number, a string or null")
