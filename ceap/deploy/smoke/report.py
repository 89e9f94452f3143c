"""The report of a smoke run: for people, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ceap.deploy.smoke.judgement import SmokeFinding, SmokeVerdict


class SmokeReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`messages` are the ids of those that were sent, `executions` the ARNs of what took them."""

    stack: str
    smoke_id: str
    messages: tuple[str, ...]
    executions: tuple[str, ...]
    findings: tuple[SmokeFinding, ...]
    removed: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def has_failed(self) -> bool:
        return any(finding.verdict is SmokeVerdict.FAILED for finding in self.findings)


def report_lines(report: SmokeReport) -> Iterator[str]:
    """Yield the report, line by line, the summary last."""
    yield f"{report.stack}: {report.smoke_id}"
    yield from (f"  message    {message}" for message in report.messages)
    yield from (f"  execution  {execution}" for execution in report.executions)
    for finding in report.findings:
        yield f"  {finding.verdict:<13}  {finding.check:<17}  {finding.place}: {finding.text}"
    yield from (f"  removed  {line}" for line in report.removed)
    yield from (f"  left     {line}" for line in report.left)
    counts = {verdict: sum(finding.verdict is verdict for finding in report.findings) for verdict in SmokeVerdict}
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    yield f"smoke {'FAILED' if report.has_failed else 'passed'}: {told}"


def report_json(report: SmokeReport) -> str:
    """Return the report as one line of JSON; `status` is FAILED or PASSED."""
    status = "FAILED" if report.has_failed else "PASSED"
    return msgspec.json.encode({"status": status, **msgspec.to_builtins(report)}).decode()
