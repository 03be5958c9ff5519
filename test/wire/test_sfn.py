"""Step Functions by boto3."""
import json

import pytest
from botocore.exceptions import ClientError

from conftest import until, zipped


@pytest.fixture
def sfn(server):
    return server.client("stepfunctions")


def ended(sfn, arn):
    return until(lambda: (lambda d: d if d["status"] != "RUNNING" else None)(sfn.describe_execution(executionArn=arn)))


def machine(sfn, role, name, states, start):
    definition = {"StartAt": start, "States": states}
    return sfn.create_state_machine(name=name, roleArn=role("states.amazonaws.com"), definition=json.dumps(definition))["stateMachineArn"]


def test_lambda_with_retry_and_catch(server, sfn, role, name):
    server.client("lambda").create_function(
        FunctionName=name, Runtime="python3.12", Handler="app.handler", Role=role("lambda.amazonaws.com"), Timeout=20,
        Code={"ZipFile": zipped({"app.py": "class Busy(Exception):\n    pass\nn = 0\ndef handler(e, c):\n    global n\n    n += 1\n    if n < 3:\n        raise Busy('again')\n    return n\n"})})
    arn = machine(sfn, role, name, {
        "Call": {"Type": "Task", "Resource": f"arn:aws:lambda:us-east-1:000000000000:function:{name}", "ResultPath": "$.n",
                 "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 1}], "Next": "Choose"},
        "Choose": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 3, "Next": "Done"}], "Default": "Wrong"},
        "Done": {"Type": "Succeed"}, "Wrong": {"Type": "Fail", "Error": "Wrong"},
    }, "Call")
    execution = sfn.start_execution(stateMachineArn=arn, input='{"a":1}')["executionArn"]
    done = ended(sfn, execution)
    assert done["status"] == "SUCCEEDED" and json.loads(done["output"]) == {"a": 1, "n": 3}
    kinds = [e["type"] for e in sfn.get_execution_history(executionArn=execution)["events"]]
    assert kinds.count("LambdaFunctionFailed") == 2 and kinds[-1] == "ExecutionSucceeded"


def test_sdk_integrations_and_error_names(sfn, role, name, bucket):
    arn = machine(sfn, role, name, {
        "Put": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "Parameters": {"Bucket": bucket, "Key": "k", "Body": {"made": "by a state"}}, "ResultPath": None, "Next": "Get"},
        "Get": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Parameters": {"Bucket": bucket, "Key": "none"}, "Catch": [{"ErrorEquals": ["S3.NoSuchKeyException"], "Next": "Caught"}], "End": True},
        "Caught": {"Type": "Pass", "End": True},
    }, "Put")
    done = ended(sfn, sfn.start_execution(stateMachineArn=arn)["executionArn"])
    assert done["status"] == "SUCCEEDED", done
    assert json.loads(done["output"])["Error"] == "S3.NoSuchKeyException"


def test_refusals(sfn, role, name):
    with pytest.raises(sfn.exceptions.InvalidDefinition):
        sfn.create_state_machine(name=name, roleArn=role("states.amazonaws.com"), definition='{"StartAt":"Nowhere","States":{}}')
    with pytest.raises(sfn.exceptions.StateMachineDoesNotExist):
        sfn.start_execution(stateMachineArn="arn:aws:states:us-east-1:000000000000:stateMachine:none")
    with pytest.raises(ClientError) as e:
        sfn.describe_execution(executionArn="nonsense")
    assert e.value.response["Error"]["Code"] in ("InvalidArn", "ValidationException")


def test_executions_survive_sigkill(fresh_server):
    iam = fresh_server.client("iam", "us-west-2")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    sfn = fresh_server.client("stepfunctions", "us-west-2")
    definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3, "Next": "Done"}, "Done": {"Type": "Pass", "Result": "after the kill", "End": True}}}
    arn = sfn.create_state_machine(name="m", roleArn=role, definition=json.dumps(definition))["stateMachineArn"]
    executions = [sfn.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(20)]
    fresh_server.kill()
    fresh_server.start()
    sfn = fresh_server.client("stepfunctions", "us-west-2")
    for e in executions:
        done = ended(sfn, e)
        assert done["status"] == "SUCCEEDED" and json.loads(done["output"]) == "after the kill"
        events = sfn.get_execution_history(executionArn=e)["events"]
        assert [x["id"] for x in events] == list(range(1, len(events) + 1))


def test_command_line_starts_watches_and_draws(server, sfn, role, name, tmp_path):
    machine(sfn, role, name, {"In": {"Type": "Pass", "Next": "Out"}, "Out": {"Type": "Pass", "End": True}}, "In")
    said = server.tarn("sf", "start", name, "--input", '{"n":1}', "--name", "x", "--watch")
    assert "In (Pass) done" in said and "SUCCEEDED" in said
    lines = server.tarn("sf", "history", f"{name}:x").splitlines()
    assert len(lines) == 6 and lines[-1].split()[2] == "ExecutionSucceeded"
    file = tmp_path / "m.json"
    file.write_text('{"StartAt":"A","States":{"A":{"Type":"Pass","Result":7,"End":true}}}')
    assert server.tarn("sf", "lint", str(file)).endswith("1 states, no errors\n")
    assert server.tarn("sf", "graph", str(file)).startswith("flowchart TD\n")
    assert json.loads(server.tarn("sf", "test-state", str(file), "--state", "A"))["output"] == "7"


def test_map_over_what_athena_unloaded(server, sfn, role, name, bucket):
    athena, database = server.client("athena"), name.replace("-", "_")

    def run(sql):
        q = athena.start_query_execution(QueryString=sql, ResultConfiguration={"OutputLocation": f"s3://{bucket}/results/"})["QueryExecutionId"]
        status = until(lambda: (lambda s: s if s["State"] in ("SUCCEEDED", "FAILED") else None)(athena.get_query_execution(QueryExecutionId=q)["QueryExecution"]["Status"]))
        assert status["State"] == "SUCCEEDED", status
        return athena.get_query_execution(QueryExecutionId=q)["QueryExecution"]["Statistics"].get("DataManifestLocation")

    run(f"CREATE DATABASE {database}")
    manifest = run(f"UNLOAD (SELECT * FROM (VALUES (1, 'a', DATE '2020-01-02'), (2, 'b', NULL)) AS t(n, s, d)) TO 's3://{bucket}/parts/' WITH (format = 'PARQUET')")
    server.client("s3").put_object(Bucket=bucket, Key="damaged.parquet", Body=b"PAR1 and nothing else")

    def mapped(config, key):
        reader = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": config, "Parameters": {"Bucket": bucket, "Key": key}}
        arn = machine(sfn, role, f"{name}-{key[:4].strip('/')}", {"M": {"Type": "Map", "ItemReader": reader, "End": True, "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}}}, "M")
        return ended(sfn, sfn.start_execution(stateMachineArn=arn)["executionArn"])

    done = mapped({"InputType": "PARQUET", "ManifestType": "ATHENA_DATA"}, manifest.split("/", 3)[3])
    assert done["status"] == "SUCCEEDED", done
    assert json.loads(done["output"]) == [{"n": 1, "s": "a", "d": "2020-01-02"}, {"n": 2, "s": "b", "d": None}]
    bad = mapped({"InputType": "PARQUET"}, "damaged.parquet")
    assert bad["error"] == "States.ItemReaderFailed" and "cannot be read as a Parquet file" in bad["cause"]


def test_redrive_runs_only_what_did_not_succeed(sfn, server, role, name, bucket):
    s3 = server.client("s3")
    get = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Parameters": {"Bucket": bucket, "Key.$": "$"}, "ResultSelector": {"body.$": "$.Body"}, "End": True}
    arn = machine(sfn, role, name, {
        "Both": {"Type": "Parallel", "End": True, "Branches": [
            {"StartAt": "Made", "States": {"Made": {"Type": "Pass", "Parameters": {"redrives.$": "$$.Execution.RedriveCount"}, "End": True}}},
            {"StartAt": "Each", "States": {"Each": {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": {"StartAt": "Get", "States": {"Get": get}}, "End": True}}}]}}, "Both")
    s3.put_object(Bucket=bucket, Key="a", Body=b"first")
    execution = sfn.start_execution(stateMachineArn=arn, input='["a","b","a"]')["executionArn"]
    failed = ended(sfn, execution)
    assert (failed["status"], failed["error"], failed["redriveStatus"]) == ("FAILED", "S3.NoSuchKeyException", "REDRIVABLE"), failed
    s3.put_object(Bucket=bucket, Key="b", Body=b"second")
    s3.put_object(Bucket=bucket, Key="a", Body=b"third")
    at = sfn.redrive_execution(executionArn=execution, clientToken="once")["redriveDate"]
    done = ended(sfn, execution)
    assert sfn.redrive_execution(executionArn=execution, clientToken="once")["redriveDate"] == at
    assert json.loads(done["output"]) == [{"redrives": 0}, [{"body": "first"}, {"body": "second"}, {"body": "third"}]], done
    assert (done["redriveCount"], done["redriveStatusReason"]) == (1, "Execution is SUCCEEDED and cannot be redriven")
    kinds = [e["type"] for e in sfn.get_execution_history(executionArn=execution)["events"]]
    assert (kinds.count("MapIterationStarted"), kinds.count("MapIterationSucceeded"), kinds.count("ExecutionRedriven")) == (3, 3, 1), kinds
    with pytest.raises(sfn.exceptions.ExecutionNotRedrivable):
        sfn.redrive_execution(executionArn=execution)
