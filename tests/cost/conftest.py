from tests.local.conftest import engine

__all__ = ["engine"]  # a fixture
