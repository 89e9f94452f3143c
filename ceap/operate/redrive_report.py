"""What became of executions that were to be redriven, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from ceap.aws.executions import Execution, Status
from ceap.operate.redrive_check import Candidate, Refusal


class Redriven(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate after the call; `status` is that of its end, None if nobody waited for it."""

    candidate: Candidate
    status: Status | None = None
    error: str | None = None
    cause: str | None = None

    @property
    def failed_again(self) -> bool:
        return self.status not in (None, "SUCCEEDED")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each execution; `planned` are those of a dry run."""

    planned: tuple[Candidate, ...] = ()
    redriven: tuple[Redriven, ...] = ()
    refused: tuple[Refusal, ...] = ()

    @property
    def has_failed(self) -> bool:
        return bool(self.refused) or any(each.failed_again for each in self.redriven)


def candidate_lines(candidates: Iterable[Candidate], word: str) -> Iterator[str]:
    """Yield a line for each candidate: what becomes of it, its name, its stage, and what is to be known."""
    for each in candidates:
        notes = "".join(f"; {note}" for note in each.notes)
        yield f"{word:<12}  {each.execution.name}  {each.state or 'before its first state'}{notes}"


def report_lines(report: Report) -> Iterator[str]:
    """Yield a report for people, the summary last."""
    yield from candidate_lines(report.planned, "to redrive")
    for each in report.redriven:
        match each.status:
            case None:
                word, end = "redriven", ""
            case "SUCCEEDED":
                word, end = "succeeded", ""
            case status:
                word, end = "failed again", f"; {status}: {each.error or 'no error'}: {each.cause or 'no cause'}"
        [line] = candidate_lines([each.candidate], word)
        yield f"{line}{end}"
    for refusal in report.refused:
        yield f"{'refused':<12}  {refusal.execution.name}  {refusal.state or 'no state'}: {refusal.reason}"
    yield summary(report)


def summary(report: Report) -> str:
    """Return e.g. `12 redriven, 2 refused (2 inputs expired), 1 failed again`."""
    if not (report.planned or report.redriven or report.refused):
        return "nothing to redrive"
    parts = [f"{len(report.planned)} to redrive"] if report.planned else [f"{len(report.redriven)} redriven"]
    if report.refused:
        counted = Counter(each.why for each in report.refused)
        reasons = [f"{count} {why}" for why, count in counted.items()]
        parts.append(f"{len(report.refused)} refused ({', '.join(reasons)})")
    ends = Counter("failed again" if each.failed_again else "succeeded" for each in report.redriven if each.status)
    return ", ".join([*parts, *(f"{count} {end}" for end, count in sorted(ends.items(), reverse=True))])


def report_json(report: Report) -> str:
    """Return a report for programs: `executions`, each with its outcome, and the `summary`."""
    entries = [
        *(_entry(each, "toRedrive") for each in report.planned),
        *(_ended_entry(each) for each in report.redriven),
        *(
            {**_named(each.execution, each.state), "outcome": "refused", "why": each.why.value, "reason": each.reason}
            for each in report.refused
        ),
    ]
    return msgspec.json.encode({"executions": entries, "summary": summary(report)}).decode()


def _ended_entry(each: Redriven) -> dict[str, object]:
    end = {"status": each.status, "error": each.error, "cause": each.cause} if each.status else {}
    return {**_entry(each.candidate, "redriven"), **end}


def _entry(candidate: Candidate, outcome: str) -> dict[str, object]:
    expires = candidate.input_expires
    return {
        **_named(candidate.execution, candidate.state),
        "outcome": outcome,
        "inputExpires": None if expires is None else datetime.fromtimestamp(expires, UTC),
        "notes": candidate.notes,
    }


def _named(execution: Execution, state: str | None) -> dict[str, object]:
    return {"name": execution.name, "arn": execution.arn, "state": state, "redrives": execution.redrives}
