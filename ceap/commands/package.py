"""`ceap package`: handlers/ and the wheels they import -> one zip; glue/ -> its jobs and the zip of their library."""

import argparse
import shutil
from os.path import relpath
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="FILE", help="the zip (default: build/handlers.zip)")
    parser.add_argument("--json", action="store_true", help="print path, sizeBytes, handlersKey and gluePrefix as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write the files to upload; print the zip, its size, and the S3 keys of the code of functions and jobs."""
    import msgspec

    import handlers
    from ceap import files, signals
    from ceap.archive import glue_prefix, handlers_key, read_scripts
    from ceap.deploy.package import build_package

    folder = Path(handlers.__file__).resolve().parent
    build = folder.parent / "build"
    package = build_package(folder, build / "wheels")
    scripts = read_scripts(folder.parent / "glue")
    zipped = arguments.out or Path(relpath(build / "handlers.zip"))
    uploads = {Path(relpath(build / "glue" / name)): content for name, content in scripts.items()}
    with signals.held():
        # Files of an earlier package would be uploaded, too.
        shutil.rmtree(build / "glue", ignore_errors=True)
        [(path, size, _), *_] = files.write_all([(zipped, package), *uploads.items()])
    key = handlers_key(package)
    prefix = glue_prefix(scripts) if scripts else None
    if arguments.json:
        report = {"path": str(path), "sizeBytes": size, "handlersKey": key, "gluePrefix": prefix}
        print(msgspec.json.encode(report).decode())
    else:
        print(f"{path}  {size:,} bytes\nHandlersKey={key}" + (f"\nGluePrefix={prefix}" if prefix else ""))
    return 0
