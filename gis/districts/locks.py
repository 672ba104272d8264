"""What a person has settled before the search: who stays together, apart, or in which district."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from gis.districts.by_name import finder
from gis.districts.district_plan import district_name
from gis.errors import LayerError, OptionError, UnknownNameError
from gis.io import read_table
from gis.model import Layer
from gis.partition import connected

HEADINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "estate": ("小区", "小区名称", "小区编号", "uid", "estate_uid", "name"),
        "district": ("片区", "片区名称", "所属片区"),
        "closed": ("整片锁定", "锁定片区", "不再增减"),
    }
)
"""Columns of a file of locks."""

_TOLD: Final = 5
_ROUNDING: Final = 1e-9
_YES: Final = frozenset({"yes", "y", "true", "1", "是", "锁定", "√"})
_NO: Final = frozenset({"no", "n", "false", "0", "否", ""})
_YES_NO: Final = ("no", "yes")


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
        A row names no estate, an estate twice, or no district, or closes a district that another
        row keeps open; the message names the row.
    """
    table = read_table(path, HEADINGS, required=("estate", "district"))
    find, uids = finder(estates), estates.uids
    fixed: dict[str, str] = {}
    said: dict[str, tuple[bool, str]] = {}
    for row in range(len(table)):
        at, word = table.place(row), table.column("estate")[row]
        if word is None:
            raise LayerError(f"{at} has no estate; fill it in")
        district = _district(table.column("district")[row], at)
        try:
            uid = str(uids[find(word)])
        except UnknownNameError as error:
            raise LayerError(f"{at}: {error}") from error
        if uid in fixed:
            raise LayerError(f"{at}: estate '{word}' is locked twice; keep one row")
        fixed[uid] = district
        closed = _closed(table.column("closed")[row], at)
        if closed is None:
            continue
        first, where = said.setdefault(district, (closed, at))
        if first != closed:
            raise LayerError(
                f"{at}: closed of '{district}' is {_YES_NO[closed]}, but {_YES_NO[first]} in "
                f"{where}; say the same"
            )
    return Locks(fixed=fixed, closed=frozenset(d for d, (yes, _) in said.items() if yes))


def _district(word: str | None, at: str) -> str:
    try:
        name = None if word is None else district_name(word)
    except OptionError as error:
        raise LayerError(f"{at}: {error}") from error
    if name is None:
        told = "" if word is None else f" ('{word}')"
        raise LayerError(f"{at} has no district{told}; fill it in, or take the row out")
    return name


def _closed(word: str | None, at: str) -> bool | None:
    """Read yes or no; None where nothing is said."""
    said = (word or "").casefold()
    if said not in _YES | _NO:
        raise LayerError(f"{at}: closed is '{said}'; write yes or no")
    return None if not said else said in _YES


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


@dataclass(frozen=True, eq=False)
class Ground:
    """What locks are held against, by unit 0..n-1.

    ``called`` what each estate is called; ``classes`` its word in each class that districts stay
    within, None unknown; ``links`` (e, 2); ``sizes`` bounds by name and ``values`` (n, m) of them;
    ``cost`` (n, n) walks and ``centre_m`` the longest one to a centre, None: no such bound.
    """

    called: Sequence[str]
    classes: Mapping[str, NDArray[np.object_]]
    links: NDArray[np.int64]
    sizes: Mapping[str, tuple[float, float]]
    values: NDArray[np.float64]
    cost: Any = None
    centre_m: float | None = None


def require_agreement(locks: LockedUnits, ground: Ground, *, count: int | None = None) -> None:
    """Refuse locks that contradict each other, or that no plan could keep.

    Raises
    ------
    OptionError
        With the faults in one line, by the names of estates and districts.
    """
    held = len(np.unique(locks.fixed[locks.fixed >= 0]))
    faults = [f"{held} districts are locked, but count is {count}"] * (
        count is not None and held > count
    )
    faults += _torn_faults(locks, ground)
    faults += [text for number in locks.closed for text in _closed_faults(locks, ground, number)]
    if faults:
        more = len(faults) - _TOLD
        told = "; ".join(faults[:_TOLD]) + (f"; and {more} more" if more > 0 else "")
        raise OptionError(f"The locks cannot be kept: {told}; take one of them off")


def _torn_faults(locks: LockedUnits, ground: Ground) -> list[str]:
    """Who is to be together and cannot: apart too, locked elsewhere, of another class."""
    n, fixed, called = len(ground.called), locks.fixed, ground.called
    in_lock = [np.flatnonzero(fixed == i).tolist() for i in range(len(locks.names))]
    groups = [*(list(group) for group in locks.same), *in_lock]
    chains = [pair for group in groups for pair in pairwise(group)]
    part = connected(np.array(chains, np.int64).reshape(-1, 2), n, np.ones(n, bool))
    faults = []
    for group in locks.same:
        settled = [u for u in group if fixed[u] >= 0]
        other = next((u for u in settled if fixed[u] != fixed[settled[0]]), None)
        if other is not None:
            one, two = (locks.names[fixed[u]] for u in (settled[0], other))
            faults.append(f"{called[settled[0]]} and {called[other]} are to be together, but are "
                          f"locked into '{one}' and '{two}'")  # fmt: skip
        free = [u for u in group if settled and fixed[u] != fixed[settled[0]]]
        if other is None and free and fixed[settled[0]] in locks.closed:
            faults.append(f"{called[free[0]]} is to be together with {called[settled[0]]}, but "
                          f"nothing may join '{locks.names[fixed[settled[0]]]}'")  # fmt: skip
    for group in locks.apart:
        pairs = [(a, b) for i, a in enumerate(group) for b in group[i + 1 :] if part[a] == part[b]]
        faults += [f"{called[a]} and {called[b]} are to be both together and apart"
                   for a, b in pairs]  # fmt: skip
    return faults + [text for group in groups for text in _class_faults(group, ground)]


def _class_faults(group: Sequence[int], ground: Ground) -> Iterator[str]:
    for name, words in ground.classes.items():
        for unit in group[1:]:
            one, other = words[group[0]], words[unit]
            if one is not None and one == other:
                continue
            both = f"{ground.called[group[0]]} and {ground.called[unit]}"
            what = " and ".join("unknown" if w is None else f"'{w}'" for w in (one, other))
            yield f"{both} are to be together, but districts stay within {name}: theirs are {what}"
            break


def _closed_faults(locks: LockedUnits, ground: Ground, number: int) -> Iterator[str]:
    """A closed district stays as it is, so it has to keep every bound already."""
    name = f"the closed district '{locks.names[number]}'"
    own = locks.fixed == number
    members = np.flatnonzero(own)
    part = connected(ground.links, len(own), own)
    off = members[part[members] != part[members[0]]]
    if len(off):
        yield (
            f"{name} is not connected: {ground.called[off[0]]} is cut off from "
            f"{ground.called[members[0]]}"
        )
    totals = ground.values[members].sum(axis=0)
    for (size, (low, high)), total in zip(ground.sizes.items(), totals, strict=True):
        if total < low - _ROUNDING * max(1.0, low):
            yield f"{name} has {size} {total:,.10g}, below {low:,.10g}"
        elif np.isfinite(high) and total > high + _ROUNDING * max(1.0, high):
            yield f"{name} has {size} {total:,.10g}, above {high:,.10g}"
    if ground.centre_m is not None and ground.cost is not None:
        among = sp.csr_array(ground.cost)[members][:, members].tocoo()
        near = np.isfinite(among.data) & (among.data <= ground.centre_m * (1 + _ROUNDING))
        near &= among.row != among.col
        if np.bincount(among.col[near], minlength=len(members)).max() < len(members) - 1:
            yield (
                f"{name} has no estate to which all its estates walk {ground.centre_m:,.10g} m "
                "or less"
            )
