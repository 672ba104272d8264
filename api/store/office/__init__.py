"""What an office shares beside its projects: people and their roles, sign-ins, shares, jobs.

It is kept apart from the projects, so that a project file that is passed on holds no passwords,
and so that a job's progress never waits for, or delays, an edit.
"""

from api.store.office.database import OfficeDatabase
from api.store.office.ended import EndsProjects
from api.store.office.jobs import KeepsJobs
from api.store.office.shares import KeepsShares

__all__ = ["Office"]


class Office(EndsProjects, KeepsJobs, KeepsShares, OfficeDatabase):
    """An open office; made by `open`, let go by `close`."""
