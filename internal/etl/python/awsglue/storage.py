"""Files of the store, and which of them a bookmark has seen."""
import collections
import datetime
import functools
import os
from urllib.parse import urlparse

File = collections.namedtuple("File", "url size etag modified")


@functools.lru_cache(None)
def client(name):
    import boto3

    return boto3.client(name, region_name=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))


def split(url):
    """Bucket and key of an address."""
    u = urlparse(url)
    return u.netloc, u.path.lstrip("/")


def files(url):
    """The files under a prefix, or the one that it names, without hidden and empty ones."""
    bucket, prefix = split(url)
    s3, found = client("s3"), []
    if prefix and not prefix.endswith("/"):
        try:
            h = s3.head_object(Bucket=bucket, Key=prefix)
            return [File(url, h["ContentLength"], h["ETag"], h["LastModified"])]
        except s3.exceptions.ClientError:
            prefix += "/"
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for o in page.get("Contents", []):
            parts = o["Key"][len(prefix):].split("/")
            if o["Size"] == 0 or any(p.startswith(("_", ".")) and "=" not in p for p in parts):
                continue
            found.append(File(f"s3://{bucket}/{o['Key']}", o["Size"], o["ETag"], o["LastModified"]))
    return found


class Bookmarks:
    """What earlier runs of the job have read, by transformation context: the newest time seen, and the files of that time."""

    def __init__(self):
        self._option, self._old, self._new = "job-bookmark-disable", {}, {}

    def load(self, option):
        from tarn_job import channel

        self._option = option
        if option != "job-bookmark-disable":
            self._old = channel.ask("bookmark_load").get("bookmark") or {}

    def fresh(self, context, found):
        """Those of the files that no earlier run has read."""
        if self._option == "job-bookmark-disable" or not context:
            return found
        state = self._old.get(context, {"until": "", "seen": []})

        def stamp(f):
            return f.modified.astimezone(datetime.timezone.utc).isoformat()

        new = [f for f in found if stamp(f) > state["until"] or stamp(f) == state["until"] and f.url not in state["seen"]]
        times = [(stamp(f), f.url) for f in new] + [(state["until"], url) for url in state["seen"]]
        newest = max((t for t, _ in times), default="")
        self._new[context] = {"until": newest, "seen": sorted(url for t, url in times if t == newest)}
        return new

    def commit(self):
        from tarn_job import channel

        if self._option == "job-bookmark-enable":
            channel.ask("bookmark_commit", bookmark={**self._old, **self._new})


bookmarks = Bookmarks()
