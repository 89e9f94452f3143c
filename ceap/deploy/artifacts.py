"""What a deployment uploads: the functions' zips and the Glue jobs, each folder under the hash of its content."""

from collections.abc import Iterator, Mapping
from os.path import relpath
from pathlib import Path
from typing import NamedTuple

import handlers
from ceap.archive import read_scripts, upload_prefix
from ceap.deploy.package import Package, build_package, check_locks
from ceap.output import say
from templates import discovery, naming, package_sets


class Artifacts(NamedTuple):
    """The zips and the scripts by file name; without a job there are no scripts, and the prefix is None."""

    zips: Mapping[str, Package]
    scripts: Mapping[str, bytes]
    handlers_prefix: str
    glue_prefix: str | None

    @property
    def parameters(self) -> dict[str, str]:
        """The prefixes by the names of the templates' parameters."""
        parameters = {naming.HANDLERS_PREFIX_PARAMETER: self.handlers_prefix}
        return parameters | ({naming.GLUE_PREFIX_PARAMETER: self.glue_prefix} if self.glue_prefix else {})

    @property
    def objects(self) -> dict[str, bytes]:
        """All content by its key in the artifact bucket."""
        return {
            **{f"{self.handlers_prefix}{name}": package.content for name, package in self.zips.items()},
            **{f"{self.glue_prefix}{name}": content for name, content in self.scripts.items()},
        }


def build_folder() -> Path:
    """Return the folder of the project for what is built, as seen from the current folder."""
    return Path(relpath(_handlers().parent / "build"))


def build_artifacts(*, bytecode: bool) -> Artifacts:
    """Build what the handlers and jobs of the project are deployed as; UsageError or SetupError as `build_package`."""
    zips = dict(_build_zips(_handlers(), build_folder() / "wheels", bytecode=bytecode))
    scripts = read_scripts(_handlers().parent / "glue")
    prefix = upload_prefix("handlers", {name: package.content for name, package in zips.items()})
    return Artifacts(zips, scripts, prefix, upload_prefix("glue", scripts) if scripts else None)


def _handlers() -> Path:
    return Path(handlers.__path__[0]).resolve()


def _build_zips(folder: Path, cache: Path, *, bytecode: bool) -> Iterator[tuple[str, Package]]:
    """Yield the zips with their file names: that without a set, and one for each set that a handler's NEEDS name."""
    sets = package_sets.find_sets()
    used = {discovery.load_needs(handler).packages for handler in discovery.handler_names()} - {None}
    for name in sorted(sets.keys() - used):
        say(f"handlers/{package_sets.FOLDER}/{name}.in: the NEEDS of no handler name it, so it gets no zip; remove it")
    check_locks(lock for lock in (folder / package_sets.BASE_LOCK, *sets.values()) if lock.is_file())
    yield naming.zip_name(None), build_package(folder, cache, bytecode=bytecode)
    for name, lock in sets.items():
        if name in used:
            yield naming.zip_name(name), build_package(folder, cache, lock, bytecode=bytecode)
