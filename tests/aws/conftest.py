from tests.deploy.conftest import aws, engine

__all__ = ["aws", "engine"]  # fixtures
