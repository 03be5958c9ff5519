"""A backup while clients write, and a server on what is restored from it."""
import os
import subprocess
import threading

from conftest import BINARY, Server


def test_backup_while_writing_and_restore(fresh_server, tmp_path):
    s3, sqs = fresh_server.client("s3", "us-west-2"), fresh_server.client("sqs", "us-west-2")
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    small, large = b"small", os.urandom(300_000)
    for i in range(20):
        s3.put_object(Bucket="kept", Key=f"before/{i}", Body=large if i % 4 == 0 else small)
    sqs.send_message(QueueUrl=queue, MessageBody="before")
    over = threading.Event()

    def write():
        n = 0
        while not over.is_set():
            s3.put_object(Bucket="kept", Key=f"during/{n:05d}", Body=large if n % 4 == 0 else small)
            n += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        said = fresh_server.tarn("backup", str(tmp_path / "copy"))
    finally:
        over.set()
        writer.join()
    assert said.startswith("backup is in ")
    for key in [o["Key"] for o in s3.list_objects_v2(Bucket="kept", Prefix="before/")["Contents"]]:
        s3.delete_object(Bucket="kept", Key=key)  # the backup does not follow
    fresh_server.stop()

    again = subprocess.run([BINARY, "backup", str(tmp_path / "copy2")], capture_output=True, text=True, env={**os.environ, "TARN_DATA": str(fresh_server.data)})
    assert again.returncode == 3, again.stderr
    restored = tmp_path / "restored"
    done = subprocess.run([BINARY, "restore", str(tmp_path / "copy"), "--data", str(restored)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    server = Server(restored, "--region", "us-west-2").start()
    try:
        s3, sqs = server.client("s3", "us-west-2"), server.client("sqs", "us-west-2")
        objects = [o for page in s3.get_paginator("list_objects_v2").paginate(Bucket="kept") for o in page["Contents"]]
        during = sorted(o["Key"] for o in objects if o["Key"].startswith("during/"))
        assert len(objects) == 20 + len(during)
        assert during == [f"during/{n:05d}" for n in range(len(during))]  # one moment: nothing later without what came before
        for o in objects:
            assert s3.get_object(Bucket="kept", Key=o["Key"])["Body"].read() == (large if int(o["Key"].split("/")[1]) % 4 == 0 else small)
        received = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName="q")["QueueUrl"])["Messages"]
        assert [m["Body"] for m in received] == ["before"]
    finally:
        server.stop()
