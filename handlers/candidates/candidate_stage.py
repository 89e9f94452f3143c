"""What all stages of candidates share: their message, and the dimensions of their metrics."""

from typing import ClassVar, TypeVar

from handlers.candidates.candidate import program_place
from handlers.runtime.context import S
from handlers.runtime.message import Message
from handlers.runtime.stage import WorkflowLambdaHandler
from handlers.runtime.tally import Place

R = TypeVar("R")


class CandidateMessage(Message, frozen=True, kw_only=True, rename="camel"):
    """`{"programId", "marketplace", "source"}`; candidates that have a program already need neither of the two."""

    example: ClassVar[str] = '{"programId": "p", "marketplace": "m", "source": {"kind": "inline", "records": [...]}}'

    program_id: str | None = None
    marketplace: str | None = None

    def place(self) -> Place:
        return program_place(self.program_id, self.marketplace)


class CandidateStage(WorkflowLambdaHandler[R, S]):
    """Metrics have the dimensions ProgramId and Marketplace, those of the candidate or else of the message."""

    message_type: ClassVar[type[Message]] = CandidateMessage
    home: ClassVar[Place] = program_place(None, None)
