"""What an import did: how many rows, which were mended or refused, what was decided and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gis.model import Finding


@dataclass(frozen=True, order=True)
class RowNote:
    """A row of the file and what happened to it.

    ``row`` is counted as a person sees it: in csv and xlsx the number at the left edge of the
    sheet (the heading is row 1 in a plain table), in all other files the number of the feature,
    from 1. Rows of OpenStreetMap files have no number: ``row`` is the OSM id, and ``reason``
    begins with its kind.
    """

    row: int
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return the note as plain JSON values."""
        return {"row": self.row, "reason": self.reason}


@dataclass(frozen=True, eq=False)
class ImportReport:
    """What was read from a file into a layer.

    ``read`` = ``accepted`` + number of ``refused``; ``repaired`` rows are among the accepted.
    ``crs`` is the CRS of the file, ``coords`` what its coordinates were read as (wgs84, gcj02,
    bd09, cgcs2000), ``encoding`` that of its text, or None where the format has only one.
    """

    kind: str
    file: str
    read: int
    accepted: int
    repaired: tuple[RowNote, ...]
    refused: tuple[RowNote, ...]
    crs: str
    coords: str
    encoding: str | None
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {
            "kind": self.kind,
            "file": self.file,
            "read": self.read,
            "accepted": self.accepted,
            "repaired": [note.to_json() for note in self.repaired],
            "refused": [note.to_json() for note in self.refused],
            "crs": self.crs,
            "coords": self.coords,
            "encoding": self.encoding,
            "findings": [finding.to_json() for finding in self.findings],
        }
