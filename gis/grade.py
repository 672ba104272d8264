"""How far a result can be relied upon: one letter, by a rubric with numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from gis.errors import OptionError

LETTERS: Final = "ABCD"


@dataclass(frozen=True)
class Reason:
    """The letter of one aspect, with its figure in both languages."""

    aspect: str
    letter: str
    zh: str
    en: str


@dataclass(frozen=True)
class Grade:
    """A letter, and the letters of all aspects that were looked at, the worst first."""

    letter: str
    reasons: tuple[Reason, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the grade as plain JSON values."""
        return {"letter": self.letter, "reasons": [vars(reason) for reason in self.reasons]}


@dataclass(frozen=True)
class _Aspect:
    """One line of the rubric: the least shares for A, B and C; 0: nothing is worse than it."""

    name: str
    zh: str
    en: str
    least: tuple[float, float, float]


_RUBRIC: Final = (
    _Aspect("unlinked", "接入路网的小区占{}", "{} of the estates are linked", (0.99, 0.95, 0.85)),
    _Aspect("people_known", "人口已知的小区占{}", "people known for {}", (0.99, 0.95, 0.80)),
    _Aspect("people_counted", "人口来自统计的小区占{}", "people counted for {}", (0.95, 0.50, 0.0)),
    _Aspect("mapped_gates", "出入口为实测的小区占{}", "gates mapped for {}", (0.90, 0.50, 0.0)),
    _Aspect(
        "sizes_known", "规模已知的设施占{}", "size known of {} of facilities", (0.95, 0.70, 0.0)
    ),
    _Aspect(
        "heights_known", "高程已知的道路占{}", "heights known of {} of streets", (0.99, 0.90, 0.50)
    ),
    _Aspect("confidence", "标准数值可信度{}", "confidence in the figures: {}", (1.0, 0.90, 0.70)),
)


def grade(
    *,
    unlinked: float | None = None,
    people_known: float | None = None,
    people_counted: float | None = None,
    mapped_gates: float | None = None,
    sizes_known: float | None = None,
    heights_known: float | None = None,
    confidence: float | None = None,
) -> Grade:
    """Grade a result by the data it rests on.

    Each aspect gets a letter by the least share that it needs, and the result has the worst of
    them: a chain is as strong as its weakest link.

    ==================  =====  =====  =====  ==========================================
    share of            A      B      C      below: D
    ==================  =====  =====  =====  ==========================================
    estates linked      0.99   0.95   0.85   a result about too few of them
    people known        0.99   0.95   0.80   counted or estimated; else sums lack many
    people counted      0.95   0.50   any    never D: an estimate from households is fair
    gates mapped        0.90   0.50   any    never D: assumed gates are marked as such
    sizes known         0.95   0.70   any    never D: unknown sizes count, on trust
    heights known       0.99   0.90   0.50   only where terrain was asked for
    figures right       1.00   0.90   0.70   1 where verified, else the confidence
    ==================  =====  =====  =====  ==========================================

    Parameters
    ----------
    unlinked
        Share of the estates that are *not* linked to the network.
    people_known, people_counted, mapped_gates
        Shares of the estates whose people are counted or estimated, are counted, and who leave by
        mapped gates.
    sizes_known
        Share of the facilities in use whose tested size or capacity is known.
    heights_known
        Share of the streets' length with heights, where the walk minds the terrain.
    confidence
        The least confidence of the figures of the standard that were used; 1 where all of them are
        verified.

    All are from 0 to 1; None where it does not matter for the result.

    Raises
    ------
    OptionError
        A share is out of range, or none is given.
    """
    given = {
        "unlinked": None if unlinked is None else 1.0 - unlinked,
        "people_known": people_known,
        "people_counted": people_counted,
        "mapped_gates": mapped_gates,
        "sizes_known": sizes_known,
        "heights_known": heights_known,
        "confidence": confidence,
    }
    reasons = sorted(_reasons(given), key=lambda reason: reason.letter, reverse=True)
    if not reasons:
        raise OptionError("There is nothing to grade by; give at least one share")
    return Grade(reasons[0].letter, tuple(reasons))


def _reasons(given: dict[str, float | None]) -> Iterator[Reason]:
    for aspect in _RUBRIC:
        share = given[aspect.name]
        if share is None:
            continue
        if not 0 <= share <= 1:
            raise OptionError(f"{aspect.name} is {share:g}; give a share from 0 to 1")
        # Shares are ratios of counts; a millionth forgives their rounding, never a whole estate.
        worse = sum(share < least - 1e-6 for least in aspect.least)
        shown = f"{int(share * 1000 + 1e-6) / 10:g} %"
        yield Reason(aspect.name, LETTERS[worse], aspect.zh.format(shown), aspect.en.format(shown))
