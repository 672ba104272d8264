"""Rules and the packs they come in."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.errors import FileError, OptionError, RuleError, UnknownNameError
from gis.model import Categories
from gis.resources import data_dir
from gis.rules.faults import LONGEST_LIMIT, PACK_KEYS, PACK_NOTES, limit_faults, pack_faults
from gis.rules.sizes import GROUPS, Instead, Size, large_enough
from gis.walkers import Walker, load_walker

DEFAULT_PACK: Final = "gb50180-2018"


@dataclass(frozen=True)
class Rule:
    """One line of a standard: to which category of facility one may have to walk how far.

    Exactly one of ``limit_m`` (metres along the streets) and ``limit_s`` (seconds of ``walker``) is
    given. ``must``: required, else where conditions call for it. ``verified``: somebody held the
    figure against the text of the source; where not, ``confidence`` is the share of such figures
    expected to be right. Facilities of the ``satisfied_by`` categories count as well, and so many
    of another category within the limit as ``instead`` says. ``group`` are the people who count,
    one of `GROUPS`; ``round_trip``: the way there and the way back must both keep the limit.
    ``sizes`` say how large a facility must be, and how much is needed for how many people; minima
    hold for facilities of ``category``, those that stand in are taken as they are.

    Raises
    ------
    RuleError
        Not exactly one limit, or one that is not positive; an unknown group.
    """

    id: str
    category: str
    zh: str
    en: str
    level: str
    limit_m: float | None
    limit_s: float | None
    must: bool
    clause: str
    source: str
    verified: bool
    walker: str = "standard"
    satisfied_by: tuple[str, ...] = ()
    note: str = ""
    note_en: str = ""
    confidence: float | None = None
    group: str = "all"
    round_trip: bool = False
    sizes: tuple[Size, ...] = ()
    instead: tuple[Instead, ...] = ()

    def __post_init__(self) -> None:
        faults = list(limit_faults(self.limit_m, self.limit_s))
        if self.group not in GROUPS:
            faults.append(f"there is no group '{self.group}'; use one of {', '.join(GROUPS)}")
        if faults:
            raise RuleError(f"The rule '{self.id}' cannot be used: {'; '.join(faults)}")

    @property
    def categories(self) -> tuple[str, ...]:
        """The category, then those of which one facility stands in for it."""
        return (self.category, *self.satisfied_by)

    def limit_cm(self, walker: Walker) -> int:
        """Return how far ``walker`` may have to walk, in whole centimetres, inclusive."""
        metres = (
            self.limit_m if self.limit_m is not None else (self.limit_s or 0) * walker.speed_m_s
        )
        return round(metres * 100)

    @property
    def min_floor_m2(self) -> float | None:
        """Floor area below which a facility does not count; None: any will do."""
        return self._least("min_floor_m2")

    @property
    def min_land_m2(self) -> float | None:
        """Land below which a facility does not count; None: any will do."""
        return self._least("min_land_m2")

    @property
    def demand_sizes(self) -> tuple[Size, ...]:
        """Sizes that grow with people or households, of every strength."""
        return tuple(size for size in self.sizes if size.base is not None)

    def large_enough(
        self, floor_m2: ArrayLike, land_m2: ArrayLike
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Say which facilities of the category are large enough to count.

        Parameters
        ----------
        floor_m2, land_m2
            (f,) square metres; NaN: unknown.

        Returns
        -------
        counts
            (f,) False where a known size is below its minimum; exactly the minimum counts.
        known
            (f,) False where a size that is asked for is unknown: it counts, on trust.
        """
        return large_enough(floor_m2, land_m2, self.min_floor_m2, self.min_land_m2)

    def _least(self, measure: str) -> float | None:
        for size in self.sizes:
            if size.measure == measure and size.strength == "must":
                return size.value
        return None


@dataclass(frozen=True)
class NotTested:
    """What a standard lists and no walk can test, with the reason."""

    id: str
    zh: str
    en: str
    reason: str
    reason_en: str


@dataclass(frozen=True)
class Level:
    """A circle of a standard; ``people`` is the band of its inhabitants, None where none is given.

    ``sizes`` are asked of all facilities of this level together.
    """

    name: str
    zh: str
    en: str
    clause: str
    source: str
    verified: bool
    confidence: float | None = None
    people: tuple[int, int] | None = None
    sizes: tuple[Size, ...] = ()
    note: str = ""
    note_en: str = ""


@dataclass(frozen=True)
class Unit:
    """The unit of measurement of a standard: a community of ``people`` (lowest, highest)."""

    people: tuple[int, int]
    clause: str
    source: str
    verified: bool
    confidence: float | None = None
    note: str = ""
    note_en: str = ""


@dataclass(frozen=True)
class RulePack:
    """A standard: its rules in the order of the file, and what of it is not tested.

    ``levels`` go from the smallest circle to the largest and add up: a unit of a level needs the
    services of the levels before it as well.
    """

    name: str
    zh: str
    en: str
    date: str
    source: str
    rules: tuple[Rule, ...]
    note: str = ""
    note_en: str = ""
    not_tested: tuple[NotTested, ...] = ()
    unit: Unit | None = None
    levels: tuple[Level, ...] = ()

    def levels_upto(self, level: str) -> tuple[str, ...]:
        """Return the levels whose services a unit of ``level`` needs, the smallest first.

        Raises
        ------
        UnknownNameError
            The pack has no such level.
        """
        names = [each.name for each in self.levels]
        if level not in names:
            raise UnknownNameError(
                f"The rule pack '{self.name}' has no level '{level}'; "
                f"give one of: {', '.join(names) or '(it has none)'}"
            )
        return tuple(names[: names.index(level) + 1])

    def rules_upto(self, level: str) -> tuple[Rule, ...]:
        """Return the rules that a unit of ``level`` must meet: its own and those below it.

        Raises
        ------
        UnknownNameError
            The pack has no such level.
        """
        wanted = self.levels_upto(level)
        return tuple(rule for rule in self.rules if rule.level in wanted)


def pack_names() -> tuple[str, ...]:
    """Return the names of all rule packs, in alphabetical order."""
    return tuple(sorted(path.stem for path in (data_dir() / "rules").glob("*.toml")))


def load_pack(name: str) -> RulePack:
    """Read one rule pack.

    Raises
    ------
    UnknownNameError
        There is no pack of that name.
    RuleError
        Lines of it are missing, contradict each other or are out of range; all faults are named.
    """
    if name not in pack_names():
        raise UnknownNameError(
            f"There is no rule pack '{name}'; give one of: {', '.join(pack_names())}"
        )
    return read_pack(data_dir() / "rules" / f"{name}.toml")


def read_pack(path: Path) -> RulePack:
    """Read a rule pack from a file; its name is that of the file without the ending.

    Raises
    ------
    FileError
        The file cannot be read.
    RuleError
        The file is no TOML, or lines of it are at fault; all faults are named.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise FileError(f"{path} cannot be read ({error.strerror}); check its name") from error
    except RecursionError as error:
        raise RuleError(f"{path.name} nests its lists without end; mend it") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{path.name} is no TOML in UTF-8 ({error}); mend that line") from error
    faults = list(pack_faults(table))
    if faults:
        raise RuleError(f"{path.name} cannot be used: {'; '.join(faults)}")
    return RulePack(
        name=path.stem,
        rules=tuple(_rule(row) for row in table["rules"]),
        not_tested=tuple(NotTested(**row) for row in table.get("not_tested", ())),
        unit=Unit(**_with_band(table["unit"])) if "unit" in table else None,
        levels=tuple(
            Level(**{**_with_band(row), "sizes": _sizes(row)}) for row in table.get("levels", ())
        ),
        **{key: table[key] for key in PACK_KEYS},
        **{key: table.get(key, "") for key in PACK_NOTES},
    )


def own_rule(
    category: str,
    *,
    metres: float | None = None,
    minutes: float | None = None,
    walker: str = "standard",
) -> Rule:
    """Make a rule of the user's own.

    Parameters
    ----------
    category
        Code, name or another word of a category.
    metres, minutes
        Exactly one of them, > 0.
    walker
        Whose minutes.

    Raises
    ------
    UnknownNameError
        There is no such category or walker.
    OptionError
        Not exactly one limit, or one that is not positive.
    """
    known = Categories.load().require(category)
    load_walker(walker)
    if (metres is None) == (minutes is None):
        raise OptionError("An own rule has one limit; give either metres or minutes")
    limit = metres if metres is not None else minutes
    if limit is None or not 0 < limit <= LONGEST_LIMIT:
        raise OptionError(
            f"The limit is {limit:g}; give metres or minutes above 0 and up to {LONGEST_LIMIT:,}"
        )
    return Rule(
        id=f"own-{known.code}",
        category=known.code,
        zh=known.zh,
        en=known.en,
        level="own",
        limit_m=metres,
        limit_s=None if minutes is None else minutes * 60,
        must=True,
        clause="自定 (own limit)",
        source="使用者自定 (given by the user)",
        verified=True,
        walker=walker,
    )


def _rule(row: Mapping[str, Any]) -> Rule:
    return Rule(
        **{
            "limit_m": None,
            "limit_s": None,
            **row,
            "satisfied_by": tuple(row.get("satisfied_by", ())),
            "sizes": _sizes(row),
            "instead": tuple(Instead(**other) for other in row.get("instead", ())),
        }
    )


def _sizes(row: Mapping[str, Any]) -> tuple[Size, ...]:
    return tuple(
        Size(**{**size, "counts": tuple(size.get("counts", ()))}) for size in row.get("sizes", ())
    )


def _with_band(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, **({"people": tuple(row["people"])} if "people" in row else {})}
