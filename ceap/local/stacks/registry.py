"""The stacks of one account: found by name or ARN, and worked on in the background, one operation at a time.

Source: CloudFormation User Guide, "Stack status codes"; CloudFormation API Reference, "DeleteStack", "UpdateStack".
"""

import threading
import uuid
from collections.abc import Callable
from typing import Final

from ceap.local.clock import CLOCK
from ceap.local.sessions import REGION, Session, Sessions
from ceap.local.stacks.api_errors import ChangeSetNotFoundError, StackApiError
from ceap.local.stacks.exports import Exports
from ceap.local.stacks.hands import Hands, Host
from ceap.local.stacks.records import ChangeSet, Operation, StackRecord
from ceap.local.stacks.work import AbandonedError, Work

GONE: Final = "DELETE_COMPLETE"
ABSENT: Final = "Stack [{}] does not exist"
"""What calls for events and change sets say of a stack that is not there; others have the text of `Registry.get`."""

REVIEW: Final = "REVIEW_IN_PROGRESS"
_WAIT_S: Final = 5.0
"""How long each piece of work on a stack is waited for when the engine closes, in real seconds."""


class Registry:
    """Every stack of an account, those deleted too."""

    def __init__(self, account: str, host: Host, sessions: Sessions) -> None:
        self.account: Final = account
        self.exports: Final = Exports(self.live)
        self.sessions: Final = sessions
        self.lock: Final = threading.RLock()
        """Held while a call decides and changes what stacks there are and what they are doing."""
        self._host: Final = host
        self._records: Final[dict[str, StackRecord]] = {}
        self._threads: Final[list[threading.Thread]] = []
        self._turns: Final[dict[str, threading.Lock]] = {}

    def live(self) -> list[StackRecord]:
        """Return the stacks that are not deleted, the latest first."""
        return [record for record in self.every() if record.status != GONE]

    def every(self) -> list[StackRecord]:
        return list(self._records.values())[::-1]

    def find(self, name: str) -> StackRecord | None:
        """Return a stack by its name, while it is not deleted, or by its ARN."""
        if name.startswith("arn:"):
            return self._records.get(name)
        return next((record for record in self.live() if record.name == name), None)

    def get(self, name: str, absent: str = "Stack with id {} does not exist") -> StackRecord:
        """Return a stack by name or ARN; StackApiError, with a text that calls word differently, if there is none."""
        if (record := self.find(name)) is None:
            raise StackApiError(absent.format(name))
        return record

    def add(self, name: str, status: str) -> StackRecord:
        """Add a new stack."""
        arn = f"arn:aws:cloudformation:{REGION}:{self.account}:stack/{name}/{uuid.uuid4()}"
        record = self._records[arn] = StackRecord(arn, name, status)
        return record

    def change_set(self, name: str, stack: str | None) -> tuple[StackRecord, ChangeSet]:
        """Return a change set, by its ARN or by its name and its stack's, with the stack."""
        records = self.every() if stack is None else [self.get(stack, ABSENT)]
        for record in records:
            for made in record.change_sets.values():
                if name in (made.arn, made.name if stack is not None else ""):
                    return record, made
        if stack is None and not name.startswith("arn:"):
            raise StackApiError("StackName must be specified if ChangeSetName is not specified as an ARN.")
        raise ChangeSetNotFoundError(f"ChangeSet [{name}] does not exist")

    def forget(self, record: StackRecord) -> None:
        """Remove a stack for which nothing was done yet."""
        self._records.pop(record.arn)

    def hands(self, session: Session) -> Hands:
        return Hands(self.account, self._host, self.sessions, session)

    def work(self, record: StackRecord, operation: Operation, session: Session) -> Work:
        """Return work on a stack in a session; the session must be allowed whatever is done to each resource."""
        return Work(record, operation, self.hands(session), self.exports)

    def begin(self, record: StackRecord, operation: Operation, work: Callable[[], None]) -> None:
        """Work on a stack in a thread of its own, once what is at work on it has ended."""
        turn = self._turns.setdefault(record.arn, threading.Lock())

        def run() -> None:
            try:
                with turn:
                    work()
            except AbandonedError:
                pass
            except Exception as error:  # an error of the engine's, of which clients must not wait for the end
                record.tell(operation, record.status.replace("_IN_PROGRESS", "_FAILED"), f"Internal Failure: {error!r}")
            finally:
                CLOCK.end()

        CLOCK.begin()
        thread = threading.Thread(target=run, name=f"stack-{record.name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def wait(self) -> None:
        """Wait until all work on stacks has ended, at most some seconds."""
        for thread in self._threads:
            thread.join(_WAIT_S)

    def close(self) -> None:
        """Let all work end where it is."""
        for record in self.live():
            record.cancelled.set()
        self.wait()
