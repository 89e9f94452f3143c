"""What moto answers to updates of one table, alone or with `ceap.local.expressions`: a process of its own for each.

`python table_answers.py alone|hooked`: a list of UpdateItem's arguments as JSON in, a list of answers out.
"""

import json
import sys

import boto3  # type: ignore[import-untyped]  # boto3 ships no types
from botocore.config import Config  # type: ignore[import-untyped]  # botocore ships no types
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types
from moto import mock_aws

from ceap.local import expressions

if __name__ == "__main__":
    if sys.argv[1] == "hooked":
        expressions.install()
    with mock_aws():
        client = boto3.client(
            "dynamodb",
            "us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            config=Config(parameter_validation=False),
        )
        client.create_table(
            TableName="items",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "other", "AttributeType": "S"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-other",
                    "KeySchema": [{"AttributeName": "other", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        answers = []
        for arguments in json.load(sys.stdin):
            try:
                answer = client.update_item(TableName="items", ReturnValues="ALL_NEW", **arguments)
                answers.append(answer["Attributes"])
            except ClientError as error:
                answers.append(error.response["Error"])
            except Exception as error:
                answers.append(f"{type(error).__name__}: {error}")
        json.dump(answers, sys.stdout)
