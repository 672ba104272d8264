"""Categories of facilities: one list, read from ``data/categories.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from gis.errors import RuleError, UnknownNameError
from gis.resources import data_dir

CATEGORIES_FILE: Final = "categories.toml"


@dataclass(frozen=True)
class Category:
    """A class of service.

    ``group`` decides the order of gap lists: elderly and childcare come first.
    ``words`` are other names that files use for it.
    """

    code: str
    zh: str
    en: str
    group: str
    words: tuple[str, ...] = ()


class Categories(Mapping[str, Category]):
    """All categories by code, in the order in which gaps are listed."""

    def __init__(self, items: tuple[Category, ...]) -> None:
        self._by_code = {item.code: item for item in items}
        if len(self._by_code) != len(items):
            raise RuleError(f"{CATEGORIES_FILE} names a category twice; give each one code")
        self._by_word: dict[str, str] = {}
        for item in items:
            for word in (item.code, item.zh, item.en, *item.words):
                other = self._by_word.setdefault(_plain(word), item.code)
                if other != item.code:
                    raise RuleError(
                        f"{CATEGORIES_FILE}: '{word}' stands for both {other} and {item.code}; "
                        "keep it in one"
                    )

    @classmethod
    @cache
    def load(cls) -> Categories:
        """Read the list that comes with Lianpian."""
        text = (data_dir() / CATEGORIES_FILE).read_text("utf-8")
        return cls(
            tuple(
                Category(code, row["zh"], row["en"], row["group"], tuple(row.get("words", ())))
                for code, row in tomllib.loads(text).items()
            )
        )

    def __getitem__(self, code: str) -> Category:
        return self._by_code[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_code)

    def __len__(self) -> int:
        return len(self._by_code)

    def recognise(self, text: str) -> str | None:
        """Return the code that ``text`` (a code, a name or another word) stands for, or None."""
        return self._by_word.get(_plain(text))

    def require(self, text: str) -> Category:
        """Return the category that ``text`` stands for.

        Raises
        ------
        UnknownNameError
            It stands for none.
        """
        code = self.recognise(text)
        if code is None:
            raise UnknownNameError(
                f"There is no category '{text}'; give one of: {', '.join(self._by_code)}"
            )
        return self._by_code[code]


def _plain(text: str) -> str:
    return "".join(text.split()).casefold().replace("_", "").replace("-", "")
