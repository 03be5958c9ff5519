"""Workflows of Glue: crawlers and jobs chained by triggers, by boto3."""
import time

import pytest

from conftest import until
from test_jobs import Jobs, jobs  # noqa: F401  (a fixture)


def chain(jobs, name, script, table="raw"):
    """A workflow: a crawl of raw/, then a job, then the event of its end waits in the run's graph."""
    glue = jobs.glue
    jobs.s3.put_object(Bucket=jobs.bucket, Key=f"{name}/{table}/a.csv", Body="id,amount\n1,10\n2,20\n")
    jobs.create(f"{name}-job", script, command="pythonshell")
    glue.create_crawler(Name=f"{name}-crawler", Role=jobs.role, DatabaseName=name.replace("-", "_"), Targets={"S3Targets": [{"Path": f"s3://{jobs.bucket}/{name}/{table}/"}]})
    assert glue.create_workflow(Name=name, Description="daily", DefaultRunProperties={"day": "1", "kind": "full"}, MaxConcurrentRuns=1)["Name"] == name
    glue.create_trigger(Name=f"{name}-start", WorkflowName=name, Type="ON_DEMAND", Actions=[{"CrawlerName": f"{name}-crawler"}])
    glue.create_trigger(Name=f"{name}-then", WorkflowName=name, Type="CONDITIONAL", StartOnCreation=True, Actions=[{"JobName": f"{name}-job", "Arguments": {"--x": "1"}}],
                        Predicate={"Conditions": [{"LogicalOperator": "EQUALS", "CrawlerName": f"{name}-crawler", "CrawlState": "SUCCEEDED"}]})


def ended(glue, name, run):
    def look():
        r = glue.get_workflow_run(Name=name, RunId=run, IncludeGraph=True)["Run"]
        return r if r["Status"] in ("COMPLETED", "STOPPED", "ERROR") else None

    return until(look, 60, 0.1)


def node(run, name):
    return next(n for n in run["Graph"]["Nodes"] if n["Name"] == name)


SCRIPT = """
import sys, boto3
args = dict(zip(sys.argv[1::2], sys.argv[2::2]))
glue = boto3.client("glue")
where = dict(Name=args["--WORKFLOW_NAME"], RunId=args["--WORKFLOW_RUN_ID"])
properties = glue.get_workflow_run_properties(**where)["RunProperties"]
glue.put_workflow_run_properties(**where, RunProperties={"seen": properties["day"] + properties["kind"]})
"""


def test_a_workflow_crawls_runs_and_resumes(jobs, name):
    glue = jobs.glue
    chain(jobs, name, "raise ValueError('not yet')\n")
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_workflow(Name=name)
    run = glue.start_workflow_run(Name=name, RunProperties={"day": "2"})["RunId"]
    first = ended(glue, name, run)
    assert first["Status"] == "COMPLETED" and first["WorkflowRunProperties"] == {"day": "2", "kind": "full"}
    assert {k: v for k, v in first["Statistics"].items() if v} == {"TotalActions": 2, "SucceededActions": 1, "FailedActions": 1}
    assert node(first, f"{name}-crawler")["CrawlerDetails"]["Crawls"][0]["State"] == "SUCCEEDED"
    failed = node(first, f"{name}-job")
    assert failed["JobDetails"]["JobRuns"][0]["ErrorMessage"].startswith("ValueError: not yet")
    assert failed["JobDetails"]["JobRuns"][0]["TriggerName"] == f"{name}-then"
    assert len(first["Graph"]["Edges"]) == 3
    with pytest.raises(glue.exceptions.IllegalWorkflowStateException):
        glue.stop_workflow_run(Name=name, RunId=run)

    jobs.s3.put_object(Bucket=jobs.bucket, Key=f"scripts/{name}-job.py", Body=SCRIPT)
    with pytest.raises(glue.exceptions.InvalidInputException):
        glue.resume_workflow_run(Name=name, RunId=run, NodeIds=["wnode_none"])
    resumed = glue.resume_workflow_run(Name=name, RunId=run, NodeIds=[failed["UniqueId"]])
    second = ended(glue, name, resumed["RunId"])
    assert second["PreviousRunId"] == run and second["Statistics"]["SucceededActions"] == 2
    assert second["WorkflowRunProperties"]["seen"] == "2full"

    last = glue.get_workflow(Name=name, IncludeGraph=True)["Workflow"]
    assert last["LastRun"]["WorkflowRunId"] == resumed["RunId"] and last["MaxConcurrentRuns"] == 1
    assert {n["Type"] for n in last["Graph"]["Nodes"]} == {"TRIGGER", "JOB", "CRAWLER"}
    assert [r["WorkflowRunId"] for r in glue.get_workflow_runs(Name=name)["Runs"]] == [resumed["RunId"], run]
    assert glue.batch_get_workflows(Names=[name, "none"])["MissingWorkflows"] == ["none"]
    assert name in glue.list_workflows()["Workflows"]
    arn = f"arn:aws:glue:us-east-1:000000000000:workflow/{name}"
    glue.tag_resource(ResourceArn=arn, TagsToAdd={"team": "a", "x": "y"})
    glue.untag_resource(ResourceArn=arn, TagsToRemove=["x"])
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"team": "a"}
    glue.update_workflow(Name=name, Description="changed")
    assert glue.get_workflow(Name=name)["Workflow"]["Description"] == "changed"
    assert glue.get_trigger(Name=f"{name}-then")["Trigger"]["WorkflowName"] == name
    glue.delete_workflow(Name=name)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_workflow(Name=name)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.start_workflow_run(Name=name)


def test_limits_and_stop(jobs, name):
    glue = jobs.glue
    chain(jobs, name, "import time\ntime.sleep(60)\n")
    run = glue.start_workflow_run(Name=name)["RunId"]
    with pytest.raises(glue.exceptions.ConcurrentRunsExceededException):
        glue.start_workflow_run(Name=name)
    until(lambda: glue.get_workflow_run(Name=name, RunId=run)["Run"]["Statistics"]["SucceededActions"] == 1, 30, 0.1)
    glue.stop_workflow_run(Name=name, RunId=run)
    r = ended(glue, name, run)
    assert r["Status"] == "STOPPED" and r["Statistics"]["StoppedActions"] == 1


def test_a_workflow_goes_on_after_sigkill(fresh_server, tmp_path):
    s = fresh_server
    iam, s3 = s.client("iam"), s.client("s3")
    trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"glue.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
    role = iam.create_role(RoleName="glue", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName="glue", PolicyName="all", PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}')
    s3.create_bucket(Bucket="lake")
    j = Jobs(s, role, "lake")
    chain(j, "flow", "import time, boto3\nboto3.client('s3').put_object(Bucket='lake', Key='began', Body=b'')\ntime.sleep(2)\n")
    run = j.glue.start_workflow_run(Name="flow")["RunId"]
    until(lambda: j.keys("began"), 60, 0.05)
    s.kill()
    s.start()
    j = Jobs(s, role, "lake")
    r = ended(j.glue, "flow", run)
    assert r["Status"] == "COMPLETED" and r["Statistics"]["SucceededActions"] == 2
    assert len(node(r, "flow-job")["JobDetails"]["JobRuns"]) == 1
