"""Job: the frame around a script, for bookmarks."""
from awsglue.storage import bookmarks


class Job:
    _current = None

    def __init__(self, glue_context):
        self.glue_context, self.name = glue_context, ""

    def init(self, job_name, args=None):
        self.name = job_name
        Job._current = self
        bookmarks.load((args or {}).get("job_bookmark_option", "job-bookmark-disable"))

    def isInitialized(self):
        return Job._current is not None

    def commit(self):
        bookmarks.commit()
