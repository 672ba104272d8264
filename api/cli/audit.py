"""The command ``audit``: who did what to a project, and whether the record of it is whole."""

from __future__ import annotations

from pathlib import Path

import click

from api.cli.options import PROJECT, json_option
from api.cli.output import answer, table_lines
from api.store import AuditCheck, AuditLine, Project
from api.store.outside import OUTSIDE


@click.command()
@click.argument("project", type=PROJECT)
@click.option("--verify", is_flag=True, help="Compute the whole chain of hashes anew.")
@click.option(
    "--expect",
    metavar="HASH",
    help="With --verify: a last hash that was noted earlier, elsewhere; it must still be there.",
)
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(0), help="Newest lines."
)
@json_option
def audit(project: str | Path, verify: bool, expect: str | None, limit: int, as_json: bool) -> None:
    """Say who changed what, when, from where; with --verify whether no line was tampered with.

    The answer tells the last hash. Noted outside the project and given as --expect later, it shows
    also a chain that somebody has written anew.
    """
    with Project.open(project) as opened:
        opened.note_outside_changes()
        lines = opened.audit_lines(limit)
        check = opened.verify_audit(expect) if verify or expect else None
        newest = opened.audit_lines(1)
    result = {
        "rows": newest[0].id if newest else 0,
        "ok": None if check is None else check.ok,
        "why": None if check is None else check.why,
        "first_bad": None if check is None else check.first_bad,
        "last": newest[0].hash if newest else None,
        "lines": [_plain(line) for line in lines],
    }
    told = list(table_lines([["#", "at", "who", "from", "what", ""], *map(_row, lines)]))
    if check is not None:
        told.append(_verdict(check))
    answer(result, told, as_json=as_json)


def _plain(line: AuditLine) -> dict[str, object]:
    return {
        "id": line.id,
        "at": line.at,
        "who": line.who,
        "where": line.where,
        "what": line.what,
        "subject": line.subject,
        "detail": dict(line.detail),
        "hash": line.hash,
    }


def _row(line: AuditLine) -> list[str]:
    subject = line.subject
    if line.what == OUTSIDE:
        subject += f", {line.detail.get('versions')} changes"
    return [str(line.id), line.at, line.who, line.where, line.what, subject]


def _verdict(check: AuditCheck) -> str:
    if check.ok:
        return f"  {check.rows} lines, none changed, none missing; the last hash is {check.last}"
    return f"  Not whole: {check.why}; compare with a backup"
