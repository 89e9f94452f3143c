"""`python -m ceap`: the same as `ceap`, where the folder of programs is not in PATH."""

import sys

from ceap.cli import main

sys.exit(main())
