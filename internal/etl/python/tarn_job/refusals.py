"""Refusals that name the way out."""


class NeedsSpark(NotImplementedError):
    """The script uses something for which the job must run on real Spark."""

    def __init__(self, what):
        super().__init__(f"{what}: run this job with --tarn-engine spark")
