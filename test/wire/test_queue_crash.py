"""Queues under mixed load while the server is killed again and again, with consumers that crash, are slow and fail.

TARN_KILLS sets how often it is killed (6; by hand 100)."""
import collections
import json
import os
import random
import threading
import time

from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

REGION, KILLS = "us-west-2", int(os.environ.get("TARN_KILLS", "6"))
ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=10, max_pool_connections=1)
GROUPS = 3


class World:
    """What producers and consumers know for sure, across all lives of the server."""

    def __init__(self, server):
        self.server, self.stop, self.failures = server, threading.Event(), []
        self.up = threading.Event()
        self.session = server.session(REGION)
        self.lock = threading.RLock()
        self.sent, self.received, self.asked, self.deleted = set(), collections.Counter(), set(), set()  # of the standard queue: bodies
        self.next = {g: 1 for g in range(GROUPS)}  # of the FIFO queue: the next number to be sent
        self.tried = {g: 0 for g in range(GROUPS)}  # the highest number that somebody asked to delete
        self.gone = set()  # (group, number) whose deletion was acknowledged
        self.seen = {g: set() for g in range(GROUPS)}

    def worker(self, work):
        """Repeats work with a client of each life of the server."""
        def run():
            while not self.stop.is_set():
                if not self.up.wait(0.1):
                    continue
                with self.lock:  # which sessions need
                    sqs = self.session.client("sqs", endpoint_url=self.server.endpoint, config=ONCE)
                try:
                    while not self.stop.is_set() and self.up.is_set():
                        work(sqs)
                except (BotoCoreError, ClientError) as e:
                    if isinstance(e, ClientError) and e.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                        self.failures.append(repr(e))
                        return
                except Exception as e:  # a violation
                    self.failures.append(repr(e))
                    return
                time.sleep(0.02)
        t = threading.Thread(target=run)
        t.start()
        return t


def test_queues_through_kills(fresh_server):
    server, seed = fresh_server, random.randrange(1 << 32)
    print("seed", seed)
    points, w = random.Random(seed), World(server)
    sqs = server.client("sqs", REGION)
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "2", "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})})
    sqs.create_queue(QueueName="order.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "1"})

    def url(name):
        return f"{server.endpoint}/000000000000/{name}"

    numbers = iter(range(1 << 30))

    def produce(sqs):
        with w.lock:
            bodies = [f"m{next(numbers)}" for _ in range(random.choice((1, 10)))]
        if len(bodies) == 1:
            sqs.send_message(QueueUrl=url("work"), MessageBody=bodies[0])
        else:
            out = sqs.send_message_batch(QueueUrl=url("work"), Entries=[{"Id": b, "MessageBody": b} for b in bodies])
            bodies = [s["Id"] for s in out["Successful"]]
        with w.lock:
            w.sent.update(bodies)
        time.sleep(0.01)

    def take(sqs):
        got = sqs.receive_message(QueueUrl=url("work"), MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        with w.lock:
            for m in got:
                w.received[m["Body"]] += 1
                assert w.received[m["Body"]] == 1, f"{m['Body']} was received twice with a receive count of 1"
                assert m["Body"] not in w.deleted, f"{m['Body']} came back after its deletion"
        return got

    def works(sqs):
        for m in take(sqs):
            w.asked.add(m["Body"])
            sqs.delete_message(QueueUrl=url("work"), ReceiptHandle=m["ReceiptHandle"])
            with w.lock:
                w.deleted.add(m["Body"])

    def slow(sqs):
        got = take(sqs)
        time.sleep(0.3)
        if got:
            w.asked.update(m["Body"] for m in got)
            out = sqs.delete_message_batch(QueueUrl=url("work"), Entries=[{"Id": m["Body"], "ReceiptHandle": m["ReceiptHandle"]} for m in got])
            with w.lock:
                w.deleted.update(s["Id"] for s in out.get("Successful", []))

    def fails(sqs):
        for m in take(sqs):  # what it gives back goes to the dead-letter queue
            sqs.change_message_visibility(QueueUrl=url("work"), ReceiptHandle=m["ReceiptHandle"], VisibilityTimeout=0)

    def crashes(sqs):
        take(sqs)
        time.sleep(0.2)

    def produce_in_order(group):
        def send(sqs):  # the number goes on only when the send is acknowledged: what is sent again is a duplicate
            n = w.next[group]
            sqs.send_message(QueueUrl=url("order.fifo"), MessageBody=f"{group} {n}", MessageGroupId=str(group), MessageDeduplicationId=f"{group}-{n}")
            w.next[group] = n + 1
            time.sleep(0.03)
        return send

    def consume_in_order(sqs, share=0.2):
        got = sqs.receive_message(QueueUrl=url("order.fifo"), MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        reached = {}
        for m in got:
            g, n = map(int, m["Body"].split())
            with w.lock:
                assert (g, n) not in w.gone, f"{g} {n} came back after its deletion"
                if g in reached:
                    assert n == reached[g] + 1, f"{g} {n} came after {reached[g]} in one receive"
                else:
                    assert n <= w.tried[g] + 1, f"{g} {n} came before {w.tried[g] + 1}"
                reached[g] = n
                w.seen[g].add(n)
        if random.random() < share:
            return  # it crashes: all come again, in order
        for m in got:
            g, n = map(int, m["Body"].split())
            w.tried[g] = max(w.tried[g], n)
        if got:
            out = sqs.delete_message_batch(QueueUrl=url("order.fifo"), Entries=[
                {"Id": m["Body"].replace(" ", "-"), "ReceiptHandle": m["ReceiptHandle"]} for m in got])
            assert all("expired" in f["Message"] for f in out.get("Failed", [])), out["Failed"]  # it took too long: those come again
            with w.lock:
                w.gone.update(tuple(map(int, x["Id"].split("-"))) for x in out.get("Successful", []))

    jobs = [produce, produce, works, slow, fails, crashes, consume_in_order] + [produce_in_order(g) for g in range(GROUPS)]
    w.up.set()
    threads = [w.worker(j) for j in jobs]
    try:
        for _ in range(KILLS):
            time.sleep(points.uniform(0.3, 1.5))
            w.up.clear()
            server.kill()
            server.start()
            w.up.set()
            assert not w.failures, w.failures
        time.sleep(0.5)
    finally:
        w.stop.set()
        for t in threads:
            t.join()
    assert not w.failures, w.failures
    assert len(w.sent) > 10 * KILLS and w.deleted and all(w.gone)

    # All that is left comes, and what was deleted does not.
    sqs, left = server.client("sqs", REGION), set()
    end = time.time() + 120
    while time.time() < end:
        for name in ("work", "dead"):
            got = sqs.receive_message(QueueUrl=url(name), MaxNumberOfMessages=10).get("Messages", [])
            left.update(m["Body"] for m in got)
            if got:
                sqs.delete_message_batch(QueueUrl=url(name), Entries=[{"Id": m["Body"], "ReceiptHandle": m["ReceiptHandle"]} for m in got])
        counts = [sqs.get_queue_attributes(QueueUrl=url(n), AttributeNames=["All"])["Attributes"] for n in ("work", "dead")]
        if not any(int(v) for c in counts for k, v in c.items() if k.startswith("ApproximateNumber")):
            break
    assert not left & w.deleted, "messages came back after their deletion"
    # A message whose deletion was asked for, but not acknowledged, may be gone.
    assert not w.sent - w.deleted - left - w.asked, f"lost: {w.sent - w.deleted - left - w.asked}"
    end = time.time() + 120
    while any(len(w.seen[g]) < w.next[g] - 1 for g in range(GROUPS)) and time.time() < end:
        consume_in_order(sqs, share=0)
    for g in range(GROUPS):
        assert w.seen[g] >= set(range(1, w.next[g])), f"group {g} lacks {set(range(1, w.next[g])) - w.seen[g]}"
    print(f"{KILLS} kills: {len(w.sent)} acknowledged, {len(w.deleted)} deleted, {len(left)} left; in order: {sum(len(s) for s in w.seen.values())}")
