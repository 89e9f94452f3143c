"""`ceap package`: handlers/ and the wheels they import -> one zip."""

from __future__ import annotations

import argparse
from os.path import relpath
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="FILE", help="the zip (default: build/handlers.zip)")
    parser.add_argument("--json", action="store_true", help="print path, sizeBytes and handlersKey as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Build the zip; print where it is, its size, and the key under which the functions expect it."""
    import msgspec

    import handlers
    from ceap import files
    from ceap.archive import handlers_key
    from ceap.deploy.package import build_package

    folder = Path(handlers.__file__).resolve().parent
    build = folder.parent / "build"
    package = build_package(folder, build / "wheels")
    [(path, size, _)] = files.write_all([(arguments.out or Path(relpath(build / "handlers.zip")), package)])
    key = handlers_key(package)
    if arguments.json:
        print(msgspec.json.encode({"path": str(path), "sizeBytes": size, "handlersKey": key}).decode())
    else:
        print(f"{path}  {size:,} bytes\nHandlersKey={key}")
    return 0
