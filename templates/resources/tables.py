"""The DynamoDB tables that handlers declare; an existing table can be adopted by its name."""

from collections.abc import Iterable

from troposphere import If, Ref, Sub, Template, dynamodb

from handlers.runtime.needs import Index, Table
from templates import naming
from templates.resources.adoption import add_adoption, made_or_adopted
from templates.resources.encryption import if_key
from templates.resources.retention import KEEP


def add_tables(template: Template, tables: Iterable[Table]) -> dict[str, If]:
    """Add the tables; return export name -> table name, of the table made here or of the adopted one."""
    return {f"{naming.table_id(table.name)}Name": _add_table(template, table) for table in tables}


def _add_table(template: Template, table: Table) -> If:
    logical_id = naming.table_id(table.name)
    description = f"Name of an existing table to adopt as {table.name}; empty makes a new one"
    condition = add_adoption(template, logical_id, description)
    template.add_resource(
        dynamodb.Table(
            logical_id,
            Condition=condition,
            TableName=Sub(naming.table(table.name)),
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                dynamodb.AttributeDefinition(AttributeName=name, AttributeType="S") for name in _key_attributes(table)
            ],
            KeySchema=_key_schema(table.partition_key, table.sort_key),
            SSESpecification=if_key(
                dynamodb.SSESpecification(SSEEnabled=True, SSEType="KMS", KMSMasterKeyId=Ref(naming.KMS_KEY_PARAMETER))
            ),
            PointInTimeRecoverySpecification=dynamodb.PointInTimeRecoverySpecification(PointInTimeRecoveryEnabled=True),
            **({"GlobalSecondaryIndexes": [_index(index) for index in table.indexes]} if table.indexes else {}),
            **({"TimeToLiveSpecification": _time_to_live(table.ttl)} if table.ttl else {}),
            **KEEP,
        )
    )
    return made_or_adopted(logical_id)


def _key_attributes(table: Table) -> list[str]:
    """Return the attributes of all keys, each once, sorted: DynamoDB requires exactly these definitions."""
    names = {table.partition_key, table.sort_key}
    for index in table.indexes:
        names |= {index.partition_key, index.sort_key}
    return sorted(name for name in names if name)


def _key_schema(partition_key: str, sort_key: str | None) -> list[dynamodb.KeySchema]:
    keys = [dynamodb.KeySchema(AttributeName=partition_key, KeyType="HASH")]
    if sort_key:
        keys.append(dynamodb.KeySchema(AttributeName=sort_key, KeyType="RANGE"))
    return keys


def _index(index: Index) -> dynamodb.GlobalSecondaryIndex:
    return dynamodb.GlobalSecondaryIndex(
        IndexName=index.name,
        KeySchema=_key_schema(index.partition_key, index.sort_key),
        Projection=dynamodb.Projection(ProjectionType="ALL"),
    )


def _time_to_live(attribute: str) -> dynamodb.TimeToLiveSpecification:
    return dynamodb.TimeToLiveSpecification(AttributeName=attribute, Enabled=True)
