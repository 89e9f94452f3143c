"""The local engine as AWS."""

from tests.operated import aws, engine

__all__ = ["aws", "engine"]
