from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from ceap.cfn.template import Template, parse_template
from ceap.errors import SetupError
from ceap.policy import inputs, verdict_cache
from ceap.policy.finding import Finding
from ceap.policy.guard.rule_files import RuleFile
from ceap.policy.verdict import Judgement
from ceap.policy.verdict_cache import VerdictCache, judge_changed

RULE = RuleFile("own.guard", "rule OWN { Resources exists }", ("OWN",))
QUEUE = "Resources: {Queue: {Type: AWS::SQS::Queue}}\n"
DECLARATION = "name: orders\ntype: EXPRESS\nresources: own.yaml\n"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VerdictCache:
    """A cache on a project that has a template beside its declaration and the resources of a team's own."""
    for name, text in (
        ("generated/orders.template.yaml", QUEUE),
        ("workflows/orders.yaml", DECLARATION),
        ("workflows/own.yaml", "Resources: {}\n"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(inputs, "read_inputs", lambda: "inputs")
    return VerdictCache(tmp_path / "verdicts", "inputs", "engine", (RULE,))


class Judge:
    """Judges by a fault that says how often it was asked, and counts the templates."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.asked = 0
        self._meanwhile = meanwhile

    def __call__(self, templates: Sequence[Template]) -> list[Judgement]:
        self.asked += len(templates)
        self._meanwhile()
        return [self._judge(template) for template in templates]

    def _judge(self, template: Template) -> Judgement:
        what = f"größe \ud800 \n{self.asked}"
        finding = Finding(template.file, 3, "OWN", what, fix="|", path="/Resources", found='"a"', source="https://a")
        return Judgement(template.file, {"Z": "SKIP", "OWN": "FAIL", "A": "PASS"}, [finding], is_ours=False)


def template(text: str = QUEUE, file: str = "generated/orders.template.yaml") -> Template:
    return parse_template(text, file)


def test_a_verdict_that_is_kept_is_the_same_to_the_order_of_its_rules(cache: VerdictCache) -> None:
    judge = Judge()
    [first] = judge_changed([template()], cache, judge)
    [second] = judge_changed([template()], cache, judge)
    assert judge.asked == 1
    assert second == first
    assert [*second.verdicts] == ["Z", "OWN", "A"]


def test_only_what_changed_is_judged_and_all_stand_in_their_order(cache: VerdictCache) -> None:
    judge = Judge()
    files = ["c.yaml", "a.yaml", "d.yaml", "b.yaml"]
    judge_changed([template(file=file) for file in ("a.yaml", "b.yaml")], cache, judge)
    judgements = judge_changed([template(file=file) for file in files], cache, judge)
    assert [each.file for each in judgements] == files
    assert [each.findings[0].what[-1] for each in judgements] == ["4", "2", "4", "2"]


def written(file: str, text: str) -> Callable[[VerdictCache], tuple[VerdictCache, Template]]:
    def change(cache: VerdictCache) -> tuple[VerdictCache, Template]:
        Path(file).write_text(text)
        return cache, template()

    return change


def without_declaration(cache: VerdictCache) -> tuple[VerdictCache, Template]:
    Path("workflows/orders.yaml").unlink()
    return cache, template()


CHANGES: dict[str, Callable[[VerdictCache], tuple[VerdictCache, Template]]] = {
    "the template": lambda cache: (cache, template(QUEUE.replace("Queue:", "Other:"))),
    "a comment, on which lines depend": lambda cache: (cache, template(f"# moved\n{QUEUE}")),
    "its name": lambda cache: (cache, template(file="./generated/orders.template.yaml")),
    "what judges": lambda cache: (replace(cache, inputs="others"), template()),
    "the engine": lambda cache: (replace(cache, engine="library"), template()),
    "a rule": lambda cache: (replace(cache, rules=[replace(RULE, text="rule OWN { a exists }")]), template()),
    "no rule": lambda cache: (replace(cache, rules=[]), template()),
    "the declaration": written("workflows/orders.yaml", f"{DECLARATION}description: More\n"),
    "own resources": written("workflows/own.yaml", "Outputs: {}\n"),
    "a declaration that is gone": without_declaration,
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_judged_anew(name: str, cache: VerdictCache, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge()
    judge_changed([template()], cache, judge)
    changed, again = CHANGES[name](cache)
    monkeypatch.setattr(inputs, "read_inputs", lambda: changed.inputs)
    judge_changed([again], changed, judge)
    assert judge.asked == 2
    judge_changed([again], changed, judge)
    assert judge.asked == 2


@pytest.mark.parametrize("wrong", ["resources: nowhere.yaml\n", "name: [\n", "a: 1\na: 2\n"])
def test_beside_a_declaration_that_cannot_be_read_nothing_is_kept(wrong: str, cache: VerdictCache) -> None:
    Path("workflows/orders.yaml").write_text(wrong)
    judge = Judge()
    judge_changed([template()], cache, judge)
    judge_changed([template()], cache, judge)
    assert judge.asked == 2


def entry(cache: VerdictCache) -> Path:
    [path] = cache.folder.iterdir()
    return path


def falsified(path: Path) -> object:
    """Write a clean verdict in place of the findings, and leave the rest."""
    seal, text = path.read_text().split("\n")
    return path.write_text(f"{seal}\n{json.dumps(json.loads(text) | {'findings': []})}")


def exchanged(path: Path) -> object:
    """Write the entry of another template."""
    other = VerdictCache(path.parent, "inputs", "engine", (RULE,))
    judge_changed([template(file="clean.yaml")], other, Judge())
    [theirs] = [each for each in path.parent.iterdir() if each != path]
    return theirs.rename(path)


def turned_into(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def change(path: Path) -> object:
        path.unlink()
        return make(path)

    return change


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
    "a folder": turned_into(os.mkdir),
    "a link to nothing": turned_into(partial(os.symlink, "nowhere")),
    "falsified": falsified,
    "exchanged": exchanged,
    "brackets": lambda path: path.write_text("[" * 100_000),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_verdict_is_none(damage: str, cache: VerdictCache) -> None:
    judge = Judge()
    [right] = judge_changed([template()], cache, judge)
    DAMAGES[damage](entry(cache))
    [again] = judge_changed([template()], cache, judge)
    assert judge.asked == 2
    assert len(again.findings) == len(right.findings)


def test_a_sealed_entry_of_another_form_is_none(cache: VerdictCache) -> None:
    judge = Judge()
    judge_changed([template()], cache, judge)
    path = entry(cache)
    for text in ('{"file": "a.yaml"}', "[]", "not JSON", "[" * 100_000):
        path.write_text(f"{verdict_cache._seal(path.name, text)}\n{text}")
        assert cache.find(path.name) is None


def test_what_could_not_be_judged_is_not_kept(cache: VerdictCache) -> None:
    def fail() -> None:
        raise SetupError("the engine is missing")

    with pytest.raises(SetupError):
        judge_changed([template()], cache, Judge(fail))
    assert not cache.folder.exists()


@pytest.mark.parametrize("file", ["workflows/orders.yaml", "workflows/own.yaml"])
def test_what_changed_meanwhile_is_not_kept(file: str, cache: VerdictCache) -> None:
    judge_changed([template()], cache, Judge(lambda: Path(file).write_text("a: 1\n")))
    assert not cache.folder.exists()


def test_if_what_judges_changed_meanwhile_nothing_is_kept(cache: VerdictCache, monkeypatch: pytest.MonkeyPatch) -> None:
    judge_changed([template()], cache, Judge(lambda: monkeypatch.setattr(inputs, "read_inputs", lambda: None)))
    assert not cache.folder.exists()


@pytest.mark.parametrize("stands", ["a file", "a folder that cannot be written"])
def test_where_nothing_can_be_kept_all_is_judged(
    stands: str, cache: VerdictCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    if stands == "a file":
        cache.folder.write_text("in the way")
    else:
        monkeypatch.setattr(Path, "write_bytes", refuse)
    judge = Judge()
    for _ in range(2):
        [judgement] = judge_changed([template()], cache, judge)
        assert len(judgement.findings) == 1
    assert judge.asked == 2


def test_the_newest_verdicts_stay(cache: VerdictCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict_cache, "ENTRIES_MAX", 3)
    judge = Judge()
    for number in range(5):
        judge_changed([template(file=f"{number}.yaml")], cache, judge)
        for path in cache.folder.iterdir():
            os.utime(path, ns=(0, path.stat().st_mtime_ns - 10**9))  # a second passes
    assert len([*cache.folder.iterdir()]) == 3
    judge_changed([template(file=f"{number}.yaml") for number in (2, 3, 4)], cache, judge)
    assert judge.asked == 5
