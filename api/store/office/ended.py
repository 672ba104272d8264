"""What an office holds under the name of a project, and how that ends with it."""

from __future__ import annotations

from sqlalchemy import delete

from api.store.audit import Author
from api.store.office.people import KeepsPeople
from api.store.office.schema import JOBS, MEMBERS, SHARES


class EndsProjects(KeepsPeople):
    """The part of an office that keeps people, and lets go of a project that is gone."""

    def end_project(self, project: str, *, by: Author) -> tuple[str, ...]:
        """End all roles, shares and jobs under a name; return the ids of the jobs.

        Files come and go in a folder without the office. Before a name is given again, this keeps
        its new bearer from what was of the old one.
        """
        with self.write() as connection:
            jobs = connection.execute(
                delete(JOBS).where(JOBS.c.project == project).returning(JOBS.c.id)
            )
            ids = tuple(jobs.scalars())
            shares, roles = (
                connection.execute(delete(table).where(table.c.project == project)).rowcount
                for table in (SHARES, MEMBERS)
            )
            if ids or shares or roles:
                told = {"roles": roles, "shares": shares, "jobs": len(ids)}
                self._note(connection, by, "project ended", project, **told)
        self._people_changed()
        return ids
