"""The definition of the state machine: nine steps, each followed by a Pass that keeps the day, each with a Fail beside it."""


def failing(cause):
    return {"Type": "Fail", "Cause": cause}


KEEP_DAY = {"year.$": "$.year", "month.$": "$.month", "day.$": "$.day"}


def definition(bucket, function_arn, retry_seconds):
    """function_arn(name) gives the ARN of a function; retry_seconds is 30 in production."""
    retry = [{"ErrorEquals": [name], "IntervalSeconds": retry_seconds, "BackoffRate": 2, "MaxAttempts": 5}
             for name in ("CrawlerInProgressException", "LandingToArchiveFileTransferIncompleteException", "LandingToRawFileTransferIncompleteException")]
    transfer = {"bucket_name": bucket, "source_prefix": "data/landing/"}
    to_raw = {"step": "landing-to-raw-file-transfer", **transfer}
    to_archive = {"step": "landing-to-archive-file-transfer", **transfer}
    # Only today's folder of the raw zone must hold as many files as landing: earlier days stay in the raw zone.
    today = {"destination_prefix.$": "States.Format('data/raw/customers/year={}/month={}/day={}/', $.year, $.month, $.day)"}
    steps = [
        ("LandingToRawFileTransfer", "generic-file-transfer", {**to_raw, "destination_prefix": "data/raw/"}, False),
        ("LandingToRawFileTransferStatus", "generic-file-transfer-status", {**to_raw, **today}, True),
        ("StartRawCrawler", "generic-crawler-invoke", {"crawler_name": "raw"}, False),
        ("RawCrawlerStatus", "generic-crawler-status", {"crawler_name": "raw"}, True),
        ("GlueJob", None, None, False),
        ("StartRefinedCrawler", "generic-crawler-invoke", {"crawler_name": "refined"}, False),
        ("RefinedCrawlerStatus", "generic-crawler-status", {"crawler_name": "refined"}, True),
        ("LandingToArchiveFileTransfer", "generic-file-transfer", {**to_archive, "destination_prefix": "data/archive/"}, False),
        ("LandingToArchiveFileTransferStatus", "generic-file-transfer-status", {**to_archive, "destination_prefix": "data/archive/"}, True),
    ]
    states = {}
    for i, (name, function, parameters, retries) in enumerate(steps):
        task = {"Type": "Task", "Catch": [{"ErrorEquals": [e], "Next": name + "Failed"} for e in ("States.TaskFailed", "States.ALL")], "Next": name + "Passed"}
        if function:
            task.update(Resource=function_arn(function), Parameters={**parameters, **KEEP_DAY})
            keep = KEEP_DAY
        else:
            task.update(Resource="arn:aws:states:::glue:startJobRun.sync", Parameters={
                "JobName": "retail-raw-refined",
                "Arguments": {"--bucket": bucket, "--year.$": "$.year", "--month.$": "$.month", "--day.$": "$.day"},
            })
            # The job run's description comes back: the day stands in its arguments.
            keep = {k: "$.Arguments.--" + k[:-2] for k in KEEP_DAY}
        if retries:
            task["Retry"] = retry
        passed = {"Type": "Pass", "ResultPath": "$", "Parameters": keep}
        if i + 1 < len(steps):
            passed["Next"] = steps[i + 1][0]
        else:
            passed["End"] = True
        states[name], states[name + "Passed"], states[name + "Failed"] = task, passed, failing(name + " failed")
    return {"Comment": "A day of customer files: landing to raw to refined to archive", "StartAt": steps[0][0], "States": states}
