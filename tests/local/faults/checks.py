"""What must hold after any faults: each check returns what does not, so that nothing means that all is well."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tests import reference
from tests.local.faults.load import HEAVY, Account, Item, Line


def check_ends(account: Account, line: Line, ended: Mapping[str, str]) -> list[str]:
    """Check that each message of a workflow was processed, is dead or is kept by a failed execution, none in between.

    `ended` are the statuses of EXPRESS executions by their names, which Step Functions does not list.
    """
    found = account.outcomes(line)
    lost = {*range(line.messages)} - found.processed - found.dead - found.failed
    statuses = {arn.rpartition(":")[2]: status for arn, status in account.listed(line).items()}
    running = [name for name, status in statuses.items() if status == "RUNNING"]
    keys = account.objects("/output.json").keys()
    done = [name for name, status in (statuses or ended).items() if status == "SUCCEEDED"]
    stages = [step.stage for step in line.workflow.steps]
    empty = [name for name in done for stage in stages if f"executions/{name}/{stage}/output.json" not in keys]
    return [
        *(f"{line.name}: message {number} is lost" for number in sorted(lost)),
        *(f"{line.name}: message {number} still waits" for number in sorted(found.waiting)),
        *(f"{line.name}: execution {name} still runs" for name in running),
        *(f"{line.name}: execution {name} succeeded without all outputs" for name in empty),
    ]


def check_counts(account: Account) -> list[str]:
    """Check that each stage accounts for each of its records, and wrote as many as it says."""
    wrong = []
    for key, body in account.objects("/output.json").items():
        if key.endswith("/initial/output.json"):
            continue
        document = json.loads(body)
        told = {name.removesuffix("RecordCount"): count for name, count in document["metadata"].items()}
        accounted = sum(told[way] for way in ("output", "rejected", "merged", "stale"))
        if told["input"] + told["expanded"] != accounted or told["output"] != len(document["data"]):
            wrong.append(f"{key}: {told}")
    return wrong


def check_items(account: Account, line: Line, *, complete: bool) -> list[str]:
    """Check the table of records: each item is as after one run of the messages that reached it.

    With `complete`, that is of every message; else a shared item may have the version of any message, but none older
    than what a stage has stored.
    """
    expected, found = line.items(), account.items(line, "records")
    if complete:
        return _differences(f"{line.name}: item", expected, found)
    processed = {f"{line.name}-{number}" for number in account.outcomes(line).processed}
    stored = _newest(account, line)
    wrong = [f"{line.name}: item {key} is missing" for key in sorted(processed - found.keys())]
    for key, item in found.items():
        seen = {"jobs": ["HeavyStage"]} if line.workflow is HEAVY else {}
        version = item.get("version", 0)
        built = reference.load_stage("keep").build_item({"id": key, "version": version} | seen, "all")
        newest = expected[key]["version"] if key in expected else 0
        if item != built or not stored.get(key, 0) <= version <= newest:
            wrong.append(f"{line.name}: item {key} is {item}, and {stored.get(key)} was stored")
    return wrong


def check_events(account: Account, line: Line, *, complete: bool) -> list[str]:
    """Check that each record of a processed message was told, always with the same event, and no other."""
    told, marks = account.told(line), account.items(line, "told")
    processed = {f"{line.name}-{number}" for number in account.outcomes(line).processed}
    every = line.items().keys()
    wrong = [f"{line.name}: {key} was never told" for key in sorted((every if complete else processed) - told.keys())]
    wrong += [f"{line.name}: {key} was told and is no record" for key in sorted(told.keys() - every)]
    wrong += [f"{line.name}: {key} was told and is not marked" for key in sorted(told.keys() - marks.keys())]
    seen: dict[str, Any] = {}
    for detail in account.details():
        key, own = detail["eventId"], detail["record"]
        if "shared" not in key and seen.setdefault(key, own) != own:
            wrong.append(f"{key} was told as {seen[key]} and as {own}")
    return wrong


def _newest(account: Account, line: Line) -> dict[str, int]:
    """Return the newest version of each record that the stage which stores them says that it stored."""
    versions: dict[str, int] = {}
    for body in account.objects("/KeepStage/output.json").values():
        for record in json.loads(body)["data"]:
            if str(record["id"]).startswith(f"{line.name}-"):
                versions[record["id"]] = max(record["version"], versions.get(record["id"], 0))
    return versions


def _differences(what: str, expected: Mapping[str, Item], found: Mapping[str, Item]) -> list[str]:
    keys: Iterable[str] = sorted(expected.keys() | found.keys())
    return [
        f"{what} {key} is {found.get(key)}, not {expected.get(key)}"
        for key in keys
        if found.get(key) != expected.get(key)
    ]
