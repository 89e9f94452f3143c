"""What queues hold, by the minute of the virtual clock, as the metrics of SQS.

Between two looks a queue changes only as its messages become visible and older, so what it held at any moment follows
from the last look before it. The engine looks before time jumps, and whenever somebody asks. The value of a minute is
that of its end, or of now. A queue tells of its emptiness for six hours, then nothing.
Source: SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS".
"""

import bisect
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from moto.sqs.models import sqs_backends

from ceap.local.clock import CLOCK
from ceap.local.metrics import Metric, Sample
from ceap.local.sessions import REGION

NAMESPACE: Final = "AWS/SQS"
ACTIVE_S: Final = 6 * 3600
_MINUTE_S: Final = 60


class _Held(NamedTuple):
    """A message in a queue; times are in seconds since the epoch."""

    entered: float
    visible_at: float
    delayed_until: float


class _Look(NamedTuple):
    moment: float
    messages: Mapping[str, _Held]


def _visible(messages: list[_Held], moment: float) -> float:
    return sum(max(each.visible_at, each.delayed_until) <= moment for each in messages)


def _hidden(messages: list[_Held], moment: float) -> float:
    return sum(each.visible_at > moment for each in messages)


def _delayed(messages: list[_Held], moment: float) -> float:
    return sum(each.delayed_until > moment for each in messages)


def _oldest(messages: list[_Held], moment: float) -> float:
    return max((max(0, int(moment - each.entered)) for each in messages), default=0)


_METRICS: Final[Mapping[str, Callable[[list[_Held], float], float]]] = {
    "ApproximateNumberOfMessagesVisible": _visible,
    "ApproximateNumberOfMessagesNotVisible": _hidden,
    "ApproximateNumberOfMessagesDelayed": _delayed,
    "ApproximateAgeOfOldestMessage": _oldest,
}


class QueueGauges:
    """The queues of one account; any thread may use it."""

    def __init__(self, account: str) -> None:
        self._account: Final = account
        self._looks: Final[defaultdict[str, list[_Look]]] = defaultdict(list)
        self._lock: Final = threading.Lock()

    def look(self) -> None:
        """Keep what each queue holds now, in place of an earlier look within the same minute."""
        with self._lock:
            now = CLOCK.now()
            for name, queue in list(sqs_backends[self._account][REGION].queues.items()):
                looks = self._looks[name]
                before = looks[-1] if looks else _Look(0.0, {})
                held = {}
                for message in list(queue._messages):
                    sent = (message.sent_timestamp or 0) / 1000
                    # A dead letter keeps the time when it was sent first; its age counts from when it was moved.
                    entered = sent if sent >= before.moment else now
                    known = before.messages.get(message.id)
                    held[message.id] = _Held(
                        known.entered if known else entered, message.visible_at / 1000, message.delayed_until / 1000
                    )
                if looks and looks[-1].moment // _MINUTE_S == now // _MINUTE_S:
                    looks.pop()
                looks.append(_Look(now, held))

    def read(self, metric: Metric, start: float, end: float) -> Iterator[Sample] | None:
        """Return the samples of a queue's metric, one at the beginning of each minute; None if it is none of these."""
        measure = _METRICS.get(metric.name)
        names = [value for key, value in metric.dimensions if key == "QueueName"]
        if metric.namespace != NAMESPACE or measure is None or len(metric.dimensions) != 1 or not names:
            return None
        self.look()
        with self._lock:
            looks = list(self._looks.get(names[0], ()))
        return _samples(looks, measure, start, end)


def _samples(
    looks: list[_Look], measure: Callable[[list[_Held], float], float], start: float, end: float
) -> Iterator[Sample]:
    if not looks:
        return
    now = CLOCK.now()
    minute = max(start, looks[0].moment) // _MINUTE_S * _MINUTE_S
    while minute < min(end, now):
        moment = min(minute + _MINUTE_S - 0.001, now)
        look = looks[bisect.bisect_right(looks, moment, key=lambda each: each.moment) - 1]
        if minute >= start and (look.messages or moment - look.moment < ACTIVE_S):
            yield Sample(minute, float(measure(list(look.messages.values()), moment)))
        minute += _MINUTE_S
