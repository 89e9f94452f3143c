from __future__ import annotations

from pathlib import Path

import pytest

from ceap.ceap_toml import Config, Environment, check_name, find_root, load_config
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


def test_packages_hold_byte_code_only_if_the_file_says_so(repository: Path) -> None:
    assert not load_config(repository).bytecode
    (repository / "ceap.toml").write_text("bytecode = true")
    assert load_config(repository).bytecode


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
        (
            "rule = []",
            r"^ceap.toml: there is no key 'rule'; did you mean rules\? allowed: rules, waivers, bytecode, env$",
        ),
        ("severity = 1", r"^ceap.toml: there is no key 'severity'; allowed: rules, waivers, bytecode, env$"),
        (
            'rules = "rules"',
            r"^ceap.toml: rules is 'rules'; it must be a list of folders, e.g. \[\"rules\"\], relative",
        ),
        ("rules = [1]", r"^ceap.toml: rules is \[1\]; it must be a list"),
        ("waivers = []", r"^ceap.toml: waivers is \[\]; it must be a file"),
        ("bytecode = 1", r"^ceap.toml: bytecode is 1; it must be true or false$"),
        ("rules = [", r"^ceap.toml: not TOML: .*end of document.*; correct the syntax$"),
        ("\udcff", r"^ceap.toml: not TOML: .*; correct the syntax$"),
    ],
)
def test_what_is_not_allowed_is_refused(content: str, message: str, repository: Path) -> None:
    (repository / "ceap.toml").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match=message):
        load_config(repository)


WHOLE = """
[env.dev]
account = "012345678901"
region = "eu-central-1"
profile = "dev account"
parameters = {AlertEmail = "team@example.com"}
tags = {team = "orders", cost-centre = "42"}
role_arn = "arn:aws:iam::012345678901:role/ci/ceap-deploy"
termination_protection = true

[env.prod]
"""


def test_a_section_says_where_and_how_an_environment_is_deployed(repository: Path) -> None:
    (repository / "ceap.toml").write_text(WHOLE)
    assert load_config(repository).env == {
        "dev": Environment(
            name="dev",
            account="012345678901",
            region="eu-central-1",
            profile="dev account",
            parameters={"AlertEmail": "team@example.com"},
            tags={"team": "orders", "cost-centre": "42"},
            role_arn="arn:aws:iam::012345678901:role/ci/ceap-deploy",
            termination_protection=True,
        ),
        "prod": Environment(name="prod"),
    }


ROLE = 'it must be the ARN of a role, e.g. "arn:aws:iam::123456789012:role/ceap-deploy"'
ACCOUNT = 'it must be the 12 digits of an account in quotes, e.g. "123456789012"'


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            "acount = 1",
            "[env.dev]: there is no key 'acount'; did you mean account? allowed: account, region, profile, "
            "parameters, tags, role_arn, termination_protection",
        ),
        ("account = 123456789012", f"env.dev.account is 123456789012; {ACCOUNT}"),
        ('account = "12345678901"', f"env.dev.account is '12345678901'; {ACCOUNT}"),
        ('account = "12345678901٢"', f"env.dev.account is '12345678901٢'; {ACCOUNT}"),
        ('region = "Frankfurt"', "env.dev.region is 'Frankfurt'; it must be a region, e.g. \"eu-central-1\""),
        ('profile = " "', "env.dev.profile is ' '; it must be a profile of the AWS CLI, e.g. \"dev\""),
        ('role_arn = "ceap-deploy"', f"env.dev.role_arn is 'ceap-deploy'; {ROLE}"),
        (
            'role_arn = "arn:aws:iam::123456789012:user/me"',
            f"env.dev.role_arn is 'arn:aws:iam::123456789012:user/me'; {ROLE}",
        ),
        (
            'account = "123456789012"\nrole_arn = "arn:aws:iam::123456789013:role/r"',
            "[env.dev]: role_arn is of account 123456789013, but account is 123456789012; CloudFormation takes only a "
            "role of the stack's own account",
        ),
        ('termination_protection = "yes"', "env.dev.termination_protection is 'yes'; it must be true or false"),
        (
            'parameters = ["a"]',
            "env.dev.parameters is ['a']; it must be a table of texts, e.g. {AlertEmail = \"team@example.com\"}",
        ),
        ("parameters = {Size = 3}", "env.dev.parameters.Size is 3; it must be a text in quotes"),
        (
            'parameters = {"Alert-Email" = ""}',
            "[env.dev] parameters: no parameter can be called 'Alert-Email'; allowed: letters and digits",
        ),
        (
            'parameters = {Environment = "dev"}',
            "[env.dev] parameters: Environment gets its value from ceap when it deploys; remove it",
        ),
        (
            'parameters = {GluePrefix = "glue/"}',
            "[env.dev] parameters: GluePrefix gets its value from ceap when it deploys; remove it",
        ),
        (
            f'parameters = {{Text = "{"x" * 4097}"}}',
            "[env.dev] parameters: Text has 4097 characters; AWS allows 4096; shorten it",
        ),
        ("tags = {team = 1}", "env.dev.tags.team is 1; it must be a text in quotes"),
        (
            'tags = {"aws:team" = "x"}',
            "[env.dev] tags: aws:team begins with 'aws:', which AWS keeps for its own tags; choose another key",
        ),
        (
            'tags = {team = "${Environment}"}',
            "[env.dev] tags: team holds ${Environment}, which nothing fills in here; write the value",
        ),
        (
            "tags = {" + ", ".join(f'k{number} = "v"' for number in range(51)) + "}",
            "[env.dev] tags has 51 tags; AWS allows 50: remove some",
        ),
    ],
)
def test_what_an_environment_cannot_be_is_refused(section: str, message: str, repository: Path) -> None:
    (repository / "ceap.toml").write_text(f"[env.dev]\n{section}\n")
    with pytest.raises(UsageError) as caught:
        load_config(repository)
    assert str(caught.value) == f"ceap.toml: {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("env = 1", "env is 1; it must be tables, e.g. [env.dev]"),
        ("env = {dev = 1}", "env.dev is 1; it must be a table, [env.dev]"),
        (
            "[env.eu-dev]",
            "[env.eu-dev]: no environment can be called 'eu-dev'; a name begins with a-z, then come a-z "
            "and 0-9, at most 12 characters in all, e.g. dev",
        ),
    ],
)
def test_environments_are_tables_with_names_that_templates_take(content: str, message: str, repository: Path) -> None:
    (repository / "ceap.toml").write_text(content)
    with pytest.raises(UsageError) as caught:
        load_config(repository)
    assert str(caught.value) == f"ceap.toml: {message}"


def test_the_names_of_environments_are_those_of_the_templates_parameter() -> None:
    for name in ("dev", "d", "prod2", "abcdefghijkl"):
        check_name(name, "--env")
    for name in ("", "Dev", "2dev", "abcdefghijklm", "dev\n", "dév"):
        with pytest.raises(UsageError, match=r"^--env: no environment can be called "):
            check_name(name, "--env")
