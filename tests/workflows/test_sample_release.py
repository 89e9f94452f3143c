"""An upgrade of the sample's stacks from the last release breaks nothing that the changelog does not name."""

from __future__ import annotations

from ceap import project
from tests.releases import ROOT, SAMPLE, announced, last_release, load_templates, unannounced


def test_an_upgrade_from_the_last_release_breaks_only_what_the_changelog_says() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    old = load_templates(last_release() / SAMPLE)
    assert set(old) >= {"foundation", "deploy"}
    assert unannounced(old, load_templates(project.GENERATED), announced(changelog, last_release().name)) == {}
