"""A Glue job runs a script of `glue/` with its library, from where `ceap package` puts them.

Source: requirement 5.6; docs/reference/package.md; AWS::Glue::Job Command.
"""

import json
from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import JOB, at, resources
from ceap.cfn.template import Template
from ceap.iam.arn import resolve
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates import discovery, naming
from templates.imports import artifact_url
from templates.objects import plain

RULE: Final = "WIRE09_JOB_SCRIPT"
ENTRY: Final = Entry(
    title="A Glue job runs a script of the package with the package's library",
    why="If the script or library is missing, the job fails when it starts, perhaps ten minutes into an execution.",
    fix=(
        "Set `ScriptLocation: !Sub s3://${ArtifactBucket}/${GluePrefix}heavy_etl.py`, with ArtifactBucket imported "
        "from the foundation and a script of glue/, and `--extra-py-files` to lib.zip there."
    ),
    requirement=("5.6",),
    source="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html",
)


def check(template: Template) -> Iterator[Fault]:
    if at(template.data, "Parameters", naming.GLUE_PREFIX_PARAMETER) is None:
        return  # not what `ceap package` has put there
    scripts = [plain(artifact_url(naming.script_key(name))) for name in discovery.job_names()]
    library = plain(artifact_url(naming.library_key()))
    for job in resources(template, JOB):
        location = at(job.properties, "Command", "ScriptLocation")
        if location is not None and location not in scripts:
            what = f"{resolve(template, location)} is not a script of the package"
            fix = f"ScriptLocation: {', or '.join(map(json.dumps, scripts))}"
            yield Fault(job.path("Command", "ScriptLocation"), what, fix)
        extra = at(job.properties, "DefaultArguments", naming.EXTRA_PY_FILES)
        if extra != library:
            fix = f"DefaultArguments {naming.EXTRA_PY_FILES}: {json.dumps(library)}"
            place = () if extra is None else ("DefaultArguments", naming.EXTRA_PY_FILES)
            yield Fault(job.path(*place), "the library of the package is not on the job's Python path", fix)
