from __future__ import annotations

from pathlib import Path

import pytest

from ceap.ceap_toml import Config, find_root, load_config
from ceap.errors import UsageError
from templates.words import allowed


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    (tmp_path / "repository" / "below").mkdir()
    monkeypatch.chdir(tmp_path / "repository")
    return tmp_path / "repository"


def test_the_file_is_found_upwards_and_its_paths_are_relative_to_it(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "ceap.toml").write_text('rules = ["rules", "more/rules"]\nwaivers = "waivers.yaml"\n')
    monkeypatch.chdir(repository / "below")
    assert load_config(Path.cwd()) == Config(
        rules=(Path("../rules"), Path("../more/rules")), waivers=Path("../waivers.yaml")
    )


def test_the_nearest_file_counts_alone(repository: Path) -> None:
    (repository / "ceap.toml").write_text('rules = ["rules"]')
    (repository / "below" / "ceap.toml").write_text("")
    assert load_config(repository / "below") == Config()


def test_a_file_above_the_repository_counts_for_nothing(repository: Path) -> None:
    (repository.parent / "ceap.toml").write_text('rules = ["rules"]')
    assert load_config(repository / "below") == Config()


def test_without_a_repository_the_folder_itself_is_looked_at_alone(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "ceap.toml").write_text('rules = ["rules"]')
    assert load_config(tmp_path / "below") == Config()
    assert len(load_config(tmp_path).rules) == 1


def test_a_worktree_is_a_repository_too(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere")
    assert find_root(tmp_path / "a" / "b") == tmp_path


def test_of_many_names_a_message_lists_the_first() -> None:
    names = [f"RULE_{number}" for number in range(9)]
    assert allowed("Q", names[:8]) == f"allowed: {', '.join(names[:8])}"
    assert allowed("Q", names) == f"allowed: {', '.join(names[:8])}, ..."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("rule = []", r"^ceap.toml: there is no key 'rule'; did you mean rules\? allowed: rules, waivers$"),
        ("severity = 1", r"^ceap.toml: there is no key 'severity'; allowed: rules, waivers$"),
        (
            'rules = "rules"',
            r"^ceap.toml: rules is 'rules'; it must be a list of folders, e.g. \[\"rules\"\], relative",
        ),
        ("rules = [1]", r"^ceap.toml: rules is \[1\]; it must be a list"),
        ("waivers = []", r"^ceap.toml: waivers is \[\]; it must be a file"),
        ("rules = [", r"^ceap.toml: not TOML: .*end of document.*; correct the syntax$"),
        ("\udcff", r"^ceap.toml: not TOML: .*; correct the syntax$"),
    ],
)
def test_what_is_not_allowed_is_refused(content: str, message: str, repository: Path) -> None:
    (repository / "ceap.toml").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=message):
        load_config(repository)
