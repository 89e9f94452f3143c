"""Which files of a project are declarations, and which are their resources."""

from __future__ import annotations

from pathlib import Path

import pytest

from ceap import project


@pytest.mark.parametrize(
    "line",
    ["resources: own/a.yaml", "resources: 'own/a.yaml'  # ours", 'resources: "own/a.yaml"', "resources: own/a.yaml "],
)
def test_the_file_of_resources_is_found_also_beside_a_wrong_declaration(tmp_path: Path, line: str) -> None:
    declaration = tmp_path / "orders.yaml"
    declaration.write_text(f"name: orders\n{line}\nsteps: [\n")
    assert project.resource_files(declaration) == [tmp_path / "own" / "a.yaml"]


def test_a_declaration_that_is_missing_or_has_no_resources_names_no_file(tmp_path: Path) -> None:
    assert project.resource_files(tmp_path / "orders.yaml") == []
    (tmp_path / "orders.yaml").write_text("name: orders\nsteps: [{settings: {resources: a}}]\n")
    assert project.resource_files(tmp_path / "orders.yaml") == []


def test_a_file_of_resources_beside_declarations_is_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project, "WORKFLOWS", tmp_path)
    (tmp_path / "orders.yaml").write_text("name: orders\nresources: uploads.yaml\n")
    (tmp_path / "uploads.yaml").write_text("Resources: {}\n")
    assert project.declarations() == [tmp_path / "orders.yaml"]


def test_a_project_may_have_no_declaration_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "WORKFLOWS", tmp_path)
    assert project.declarations() == []
