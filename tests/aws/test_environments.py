from __future__ import annotations

from pathlib import Path

import pytest

from ceap.aws.environments import check_parameters, load_environment, parameters_of
from ceap.ceap_toml import Environment
from ceap.cfn.template import parse_template
from ceap.errors import UsageError

QUEUE = "Resources: {Queue: {Type: AWS::SQS::Queue}}"
FOUNDATION = parse_template(
    f"Parameters: {{Environment: {{Type: String}}, AlertEmail: {{Type: String}}}}\n{QUEUE}", "f"
)
WORKFLOW = parse_template(
    f"Parameters: {{Environment: {{Type: String}}, SubnetIds: {{Type: CommaDelimitedList}}}}\n{QUEUE}", "w"
)
BARE = parse_template(QUEUE, "bare")
DEV = Environment(name="dev", parameters={"AlertEmail": "team@example.com"})


def test_an_environment_is_its_section(tmp_path: Path) -> None:
    (tmp_path / "ceap.toml").write_text('[env.dev]\nregion = "eu-central-1"\n')
    assert load_environment("dev", tmp_path) == Environment(name="dev", region="eu-central-1")


def test_an_environment_without_a_section_has_only_a_name_and_is_said_beside_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load_environment("test", tmp_path) == Environment(name="test")
    assert capsys.readouterr().err == ""
    (tmp_path / "ceap.toml").write_text('[env.dev]\nregion = "eu-central-1"\n[env.prod]\n')
    assert load_environment("test", tmp_path) == Environment(name="test")
    assert capsys.readouterr().err == (
        "ceap.toml: has no [env.test], only dev, prod; account and region are those of the credentials\n"
    )


def test_an_environment_has_a_name_that_templates_take(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--env: no environment can be called 'eu-dev'; a name begins with a-z, "):
        load_environment("eu-dev", tmp_path)


def test_a_stack_takes_the_parameters_that_its_template_has() -> None:
    assert parameters_of(DEV, FOUNDATION) == {"Environment": "dev", "AlertEmail": "team@example.com"}
    assert parameters_of(DEV, WORKFLOW) == {"Environment": "dev"}
    assert parameters_of(DEV, BARE) == {}


def test_a_parameter_of_no_template_is_refused() -> None:
    check_parameters(DEV, [WORKFLOW, FOUNDATION])
    with pytest.raises(UsageError) as caught:
        check_parameters(Environment(name="dev", parameters={"SubnetIDs": "subnet-1"}), [WORKFLOW, FOUNDATION, BARE])
    assert str(caught.value) == (
        "ceap.toml: [env.dev] parameters: no template has a parameter 'SubnetIDs'; did you mean SubnetIds? allowed: "
        "AlertEmail, SubnetIds"
    )
