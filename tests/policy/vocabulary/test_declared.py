from pathlib import Path

from ceap import project
from ceap.cfn.template import load_template
from ceap.policy.vocabulary.declared import undeclared
from templates.render import render
from templates.stacks import workflow_stack
from tests.policy.changes import Change, of
from tests.policy.samples import Json, golden

DECLARATION = """
name: nightly
type: STANDARD
steps:
  - {stage: HeavyStage, glue: heavy, workers: 4, worker_type: G.2X}
  - {stage: TakeStage, handler: take}
"""


def generated(folder: Path, declaration: str, change: Change = lambda data: None) -> list[str]:
    """Return what is undeclared in a changed template that lies beside a declaration."""
    for name in ("workflows", "generated"):
        (folder / name).mkdir()
    (folder / "workflows" / "nightly.yaml").write_text(declaration)
    [workflow] = project.load_workflows([folder / "workflows" / "nightly.yaml"])
    stack = workflow_stack(workflow)
    change(stack)
    file = folder / "generated" / "nightly.template.yaml"
    file.write_text(render(stack))
    return [found.what for found in undeclared(load_template(file))]


def test_a_generated_template_has_the_sizes_of_its_declaration(tmp_path: Path) -> None:
    assert generated(tmp_path, DECLARATION) == []


def test_workers_that_differ_from_the_declaration_are_a_fault(tmp_path: Path) -> None:
    assert generated(tmp_path, DECLARATION, of("HeavyJob", "NumberOfWorkers", 2)) == [
        "NumberOfWorkers is 2, declared is 4"
    ]


def test_workers_of_another_size_than_declared_are_a_fault(tmp_path: Path) -> None:
    assert generated(tmp_path, DECLARATION, of("HeavyJob", "WorkerType", "G.1X")) == [
        'WorkerType is "G.1X", declared is G.2X'
    ]


def test_an_override_of_the_declaration_counts(tmp_path: Path) -> None:
    assert generated(tmp_path, f"{DECLARATION}overrides: {{HeavyJob: {{NumberOfWorkers: 9}}}}\n") == []


def test_an_error_rate_that_is_not_declared_is_a_fault(tmp_path: Path) -> None:
    rate = of("TakeFunction", "Environment", "Variables", "SETTINGS", '{"max_error_rate": 0.9}')
    assert generated(tmp_path, DECLARATION, rate) == ["max_error_rate is 0.9, declared is none"]


def test_variables_that_differ_from_the_declaration_are_faults(tmp_path: Path) -> None:
    declared = DECLARATION.replace("handler: take}", "handler: take, environment: {URL: 'https://${Environment}'}}")
    places = ("TakeFunction", "Environment", "Variables")

    def change(data: Json) -> None:
        of(*places, "URL", "https://elsewhere")(data)
        of(*places, "LEVEL", "3")(data)

    assert generated(tmp_path, declared, change) == [
        "URL is not what `environment` of the step declares",
        "LEVEL is not declared",
    ]
    template = load_template(tmp_path / "generated" / "nightly.template.yaml")
    variables = "/Resources/TakeFunction/Properties/Environment/Variables"
    assert [found.place for found in undeclared(template)] == [f"{variables}/URL", f"{variables}/LEVEL"]


def test_declared_variables_are_none(tmp_path: Path) -> None:
    declared = DECLARATION.replace("handler: take}", "handler: take, environment: {URL: '${Environment}'}}")
    assert generated(tmp_path, declared) == []


def test_variables_of_an_override_count_as_declared(tmp_path: Path) -> None:
    overrides = "overrides: {TakeFunction: {Environment: {Variables: {LEVEL: '3'}}}}\n"
    assert generated(tmp_path, DECLARATION + overrides) == []


def test_a_template_without_a_readable_declaration_is_compared_with_nothing(tmp_path: Path) -> None:
    assert generated(tmp_path, DECLARATION) == []
    template = load_template(tmp_path / "generated" / "nightly.template.yaml")
    (tmp_path / "workflows" / "nightly.yaml").write_text("name: [")
    assert list(undeclared(template)) == []
    (tmp_path / "workflows" / "nightly.yaml").unlink()
    assert list(undeclared(template)) == []
    assert list(undeclared(golden("standard"))) == []


def test_a_mark_on_what_no_file_of_resources_has_is_a_fault(tmp_path: Path) -> None:
    def marked(data: Json) -> None:
        data["Resources"]["Pipe"]["Metadata"] = {"ceap": {"own": True}}
        data["Metadata"]["ceap"] = {"own": {"Outputs": ["PipeArn"]}}

    assert generated(tmp_path, DECLARATION, marked) == [
        "Pipe is marked as your own, but the declaration's `resources` do not have it",
        "PipeArn is marked as your own, but the declaration's `resources` do not have it",
    ]


def test_what_the_file_of_resources_has_may_be_marked(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("Resources: {Uploads: {Type: AWS::S3::Bucket, Properties: {}}}")
    assert generated(tmp_path, f"{DECLARATION}resources: ../own.yaml\n") == []


LEGACY = DECLARATION.replace("handler: take}", "legacy: TakeFunctionArn}")


def test_another_existing_function_than_declared_is_a_fault(tmp_path: Path) -> None:
    other = of("TakeFunction", "Environment", "Variables", "LEGACY_FUNCTION_ARN", {"Ref": "OtherFunctionArn"})
    assert generated(tmp_path, LEGACY, other) == ["LEGACY_FUNCTION_ARN is not what `legacy` declares"]


def test_the_declared_existing_function_is_none(tmp_path: Path) -> None:
    assert generated(tmp_path, LEGACY) == []


def test_a_name_that_cloudformation_generates_without_being_told_is_a_fault(tmp_path: Path) -> None:
    def change(data: Json) -> None:
        data["Resources"]["TakeFunction"]["Metadata"] = {"ceap": {"naming": "generated"}}
        del data["Resources"]["TakeFunction"]["Properties"]["FunctionName"]

    assert generated(tmp_path, DECLARATION, change) == ["its name is not explicit, as the declaration wants it"]


def test_a_name_where_cloudformation_shall_generate_one_is_a_fault(tmp_path: Path) -> None:
    def change(data: Json) -> None:
        del data["Resources"]["TakeFunction"]["Metadata"]
        data["Resources"]["TakeFunction"]["Properties"]["FunctionName"] = {
            "Fn::Sub": "ceap-nightly-${Environment}-Take"
        }

    declared = DECLARATION.replace("handler: take", "handler: take, naming: generated")
    assert generated(tmp_path, declared, change) == ["its name is not generated, as the declaration wants it"]


def test_a_generated_name_that_is_declared_is_none(tmp_path: Path) -> None:
    assert generated(tmp_path, DECLARATION.replace("handler: take", "handler: take, naming: generated")) == []
