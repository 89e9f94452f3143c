"""Secrets, parameters and grants of NEEDS in a local run: what they allow, and what a run says without them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ceap import project
from ceap.cli import main
from ceap.local import seed
from ceap.local.engine import Engine
from handlers.runtime.contract import PermanentStageError
from handlers.runtime.needs import Needs
from templates.stacks import workflow_stack
from tests import reference
from tests.local.support import Deployed, Template, deploy_workflow, document_of, statuses, without
from tests.reference import MESSAGE

ASK = reference.load_stage("ask")
NEEDS: Needs = ASK.NEEDS
SECRET = "hush-7f3a"
FILES = {
    "secrets/vendor/key-dev": SECRET + "\n",
    "secrets/vendor-api-key": "spare\r\n",
    "parameters/vendor/dev/url": "https://vendor.example/\n\n",
}
ALLOWED = {
    ("secretsmanager:GetSecretValue", True),
    ("ssm:GetParameter", True),
    ("sqs:GetQueueUrl", True),
    ("sqs:SendMessage", True),
    ("s3:PutObject", True),
}


def template(**settings: Any) -> Template:
    """Return the template of the workflow whose second stage asks a vendor."""
    [workflow] = project.load_workflows([reference.OUTSIDE])
    made = workflow_stack(workflow)
    made["Resources"]["AskFunction"]["Properties"]["Environment"]["Variables"]["SETTINGS"] = json.dumps(settings)
    return made


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    return folder


def run(engine: Engine, tmp_path: Path, made: Template, *left_out: str) -> Deployed:
    """Run the workflow on one message, with a seed that may lack files; queue and bucket of the vendor are there."""
    deployed = deploy_workflow(engine, "ceap-outside-dev", made)
    engine.client("sqs").create_queue(QueueName=ASK.QUEUE)
    engine.client("s3").create_bucket(Bucket=ASK.BUCKET)
    given = {name: text for name, text in FILES.items() if name not in left_out}
    planted = seed.load_seed(write(tmp_path / "seed", given), [], {}, [NEEDS])
    seed.plant(planted, engine.client, deployed.foundation.outputs)
    engine.send(deployed.queue, MESSAGE)
    engine.drain()
    return deployed


def asked(deployed: Deployed) -> set[tuple[str, bool]]:
    """Return which calls beside those on its own bucket the stage made, and whether they were allowed."""
    role = deployed.role("AskFunctionRole")
    own = f"arn:aws:s3:::{deployed.bucket}"
    calls = [call for call in deployed.engine.trace if call.role == role and not call.resource.startswith(own)]
    return {(call.action, call.allowed) for call in calls if not call.action.startswith("logs:")}


def cause(deployed: Deployed) -> str:
    """Return why the executions of a message failed: at the stage that asks, and permanently."""
    for execution in deployed.engine.executions:
        assert execution.error == PermanentStageError.__name__
        assert (statuses(execution, "TakeStage"), statuses(execution, "AskStage")) == (["SUCCEEDED"], ["FAILED"])
    assert deployed.dead_letters == [MESSAGE]
    return deployed.engine.executions[0].cause or ""


def test_a_handler_reads_and_calls_what_its_needs_declare(engine: Engine, tmp_path: Path) -> None:
    deployed = run(engine, tmp_path, template())
    [execution] = engine.executions
    assert execution.status == "SUCCEEDED"
    records = document_of(deployed, execution, "AskStage")["data"]
    assert [(record["id"], record["url"]) for record in records] == [
        (f"r{number}", "https://vendor.example/\n") for number in range(1, 6)
    ]
    given = {"id": "r2", "amount": 3}
    signature = hashlib.sha256(SECRET.encode() + json.dumps(given, separators=(",", ":")).encode()).hexdigest()
    assert records[1] == given | {"url": "https://vendor.example/\n", "signature": signature}
    url = engine.client("sqs").get_queue_url(QueueName=ASK.QUEUE)["QueueUrl"]
    assert signature in engine.messages(url)
    assert dict(engine.objects(ASK.BUCKET))["signed/r2"] == signature.encode()
    assert asked(deployed) == ALLOWED


@pytest.mark.parametrize(
    "action", ["secretsmanager:GetSecretValue", "ssm:GetParameter", "sqs:GetQueueUrl", "sqs:SendMessage"]
)
def test_a_run_fails_at_the_call_that_the_role_does_not_allow(engine: Engine, tmp_path: Path, action: str) -> None:
    deployed = run(engine, tmp_path, without(template(), "AskFunctionRole", action))
    assert {call for call, allowed in asked(deployed) if not allowed} == {action}
    assert [call for call in engine.trace if not call.allowed and call.action != action] == []


def test_a_run_fails_at_the_bucket_that_the_role_does_not_allow(engine: Engine, tmp_path: Path) -> None:
    made = template()
    policy = made["Resources"]["AskFunctionRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    policy["Statement"] = [each for each in policy["Statement"] if each["Sid"] != "Granted2"]
    deployed = run(engine, tmp_path, made)
    assert {call for call, allowed in asked(deployed) if not allowed} == {"s3:PutObject"}


def test_the_denial_of_a_secret_is_permanent_and_keeps_the_secret(engine: Engine, tmp_path: Path) -> None:
    deployed = run(engine, tmp_path, without(template(), "AskFunctionRole", "secretsmanager:GetSecretValue"))
    assert "secretsmanager:GetSecretValue on vendor/key-dev was denied: User: " in cause(deployed)
    assert ":secret:vendor/key-dev-" in cause(deployed)


def test_a_secret_that_no_seed_has_is_denied_as_on_aws(engine: Engine, tmp_path: Path) -> None:
    deployed = run(engine, tmp_path, template(), "secrets/vendor/key-dev")
    assert "is not authorized to perform: secretsmanager:GetSecretValue on resource: vendor/key-dev" in cause(deployed)
    assert "if it does not exist, create secret vendor/key-dev with a text" in cause(deployed)


def test_a_parameter_that_no_seed_has_is_not_found(engine: Engine, tmp_path: Path) -> None:
    deployed = run(engine, tmp_path, template(), "parameters/vendor/dev/url")
    assert "ssm:GetParameter on /vendor/dev/url found nothing (ParameterNotFound); create parameter" in cause(deployed)


def test_a_call_of_a_service_that_the_engine_does_not_model_is_never_allowed(engine: Engine, tmp_path: Path) -> None:
    deployed = run(engine, tmp_path, template(reads_text=True))
    assert [execution.status for execution in engine.executions] == ["FAILED"] * 3
    errors = [json.loads(body) for key, body in deployed.objects().items() if key.endswith("/AskStage/error.json")]
    assert len(errors) == 3
    for error in errors:
        assert (
            "The local engine cannot judge the call textract DetectDocumentText: the call is not mod" in error["cause"]
        )
    assert asked(deployed) == ALLOWED


def test_a_run_on_the_command_line_names_the_file_of_a_missing_secret_and_keeps_no_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "seed", {"parameters/vendor/local/url": "https://vendor.example"})
    command = ["run", str(reference.OUTSIDE), "--message", str(reference.WORKFLOWS / "messages/express.json")]
    command += ["--seed", str(folder), "--once", "--keep", str(tmp_path / "kept")]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert (
        "cure: there is no secret vendor/key-local: write a made-up text into "
        "fixtures/outside/secrets/vendor/key-local beside the declaration, "
        "or below the folder of --seed; NEEDS must declare it, too: "
        'secrets=("vendor/key-${Environment}",)'
    ) in said
    assert f"seed {folder}: 1 parameter" in said

    write(folder, {"secrets/vendor/key-local": SECRET})
    assert main([*command, "--logs", "--report", str(tmp_path / "page.html")]) == 1  # there is no queue of the vendor
    output = capsys.readouterr()
    assert "seed" in output.err
    assert "AWS.SimpleQueueService.NonExistentQueue" in output.err + output.out
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and "seed" not in path.parts]
    assert len(kept) > 5
    assert [text for text in (*kept, output.err.encode(), output.out.encode()) if SECRET.encode() in text] == []
