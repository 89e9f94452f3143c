"""The AWS CLI, which `make awscli` installs in an environment of its own."""

import sys
from pathlib import Path
from typing import Final

AWS_CLI: Final = Path(sys.prefix, "awscli", "bin", "aws")
