"""`ceap package`: handlers/ and the wheels they import -> one zip."""

from __future__ import annotations

import argparse
from os.path import relpath
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="FILE", help="the zip (default: build/handlers.zip)")
    parser.add_argument("--json", action="store_true", help="print path, sizeBytes, handlersKey and gluePrefix as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Build the zip; print where it is, its size, and where functions and Glue jobs expect their code."""
    import msgspec

    import handlers
    from ceap import files
    from ceap.archive import glue_prefix, handlers_key, read_scripts
    from ceap.deploy.package import build_package

    folder = Path(handlers.__file__).resolve().parent
    build = folder.parent / "build"
    package = build_package(folder, build / "wheels")
    [(path, size, _)] = files.write_all([(arguments.out or Path(relpath(build / "handlers.zip")), package)])
    key = handlers_key(package)
    scripts = read_scripts(folder.parent / "glue")
    prefix = glue_prefix(scripts) if scripts else None
    if arguments.json:
        report = {"path": str(path), "sizeBytes": size, "handlersKey": key, "gluePrefix": prefix}
        print(msgspec.json.encode(report).decode())
    else:
        print(f"{path}  {size:,} bytes\nHandlersKey={key}" + (f"\nGluePrefix={prefix}" if prefix else ""))
    return 0
