"""The local engine: runs the generated templates in this process, with no AWS account.

It knows only what the deployed templates say; `engine.Engine` is the way in. What it models, and what not, is listed in
docs/reference/run.md.
"""

import os

# moto and botocore read the machine's own AWS set-up, some of it when they are imported, and fail on a profile that is
# not there. The engine ignores it.
for _name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
    del os.environ[_name]
