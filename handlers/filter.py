"""Filter: lets the candidates pass that every filter of its chain lets pass."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from handlers.candidate import Candidate
from handlers.filters import BusinessRule, Eligibility, Filter, Rejection
from handlers.handler import WorkflowLambdaHandler
from handlers.needs import Needs
from handlers.stage import StageContext


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The chain, in order; `trust` and `quality` read scores, so they belong in a second Filter step after Score."""

    filters: tuple[Filter, ...] = (Eligibility(), BusinessRule())


NEEDS = Needs(settings=Settings)


class FilterStage(WorkflowLambdaHandler[Candidate, Settings]):
    """A candidate leaves at the first filter that rejects it; a filter that raises rejects, too."""

    record_type = Candidate

    def process_data(self, records: Iterator[Candidate], stage: StageContext[Settings]) -> Iterator[Candidate]:
        chain = stage.settings.filters
        for candidate in records:
            for link in chain:
                rejection = _judge(link, candidate, stage.started_at)
                if rejection:
                    stage.reject(candidate, rejection.code, rejection.reason, filter=link.name)
                    break
            else:
                yield candidate


def _judge(link: Filter, candidate: Candidate, now: datetime) -> Rejection | None:
    try:
        return link.check(candidate, now)
    except Exception as error:
        # Fail closed: who cannot be judged is not engaged.
        return Rejection("FILTER_ERROR", f"{type(error).__name__}: {error}")


handler = FilterStage(NEEDS)
