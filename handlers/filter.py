"""Filter: passes the candidates that every filter of its chain passes."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, get_args

import msgspec

from handlers.candidates.candidate import Candidate
from handlers.candidates.candidate_stage import CandidateStage
from handlers.candidates.filters import BusinessRule, Eligibility, Filter, Rejection
from handlers.candidates.program import PROGRAM_CONFIG, load_program
from handlers.runtime.context import StageContext
from handlers.runtime.metrics import Measures
from handlers.runtime.needs import Needs
from handlers.runtime.tally import Share

Chain: TypeAlias = tuple[Filter, ...]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The chain, in order; `trust` and `quality` read scores, so they belong in a second Filter step after Score.

    A program's own row in the program_config table overrides parameters of these filters.
    """

    filters: Chain = (Eligibility(), BusinessRule())


NEEDS = Needs(settings=Settings, tables={PROGRAM_CONFIG: ("BatchGetItem",)})


class FilterStage(CandidateStage[Candidate, Settings]):
    """A candidate leaves at the first filter that rejects it; a filter that raises rejects, too."""

    record_type = Candidate

    def process_data(self, records: Iterator[Candidate], stage: StageContext[Settings]) -> Iterator[Candidate]:
        chains = Chains(stage)
        context, chain, now = None, stage.settings.filters, stage.started_at
        for candidate in records:
            # Candidates of a run mostly belong together.
            if candidate.context != context:
                context, chain = candidate.context, chains.find(candidate)
            for link in chain:
                try:
                    rejection = link.check(candidate, now)
                except Exception as error:
                    # Fail closed: a candidate that cannot be judged is not engaged.
                    rejection = Rejection("FILTER_ERROR", f"{type(error).__name__}: {error}")
                if rejection:
                    stage.reject(candidate, rejection.code, rejection.reason, filter=link.name)
                    break
            else:
                yield candidate

    def measure(self, share: Share) -> Measures:
        return {
            "InputCount": share.records,
            "PassedCount": share.records_out,
            "RejectedCount": share.rejections.total(),
            "RejectionsByReason": share.rejections,
        }


class FilterProgram(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the rows of a program say to this stage: parameters by the name of the filter.

    The filters of another step may be among them, so that one row serves the Filter steps before and after Score.
    """

    filter_settings: dict[str, dict[str, Any]] = {}

    def __post_init__(self) -> None:
        for name, parameters in self.filter_settings.items():
            if name not in _FILTERS:
                raise ValueError(f"filterSettings: {name!r} is not a filter; allowed: {', '.join(_FILTERS)}")
            msgspec.convert({"filter": name, **parameters}, _FILTERS[name])


_FILTERS: Mapping[str, type[Filter]] = {kind.__struct_config__.tag: kind for kind in get_args(Filter)}


class Chains:
    """The chains that a run needs; each program and marketplace is read once."""

    def __init__(self, stage: StageContext[Settings]) -> None:
        self._stage = stage
        self._known: dict[tuple[str, str], Chain] = {}

    def find(self, candidate: Candidate) -> Chain:
        """Return the chain for a candidate: that of the step, with the parameters of its program and marketplace."""
        chain = self._stage.settings.filters
        program, marketplace = candidate.find_context("program"), candidate.find_context("marketplace")
        if program is None or marketplace is None:
            return chain
        place = program, marketplace
        if place not in self._known:
            own = load_program(self._stage.table(PROGRAM_CONFIG.name), *place, FilterProgram).filter_settings
            self._known[place] = tuple(_override(link, own.get(link.name, {})) for link in chain)
        return self._known[place]


def _override(link: Filter, parameters: Mapping[str, Any]) -> Filter:
    return msgspec.convert(msgspec.to_builtins(link) | parameters, type(link))


handler = FilterStage(NEEDS)
