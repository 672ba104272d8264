"""What a person has settled before the search: who stays together, apart, or in which district."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.errors import LayerError, OptionError, UnknownNameError
from gis.io import read_table
from gis.model import Layer

HEADINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "estate": ("小区", "小区名称", "小区编号", "uid", "estate_uid", "name"),
        "district": ("片区", "片区名称", "所属片区"),
        "closed": ("整片锁定", "锁定片区", "不再增减"),
    }
)
"""Columns of a file of locks."""

_YES: Final = frozenset({"yes", "y", "true", "1", "是", "锁定", "√"})
_NO: Final = frozenset({"no", "n", "false", "0", "否", ""})


@dataclass(frozen=True)
class Locks:
    """Estates by uid.

    ``fixed``: estate -> district it stays in; estates of one district share it, those of two never
    do. ``closed``: districts of ``fixed`` that are whole: nothing joins them. ``join`` and
    ``apart``: groups that must share a district, and of which no two may.
    """

    fixed: Mapping[str, str] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    join: tuple[tuple[str, ...], ...] = ()
    apart: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        empty = sorted(self.closed - set(self.fixed.values()))
        if empty:
            raise OptionError(
                f"The locked district '{empty[0]}' has no estate; lock its estates into it"
            )


def read_locks(path: Path, estates: Layer) -> Locks:
    """Read the locks of estates and districts from a table of any format that is imported.

    Columns ``estate`` (小区) with uid or name, ``district`` (片区) it stays in, ``closed``
    (整片锁定): yes where nothing may join that district, which one row of it says for all.

    Raises
    ------
    FileError
        The file cannot be read or has no rows.
    ColumnError
        A column is missing.
    LayerError
        A row names no estate, an estate twice, or no district; the message names the row.
    """
    table = read_table(path, HEADINGS, required=("estate", "district"))
    fixed: dict[str, str] = {}
    closed = set()
    for row in range(len(table)):
        word, district = table.column("estate")[row], table.column("district")[row]
        if word is None or district is None:
            what = "estate" if word is None else "district"
            raise LayerError(f"{table.place(row)} has no {what}; fill it in")
        try:
            uid = str(estates.uids[estates.find(word)])
        except UnknownNameError as error:
            raise LayerError(f"{table.place(row)}: {error}") from error
        if uid in fixed:
            raise LayerError(f"{table.place(row)}: estate '{word}' is locked twice; keep one row")
        fixed[uid] = district
        said = (table.column("closed")[row] or "").casefold()
        if said not in _YES | _NO:
            raise LayerError(f"{table.place(row)}: closed is '{said}'; write yes or no")
        if said in _YES:
            closed.add(district)
    return Locks(fixed=fixed, closed=frozenset(closed))


def groups_of(words: Iterable[Sequence[str]], estates: Layer) -> tuple[tuple[str, ...], ...]:
    """Return groups of estates, named by uid or name, as uids.

    Raises
    ------
    UnknownNameError
        There is no such estate.
    OptionError
        A group has fewer than two estates.
    """
    out = []
    for group in words:
        uids = tuple(dict.fromkeys(str(estates.uids[estates.find(word)]) for word in group))
        if len(uids) < 2:
            raise OptionError(
                f"'{','.join(group)}' is not two estates or more; write A,B with uids or names"
            )
        out.append(uids)
    return tuple(out)


@dataclass(frozen=True, eq=False)
class LockedUnits:
    """The locks by unit 0..n-1, as `gis.partition.partition` takes them.

    ``fixed`` (n,) number of the locked district, -1 free; ``names`` of those numbers.
    """

    fixed: NDArray[np.int64]
    names: tuple[str, ...]
    closed: tuple[int, ...]
    same: tuple[tuple[int, ...], ...]
    apart: tuple[tuple[int, ...], ...]


def locked_units(locks: Locks, uids: Sequence[str], away: Mapping[str, str]) -> LockedUnits:
    """Return the locks by the place of each estate in ``uids``.

    Parameters
    ----------
    uids
        Estates that are cut into districts.
    away
        Estate -> why it is not among them.

    Raises
    ------
    OptionError
        A locked estate does not take part; the message says why not.
    """
    place = {uid: i for i, uid in enumerate(uids)}

    def at(uid: str) -> int:
        if uid in place:
            return place[uid]
        why = away.get(uid, "it does not take part")
        raise OptionError(f"Estate '{uid}' is locked but {why}; take the lock off or mend that")

    names = tuple(dict.fromkeys(locks.fixed.values()))
    fixed = np.full(len(uids), -1, np.int64)
    for uid, district in locks.fixed.items():
        fixed[at(uid)] = names.index(district)
    return LockedUnits(
        fixed=fixed,
        names=names,
        closed=tuple(names.index(name) for name in sorted(locks.closed)),
        same=tuple(tuple(at(uid) for uid in group) for group in locks.join),
        apart=tuple(tuple(at(uid) for uid in group) for group in locks.apart),
    )
