"""Gives the answers in responses.golden to botocore's own parsers and prints what they read; run by hand.

    python3 parse.py
"""
import json
import os

import botocore.parsers
import botocore.session
from urllib3 import HTTPHeaderDict

session = botocore.session.get_session()
NAMES = {"states": "stepfunctions"}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "responses.golden")) as f:
    for line in f:
        r = json.loads(line)
        m = session.get_service_model(NAMES.get(r["Service"], r["Service"]))
        protocol = m.resolved_protocol
        if r["Body"].startswith("<") and protocol == "json":
            print(r["Op"], "query: not read by this release")
            continue
        op = m.operation_model(r["Op"])
        body = r["Body"].encode()

        class Stream:
            def read(self):
                return body

        p = botocore.parsers.create_parser(protocol)
        x = p.parse({"status_code": r["Status"], "headers": HTTPHeaderDict(r["Headers"]), "body": Stream() if op.has_streaming_output and r["Status"] < 300 else body, "context": {"operation_name": r["Op"]}}, op.output_shape)
        x.pop("ResponseMetadata", None)
        print(r["Op"], r["Status"], json.dumps(x, default=lambda v: v.read().decode() if hasattr(v, "read") else (v.hex() if isinstance(v, bytes) else str(v)), sort_keys=True, ensure_ascii=False))
