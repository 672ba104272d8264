"""The uid of each row: the file's own where it has one, else given."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.io.columns import Match
from gis.model import Finding

_FEW: Final = 3
_DISTINCT: Final = 0.5


@dataclass(eq=False)
class Keys:
    """n uids (None for refused rows), the rows refused for theirs, and what was noticed."""

    uids: list[str | None]
    refused: dict[int, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    used: bool = True
    """The column of the file was used as the key."""


def give_keys(
    kind: str,
    texts: list[str | None] | None,
    match: Match | None,
    *,
    rows: NDArray[np.int64],
    dead: Collection[int],
    taken: Collection[str],
) -> Keys:
    """Give each row a uid that is unique in the layer.

    Parameters
    ----------
    kind
        Name of the kind: given uids are "<kind>-<number>".
    texts
        (n,) values of the column that holds the key; None when there is none.
    match
        How that column was found.
    rows
        (n,) numbers of the rows, for messages.
    dead
        Places of the rows that were refused already.
    taken
        Uids that the project has.
    """
    alive = [i for i in range(len(rows)) if i not in dead]
    keys = Keys([None] * len(rows))
    if texts is not None and match is not None and not _is_key(texts, alive, match):
        keys.findings.append(
            Finding(
                "uid-not-unique",
                f"'{match.heading}' repeats too often to be a key and was kept as an extra column; "
                f"uids were given (use --column uid={match.heading} to insist)",
                "info",
            )
        )
        texts, keys.used = None, False
    texts = texts if texts is not None else [None] * len(rows)
    taken = frozenset(taken)
    seen: dict[str, int] = {}
    for i in alive:
        text = texts[i]
        if text is None:
            continue
        if text in taken:
            keys.refused[i] = f"uid '{text}' is in the project already"
        elif text in seen:
            keys.refused[i] = f"uid '{text}' occurs already in row {rows[seen[text]]}"
        else:
            seen[text] = i
            keys.uids[i] = text
    without = [i for i in alive if texts[i] is None]
    for i, uid in zip(without, new_uids(kind, len(without), (*taken, *seen)), strict=True):
        keys.uids[i] = uid
    if without:
        share = "all rows" if len(without) == len(alive) else f"{len(without)} rows without one"
        keys.findings.append(Finding("uid-given", f"uids were given to {share}", "info"))
    return keys


def _is_key(texts: list[str | None], alive: list[int], match: Match) -> bool:
    """Return whether a column is a key with, at most, mistakes in it.

    A column of a strong name may repeat a little; ArcGIS' empty ``Id`` (all 0) repeats a lot. A
    column of a weak name, such as 代码, has to be unique.
    """
    values = [texts[i] for i in alive if texts[i] is not None]
    if match.said or not values:
        return True
    distinct = len(set(values))
    if match.weak:
        return distinct == len(values)
    return len(values) < _FEW or distinct >= _DISTINCT * len(values)


def new_uids(kind: str, count: int, taken: Iterable[str]) -> list[str]:
    """Return ``count`` uids that nobody has: "<kind>-<number>", counted on from the largest."""
    pattern = re.compile(rf"{re.escape(kind)}-(\d{{1,15}})")
    numbers = [int(m[1]) for uid in taken if (m := pattern.fullmatch(uid))]
    first = max(numbers, default=0) + 1
    return [f"{kind}-{first + i}" for i in range(count)]
