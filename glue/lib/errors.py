"""The error that ends a job."""


class JobError(Exception):
    """Ends the job; Glue shows its sentence as the error of the run."""
