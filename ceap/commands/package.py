"""`ceap package`: handlers/ and the wheels they import -> a zip per set; glue/ -> its jobs and their library's zip."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ceap.deploy.package import Package

EXAMPLES: Final = {
    "ceap package": "build the zips in build/, and print their S3 prefixes",
    "ceap package --bytecode": "add byte code for the functions' Python, so that they start faster",
    "ceap package --out /tmp/zips --json": "build them elsewhere, and print the prefixes as JSON",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder of the zips (default: build/handlers)")
    parser.add_argument(
        "--bytecode",
        action="store_true",
        help="add byte code, for which Python of the functions' version must be installed "
        "(default: as `bytecode` in ceap.toml says)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print handlersPrefix, gluePrefix and zips with their packages as JSON"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the files to upload; print the zips with their packages, and the S3 prefixes of zips and jobs."""
    from ceap import files
    from ceap.ceap_toml import load_config
    from ceap.deploy.artifacts import build_artifacts, build_folder

    bytecode = arguments.bytecode or load_config(Path.cwd()).bytecode
    build, artifacts = build_folder(), build_artifacts(bytecode=bytecode)
    out = arguments.out or build / "handlers"
    zips = {out / name: package for name, package in artifacts.zips.items()}
    jobs = {build / "glue" / name: content for name, content in artifacts.scripts.items()}
    files.write_all([*((path, package.content) for path, package in zips.items()), *jobs.items()])
    _remove_others(build / "glue", jobs)
    if not arguments.out:
        _remove_others(out, zips)
    prefixes = {"handlersPrefix": artifacts.handlers_prefix, "gluePrefix": artifacts.glue_prefix}
    print(_as_json(prefixes, zips) if arguments.json else "\n".join(_as_text(prefixes, zips)))
    return 0


def _remove_others(folder: Path, kept: Mapping[Path, object]) -> None:
    """Remove what an earlier package has left in a folder, as it would be uploaded, too."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path not in kept:
            path.unlink()


def _as_json(prefixes: Mapping[str, str | None], zips: Mapping[Path, Package]) -> str:
    import msgspec

    report: list[dict[str, Any]] = [
        {
            "path": str(path),
            "sizeBytes": len(package.content),
            "packages": [
                {"name": part.name, "version": part.version, "sizeBytes": part.size_bytes}
                for part in package.parts
                if part.version
            ],
        }
        for path, package in zips.items()
    ]
    return msgspec.json.encode({**prefixes, "zips": report}).decode()


def _as_text(prefixes: Mapping[str, str | None], zips: Mapping[Path, Package]) -> Iterator[str]:
    for path, package in zips.items():
        yield f"{path}  {len(package.content):,} bytes"
        yield from (f"  {part}" for part in package.parts)
    for name, prefix in prefixes.items():
        if prefix:
            yield f"{name[0].upper()}{name[1:]}={prefix}"
