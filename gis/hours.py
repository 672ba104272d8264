"""Opening hours of gates and facilities: "06:00-22:00", several by comma, also over midnight."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gis.errors import InputError, OptionError

DAY_MIN: Final = 24 * 60

_ALWAYS: Final = ("", "24/7", "24h", "24小时", "全天", "全天候", "全天开放")
_EVERY_DAY: Final = re.compile(r"^(mo-su|每天|每日)[ :]*")
_ONE: Final = re.compile(r"(\d{1,2}):([0-5]\d) *- *(\d{1,2}):([0-5]\d)")
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_SIGNS: Final = str.maketrans("；;、，~—–−至到", ",,,,------")


@dataclass(frozen=True)
class Hours:
    """When something is open, every day alike.

    ``spans`` are minutes after midnight, from the first inclusive to the second exclusive: a gate
    that shuts at 22:00 is shut at 22:00. A span whose end is not after its start runs over
    midnight; one that ends where it starts is the whole day. No span: never closed.
    """

    spans: tuple[tuple[int, int], ...] = ()

    @classmethod
    def parse(cls, text: object) -> Hours:
        """Read "HH:MM-HH:MM", several by comma; empty and "24/7" are always.

        Full-width signs, the long dashes and commas of Chinese writing, "24:00" and a leading
        "Mo-Su" or "每天" are understood. Hours of single weekdays are not: nobody says which day
        is asked for.

        Raises
        ------
        InputError
            The text says no hours.
        """
        if text is None or text != text:  # NaN differs from itself
            return cls()
        return _parsed(str(text))

    def open_at(self, at: str) -> bool:
        """Say whether it is open at ``at``, "HH:MM".

        Raises
        ------
        OptionError
            ``at`` is no time of day.
        """
        minute = minute_of(at)
        return not self.spans or any(_within(minute, *span) for span in self.spans)


def minute_of(at: str) -> int:
    """Return the minutes after midnight of "HH:MM", 00:00 to 23:59.

    Raises
    ------
    OptionError
        ``at`` is no time of day.
    """
    match = _CLOCK.fullmatch(unicodedata.normalize("NFKC", str(at)).strip())
    if match is None:
        raise OptionError(f"The hour is '{at}'; give a time of day from 00:00 to 23:59")
    return 60 * int(match[1]) + int(match[2])


def open_now(texts: Iterable[Any], at: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say of n texts which are open at ``at``, and which could not be read.

    What cannot be read counts as open: a slip of the pen must not lock up an estate, and most
    gates that have hours are open by day. Whoever uses this tells which ones could not be read.

    Returns
    -------
    open_, unreadable
        (n,) each.

    Raises
    ------
    OptionError
        ``at`` is no time of day.
    """
    minute_of(at)
    answers: dict[str, tuple[bool, bool]] = {}
    result = []
    for text in texts:
        word = "" if text is None or text != text else str(text)
        if word not in answers:
            try:
                answers[word] = (Hours.parse(word).open_at(at), False)
            except InputError:
                answers[word] = (True, True)
        result.append(answers[word])
    table = np.array(result, dtype=bool).reshape(-1, 2)
    return table[:, 0], table[:, 1]


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Hours:
    word = unicodedata.normalize("NFKC", text).translate(_SIGNS).strip().lower()
    word = _EVERY_DAY.sub("", word)
    if word in _ALWAYS:
        return Hours()
    spans = []
    for part in word.split(","):
        match = _ONE.fullmatch(part.strip())
        start, end = _minutes(match) if match else (-1, -1)
        # A day starts at 00:00 at the earliest and ends at 24:00 at the latest.
        if not (0 <= start < DAY_MIN and 0 <= end <= DAY_MIN):
            raise InputError(
                f"The hours '{text}' cannot be read; write HH:MM-HH:MM, several with a comma"
            )
        spans.append((start, end))
    return Hours(tuple(spans))


def _minutes(match: re.Match[str]) -> tuple[int, int]:
    hour, minute, to_hour, to_minute = (int(digits) for digits in match.groups())
    return 60 * hour + minute, 60 * to_hour + to_minute


def _within(minute: int, start: int, end: int) -> bool:
    return start <= minute < end if start < end else minute >= start or minute < end
