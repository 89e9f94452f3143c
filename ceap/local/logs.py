"""CloudWatch log groups: written as the services write them, with the role's permission where AWS asks for it."""

import threading
from collections.abc import Iterable
from typing import Any, Final

from moto.logs.models import logs_backends

from ceap.local.calls import Question
from ceap.local.clock import Clock
from ceap.local.metrics import add_embedded
from ceap.local.sessions import REGION, AccessDenied, Session, Sessions


class Logs:
    """The log groups of one engine."""

    def __init__(self, account: str, sessions: Sessions, clock: Clock) -> None:
        self._account: Final = account
        self._sessions: Final = sessions
        self._clock: Final = clock
        self._lock: Final = threading.Lock()

    def write(self, group: str, stream: str, messages: Iterable[str], session: Session | None) -> None:
        """Write lines, as the session's role if there is one.

        As on AWS, lines are lost without an error if the role may not write them or the log group is missing.
        """
        found = self._groups().get(group)
        if found is None:
            return
        lines = list(messages)
        with self._lock:
            is_new = stream not in found.streams
            if session is not None and not self._may_write(group, stream, session, is_new):
                return
            if is_new:
                found.create_log_stream(stream)
            timestamp = int(self._clock.now() * 1000)
            # Not the backend's own method: it refuses events of a clock that is days ahead.
            found.put_log_events(stream, [{"timestamp": timestamp, "message": line} for line in lines])
        add_embedded(self._account, lines)

    def read(self, group: str) -> list[str]:
        """Return all lines of a group, stream after stream."""
        found = self._groups()[group]
        return [event.message for stream in found.streams.values() for event in stream.events]

    def _groups(self) -> dict[str, Any]:
        groups: dict[str, Any] = logs_backends[self._account][REGION].groups
        return groups

    def _may_write(self, group: str, stream: str, session: Session, is_new: bool) -> bool:
        arn = f"arn:aws:logs:{REGION}:{self._account}:log-group:{group}:log-stream:{stream}"
        actions = ["logs:CreateLogStream"] * is_new + ["logs:PutLogEvents"]
        try:
            self._sessions.require(session, [Question(action, arn) for action in actions])
        except AccessDenied:
            return False
        return True
