"""Links switched off and added by hand, read from a small table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.districts.by_name import finder
from gis.errors import OptionError, UnknownNameError
from gis.io import read_table
from gis.model import Layer

HEADINGS: Final = {
    "estate_a": ("小区甲", "小区a", "小区1", "小区一", "from", "a"),
    "estate_b": ("小区乙", "小区b", "小区2", "小区二", "to", "b"),
    "action": ("操作", "动作", "处理", "开关"),
    "note": ("备注", "说明", "理由", "原因", "reason", "remark"),
}
"""Columns of the table, and how else people write them."""

ACTIONS: Final = {
    "on": True, "yes": True, "add": True, "1": True, "true": True,
    "连": True, "连接": True, "开": True, "添加": True, "增加": True, "是": True, "相邻": True,
    "off": False, "no": False, "remove": False, "0": False, "false": False,
    "断": False, "断开": False, "关": False, "删除": False, "取消": False, "否": False,
    "不相邻": False,
}  # fmt: skip
"""What is read in the column ``action``: True links, False switches off."""


@dataclass(frozen=True, eq=False)
class LinkEdits:
    """k links made or undone by hand, sorted.

    ``pairs`` (k, 2) rows of the estates layer, the smaller first, each pair once; ``on`` (k,) True
    where the pair is linked whatever lies between, False where it is not; ``note`` (k,) words, ""
    where there are none.

    Raises
    ------
    OptionError
        A pair comes twice, or an estate is to be linked with itself.
    """

    pairs: NDArray[np.int64]
    on: NDArray[np.bool_]
    note: NDArray[np.object_]

    def __post_init__(self) -> None:
        pairs = np.sort(np.asarray(self.pairs, dtype=np.int64).reshape(-1, 2), axis=1)
        if (pairs[:, 0] == pairs[:, 1]).any():
            raise OptionError("An estate cannot be linked with itself; name two estates")
        order = np.lexsort((pairs[:, 1], pairs[:, 0]))
        if len(np.unique(pairs, axis=0)) != len(pairs):
            raise OptionError("A pair of estates is edited twice; keep one row of each pair")
        object.__setattr__(self, "pairs", pairs[order])
        object.__setattr__(self, "on", np.asarray(self.on, dtype=bool)[order])
        object.__setattr__(self, "note", np.asarray(self.note, dtype=object)[order])

    @classmethod
    def none(cls) -> LinkEdits:
        """Nothing was changed by hand."""
        return cls(np.empty((0, 2), np.int64), np.empty(0, bool), np.empty(0, object))

    def __len__(self) -> int:
        return len(self.pairs)


def read_link_edits(path: Path, estates: Layer) -> LinkEdits:
    """Read a table of links to switch off or to add.

    Columns ``estate_a`` and ``estate_b`` (小区甲, 小区乙) hold uid or name, ``action`` (操作) on or
    off (连 or 断), ``note`` (备注) whatever should be remembered. Csv, xlsx or any other format
    that is imported.

    Raises
    ------
    FileError
        The file cannot be read or has no rows.
    ColumnError
        A column is missing.
    OptionError
        A row names no estate or an unknown one, an action that is not known, the same estate
        twice, or a pair that another row names too.
    """
    table = read_table(path, HEADINGS, required=("estate_a", "estate_b", "action"))
    seen: dict[tuple[int, int], tuple[int, bool]] = {}
    notes: list[str] = []
    find = finder(estates)
    for row in range(len(table)):
        at = table.place(row)
        a, b = (_estate(table.column(c)[row], c, at, find) for c in ("estate_a", "estate_b"))
        if a == b:
            raise OptionError(f"{at}: '{table.column('estate_a')[row]}' is named twice; name two")
        pair = (min(a, b), max(a, b))
        on = _action(table.column("action")[row], at)
        if pair in seen:
            first, was = seen[pair]
            what = "is there already" if was == on else "says the opposite"
            raise OptionError(
                f"{at}: the same pair of estates {what} in row {int(table.rows[first])}; "
                "keep one of the two"
            )
        seen[pair] = (row, on)
        notes.append(table.column("note")[row] or "")
    on_ = np.array([on for _, on in seen.values()], dtype=bool)
    pairs = np.array(list(seen), dtype=np.int64).reshape(-1, 2)
    return LinkEdits(pairs, on_, np.array(notes, dtype=object))


def _estate(word: str | None, column: str, at: str, find: Callable[[str], int]) -> int:
    if word is None:
        raise OptionError(f"{at}: {column} is empty; give the uid or the name of an estate")
    try:
        return find(word)
    except UnknownNameError as error:
        raise OptionError(f"{at}, {column}: {error}") from error


def _action(word: str | None, at: str) -> bool:
    said = ACTIONS.get((word or "").casefold())
    if said is None:
        told = f"'{word}'" if word else "empty"
        raise OptionError(f"{at}: action is {told}; give on or off (连 or 断)")
    return said
