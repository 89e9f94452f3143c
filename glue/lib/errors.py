"""How a job ends that cannot go on."""


class JobError(Exception):
    """Ends the job; Glue shows its sentence as the error of the run."""
