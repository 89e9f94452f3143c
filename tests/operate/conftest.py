"""Deployed workflows in the local engine, to be operated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.support import deploy_express, deploy_standard
from tests.operated import Operated, operated


@pytest.fixture(scope="module")
def express() -> Iterator[Operated]:
    """The EXPRESS workflow, which the tests of a module share."""
    with operated("express", deploy_express) as found:
        yield found


@pytest.fixture(scope="module")
def standard() -> Iterator[Operated]:
    """The STANDARD workflow with a Glue job, which the tests of a module share."""
    with operated("standard", deploy_standard) as found:
        yield found
