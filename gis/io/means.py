"""Words for the means of getting a room (取得方式) that name none of the six."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from gis.io import words
from gis.model import Finding
from gis.resources import data_dir

_SHOWN: Final = 5


def means_not_understood(texts: Iterable[str | None]) -> list[Finding]:
    """Say which cells name none of the means of ``data/means.toml``: they count as not stated.

    Parameters
    ----------
    texts
        (n,) cells, None where blank.
    """
    there = [text for text in texts if text and words.tidy(text) not in words.NOTHING]
    strange = [text for text in there if not any(word in words.tidy(text) for word in _words())]
    if not strange:
        return []
    counts = Counter(strange).most_common()
    shown = ", ".join(f"'{word[:30]}' ({count})" for word, count in counts[:_SHOWN])
    more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
    told = (
        f"{len(strange)} of {len(there)} values of means name none of the six and count as not "
        f"stated: {shown}{more}; write some of {' '.join(_names())}, several by /"
    )
    return [Finding("means-unknown", told)]


@cache
def _names() -> tuple[str, ...]:
    return tuple(str(row["zh"]) for row in _table().values())


@cache
def _words() -> tuple[str, ...]:
    rows = _table().items()
    found = [word for code, row in rows for word in (code, row["zh"], row["en"], *row["words"])]
    return tuple(words.tidy(word) for word in found)


@cache
def _table() -> dict[str, dict[str, Any]]:
    return tomllib.loads((data_dir() / "means.toml").read_text("utf-8"))
