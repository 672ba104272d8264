"""How commands speak: one JSON object or plain text on standard output, progress on the other."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from api.plain import json_text

if TYPE_CHECKING:
    from gis.model import Finding, Progress

MARKS = {"info": "·", "warning": "!", "error": "✗"}


def answer(result: Mapping[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Write the result once: as one JSON object, or as lines for a person."""
    if as_json:
        lines = [json_text(result)]
    try:
        for line in lines:
            click.echo(line if as_json else one_safe_line(line))
    except BrokenPipeError:
        # The reader (head, less) has gone: what was asked is done, and nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def one_safe_line(text: str) -> str:
    """Return ``text`` without control characters: a file's names must not steer the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Return a line per finding, its severity as a mark in front."""
    for finding in findings:
        where = f"row {finding.row}: " if finding.row is not None else ""
        yield f"  {MARKS[finding.severity]} {where}{finding.message}"


def table_lines(rows: list[list[str]]) -> Iterator[str]:
    """Return ``rows`` (the first is the heading) as columns; Chinese letters count as two wide."""
    if not rows:
        return
    widths = [max(_width(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [cell + " " * (wide - _width(cell)) for cell, wide in zip(row, widths, strict=True)]
        yield ("  " + "  ".join(cells)).rstrip()


def number(value: float | None, digits: int = 0) -> str:
    """Return a number with thousands marks, or a dash where it is unknown."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.{digits}f}"


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """Give a function that moves a bar on standard error; silent where nobody watches."""
    from tqdm import tqdm

    with tqdm(
        total=100,
        desc=title,
        file=sys.stderr,
        disable=not sys.stderr.isatty(),
        leave=False,
        bar_format="{desc} {bar} {n:3.0f} % {postfix}",
    ) as bar:

        def report(share: float, doing: str) -> None:
            bar.set_postfix_str(doing, refresh=False)
            bar.update(max(0.0, min(1.0, share)) * 100 - bar.n)

        yield report


def _width(text: str) -> int:
    return sum(2 if ord(c) >= 0x2E80 else 1 for c in text)
