"""Work that takes longer than a request; a job runs in a process of its own, or on a cluster."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from api.jobs.jobs import Jobs
    from api.jobs.queue import QueueFullError
    from api.store.office.jobs import Job

__all__ = ["Job", "Jobs", "QueueFullError"]


def __getattr__(name: str) -> Any:
    # A child process imports its part of this package, and must not wait for the server's.
    if name == "Jobs":
        from api.jobs.jobs import Jobs

        return Jobs
    if name == "QueueFullError":
        from api.jobs.queue import QueueFullError

        return QueueFullError
    if name == "Job":
        from api.store.office.jobs import Job

        return Job
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
