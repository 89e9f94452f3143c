"""What a deployment uploads: the functions' zips and the Glue jobs, each folder under the hash of its content."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ceap.deploy.package import Package


class Artifacts(NamedTuple):
    """The zips and the scripts by file name; a prefix ends in a slash, that of no jobs is None."""

    zips: Mapping[str, Package]
    scripts: Mapping[str, bytes]
    handlers_prefix: str
    glue_prefix: str | None

    @property
    def parameters(self) -> Mapping[str, str]:
        """Return the prefixes by the name of the template's parameter, without those that are None."""
        raise NotImplementedError

    @property
    def objects(self) -> Mapping[str, bytes]:
        """Return all content by its key in the artifact bucket."""
        raise NotImplementedError


def build_artifacts(root: Path) -> Artifacts:
    """Build what the handlers and jobs of a project are deployed as; UsageError or SetupError as `build_package`."""
    raise NotImplementedError
