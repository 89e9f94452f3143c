"""The settings of a job, and the arguments of one run."""

from typing import NamedTuple


class Settings(NamedTuple):
    """What a transform takes and gives.

    `input` declares, as Spark writes a schema, the fields of a record that it reads; null where a record has none, or
    one of another type. `output` says where in a record each column that it adds goes; null writes nothing. In a first
    stage each record gets the `message_fields` of the message, unless it has the field that `complete_if` names.
    """

    input: str
    output: dict[str, tuple[str, ...]]
    message_fields: tuple[str, ...] = ()
    complete_if: str | None = None


class Job(NamedTuple):
    """One run; the keys of all that it writes begin with `prefix`, `started_at` is ISO 8601 in UTC."""

    execution_id: str
    input_bucket: str
    input_key: str
    output_bucket: str
    output_key: str
    stage: str
    prefix: str
    run_id: str
    started_at: str

    @property
    def is_first(self) -> bool:
        """Whether the job reads the message, not the document of a stage before it."""
        return self.input_key == f"executions/{self.execution_id}/initial/output.json"
