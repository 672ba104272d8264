"""Shares: frozen pages behind links that nobody can guess, and that can be taken back.

Only the hash of a link's token is kept: who reads the database cannot open a share by its link.
"""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, case, insert, select, update

from api.store.office.schema import SHARES
from gis.errors import UnknownNameError

ShareKind = Literal["map", "dashboard"]
TOKEN_BYTES: Final = 24
LARGEST_PAGE: Final = 64 * 2**20
_HAD_PASSWORD: Final = ""
"""Stands for the hash of a password that is not asked for any more; it is the hash of none."""


@dataclass(frozen=True)
class Share:
    """A share, without its page and without its link."""

    id: int
    project: str
    title: str
    kind: ShareKind
    created: str
    created_by: str
    expires: str | None
    revoked: str | None
    has_password: bool
    opened: int
    last_opened: str | None


@dataclass(frozen=True)
class Link:
    """What a link leads to, as long as it may be opened: whether a password is asked first."""

    share_id: int
    title: str
    password_hash: str | None


class KeepsShares:
    """The part of the office that keeps shares."""

    read: Callable[[], AbstractContextManager[Connection]]
    write: Callable[[], AbstractContextManager[Connection]]
    _clock: Callable[[], datetime]

    def add_share(
        self,
        project: str,
        page: str,
        *,
        title: str,
        kind: ShareKind,
        who: str,
        expires: datetime | None = None,
        password_hash: str | None = None,
    ) -> tuple[Share, str]:
        """Keep a page as it is now; return the share and the token of its link, told only here."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        row = {
            "project": project,
            "token_hash": _hash(token),
            "title": title,
            "kind": kind,
            "created": _text(self._clock()),
            "created_by": who,
            "expires": None if expires is None else _text(expires),
            "password": password_hash,
            "state": zlib.compress(page.encode("utf-8")),
        }
        columns = [column for column in SHARES.c if column.name not in ("state", "token_hash")]
        with self.write() as connection:
            made = connection.execute(insert(SHARES).values(row).returning(*columns))
            return _share(made.mappings().one()), token

    def shares(self, project: str) -> list[Share]:
        """List the shares of a project, the newest first; also those that are over."""
        columns = [column for column in SHARES.c if column.name not in ("state", "token_hash")]
        query = select(*columns).where(SHARES.c.project == project).order_by(SHARES.c.id.desc())
        with self.read() as connection:
            return [_share(row) for row in connection.execute(query).mappings()]

    def revoke_share(self, project: str, share_id: int) -> None:
        """Take a share back, at once and for good: its page is deleted.

        Raises
        ------
        UnknownNameError
            The project has no such share.
        """
        c = SHARES.c
        mine = (c.project == project) & (c.id == share_id)
        with self.write() as connection:
            if connection.execute(select(c.id).where(mine)).first() is None:
                raise UnknownNameError(f"There is no share {share_id} of this project")
            now = _text(self._clock())
            change = update(SHARES).where(mine & c.revoked.is_(None))
            # That there was a password stays known; its hash, which is nothing's any more, goes.
            had = case((c.password.is_not(None), _HAD_PASSWORD))
            connection.execute(change.values(revoked=now, state=b"", password=had))

    def link(self, token: str) -> Link | None:
        """Return what a link leads to; None where it leads nowhere any more, or never did."""
        c = SHARES.c
        query = select(c.id, c.title, c.password).where(
            c.token_hash == _hash(token), self._open_now()
        )
        with self.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Link(row.id, row.title, row.password)

    def open_share(self, share_id: int) -> str | None:
        """Count an opening and return the page; None where it may no longer be opened."""
        c = SHARES.c
        change = (
            update(SHARES)
            .where(c.id == share_id, self._open_now())
            .values(opened=c.opened + 1, last_opened=_text(self._clock()))
            .returning(c.state)
        )
        with self.write() as connection:
            page = connection.execute(change).scalar()
        return None if page is None else zlib.decompress(page).decode("utf-8")

    def _open_now(self) -> ColumnElement[bool]:
        c = SHARES.c
        now = _text(self._clock())
        return c.revoked.is_(None) & (c.expires.is_(None) | (c.expires > now))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _share(row: RowMapping) -> Share:
    return Share(
        **{
            name: row[name]
            for name in (
                "id",
                "project",
                "title",
                "kind",
                "created",
                "created_by",
                "expires",
                "revoked",
                "opened",
                "last_opened",
            )
        },
        has_password=row["password"] is not None,
    )
