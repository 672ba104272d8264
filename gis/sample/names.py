"""Chinese names: plausible, varied, each given once, of no real person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from gis.sample.frames import read_table

_DIGITS: Final = "一二三四五六七八九十"


def chinese_number(number: int) -> str:
    """Return 1..99 in Chinese words; larger numbers in digits."""
    if number > 99:
        return str(number)
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else ("十" if tens == 1 else _DIGITS[tens - 1] + "十")
    return head + (_DIGITS[ones - 1] if ones else "")


class Names:
    """Gives out names; a name that is taken comes back with a number."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.words = read_table("names")
        self._taken: dict[str, int] = {}
        words = self.words["streets"]
        roots = [a + b for a in words["first"] for b in words["second"]]
        self._roots = self._shuffled(roots)
        self._grand = self._shuffled(words["grand"])

    def _shuffled(self, words: list[str]) -> Iterator[str]:
        return iter([words[i] for i in self._rng.permutation(len(words))])

    def _one(self, words: list[str]) -> str:
        return words[int(self._rng.integers(len(words)))]

    def once(self, name: str, *, pattern: str = "{name}{number}号") -> str:
        """Return ``name``, or, when it is taken, the name with a number by ``pattern``."""
        told = self._taken.get(name, 0)
        self._taken[name] = told + 1
        if told == 0:
            return name
        return self.once(pattern.format(name=name, number=chinese_number(told + 1)))

    def root(self) -> str:
        """Return two or three characters to name a street or community by."""
        root = next(self._roots, None)
        return root if root is not None else self.once("云溪", pattern="{name}{number}")

    def street(self, cls: str) -> str:
        """Return a name for a street of an OSM class."""
        endings = self.words["streets"]["ending"]
        ending = self._one(endings.get(cls, endings["other"]))
        root = next(self._grand, None) if cls == "primary" else None
        return self.once((root or self.root()) + ending, pattern="{name}{number}段")

    def estate(self, built_year: int, street: str) -> str:
        """Return a name of the kind that estates of that year have."""
        words: Any = self.words["estates"]
        chance = self._rng.random()
        if built_year > 2000:
            return self.once(
                self._one(words["fine_first"]) + self._one(words["fine_ending"]),
                pattern="{name}{number}期",
            )
        if chance < 0.42:
            name = self._one(words["works"]) + self._one(words["works_ending"])
            return self.once(name, pattern="{name}{number}区")
        if chance < 0.66:
            name = self._one(words["slogans"]) + self._one(words["slogans_ending"])
            return self.once(name, pattern="{name}{number}区")
        if chance < 0.88:
            number = int(self._rng.integers(1, 168))
            return self.once(words["numbered"].format(street=street, number=number))
        name = self._one(words["fine_first"]) + "小区"
        return self.once(name, pattern="{name}{number}区")
