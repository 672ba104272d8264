"""The six means by which a room is had (补建 改建 扩建 购置 置换 租赁), and their usual prices."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

from gis.errors import OptionError, RuleError
from gis.resources import data_dir

MEANS_FILE: Final = "means.toml"
CODES: Final = ("build", "convert", "extend", "buy", "swap", "rent")
"""In the order of the paper that lists them."""

_SEPARATORS: Final = re.compile(r"[\s/\\|,，、;；+&()（）·.。:：-]+")
_JOINING: Final = ("或者", "或", "和", "及", "与", "并", "可", "拟", "等", "方式")
_JOINING_EN: Final = ("or", "and", "by", "to")


@dataclass(frozen=True)
class Price:
    """Yuan per square metre, each year where ``per_year``, with its proof."""

    value: float
    source: str
    verified: bool
    confidence: float | None = None
    per_year: bool = False


@dataclass(frozen=True)
class Means:
    """One way of getting a room or a ground.

    ``clause`` and ``source`` are of the paper that lists it, ``verified`` says that it was read
    there. ``price`` is for floor; ``open_price`` for the land of grounds without a building, where
    there is one. ``fit_out``: fitting out, at the price of "convert", comes on top.
    """

    code: str
    zh: str
    en: str
    words: tuple[str, ...]
    clause: str
    source: str
    verified: bool
    price: Price
    fit_out: bool
    open_price: Price | None = None


@cache
def load_means() -> Mapping[str, Means]:
    """Read the six means, by code in the order of the paper.

    Raises
    ------
    RuleError
        The file is at fault; all its faults are named.
    """
    try:
        table = tomllib.loads((data_dir() / MEANS_FILE).read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{MEANS_FILE} is no TOML in UTF-8 ({error}); mend that line") from error
    return read_means(table)


def read_means(table: Mapping[str, Any]) -> Mapping[str, Means]:
    """Make the means from the tables of the file.

    Raises
    ------
    RuleError
        A means is missing or unknown, a key is missing, a price has no source or is negative, or a
        word stands for two means; all faults are named.
    """
    faults = list(_faults(table))
    if faults:
        raise RuleError(f"{MEANS_FILE} cannot be used: {'; '.join(faults)}")
    return {code: _means(code, table[code]) for code in CODES}


@lru_cache(maxsize=1024)
def means_of(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Find the means that a cell names, such as "改建/租赁".

    Returns
    -------
    codes
        In the order of `CODES`, each once.
    unknown
        The words that are none.
    """
    rest = unicodedata.normalize("NFKC", text).casefold()
    found: set[str] = set()
    for word, codes in _by_word():
        rest, times = _taken_out(rest, word)
        if times:
            found.update(codes)
    left = [_without_joining(part) for part in _SEPARATORS.split(rest)]
    return tuple(c for c in CODES if c in found), tuple(dict.fromkeys(p for p in left if p))


def require_means(text: str) -> tuple[str, ...]:
    """Return the codes that ``text`` names.

    Raises
    ------
    OptionError
        It names none, or something else besides.
    """
    codes, unknown = means_of(text)
    if unknown or not codes:
        known = ", ".join(f"{m.code} ({m.zh})" for m in load_means().values())
        raise OptionError(f"There is no means '{'/'.join(unknown) or text}'; give some of: {known}")
    return codes


def yuan_per_m2(code: str, *, rent_years: float) -> float:
    """Return what a square metre of floor costs by a means, fitting out and years of rent in it."""
    means = load_means()
    price = means[code].price
    yuan = price.value * (rent_years if price.per_year else 1.0)
    return yuan + (means["convert"].price.value if means[code].fit_out else 0.0)


def open_yuan_per_m2() -> float:
    """Return what a square metre of ground without a building costs."""
    price = load_means()["build"].open_price
    if price is None:  # the file is refused without it
        raise RuleError(f"{MEANS_FILE}: 'build' has no 'open_price'; add it")
    return price.value


def _means(code: str, row: Mapping[str, Any]) -> Means:
    prices = {key: Price(**row[key]) for key in ("price", "open_price") if key in row}
    return Means(**{**row, "code": code, "words": tuple(row["words"]), **prices})


@cache
def _by_word() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Words and the means they stand for, the longest first."""
    words: dict[str, tuple[str, ...]] = {"改扩建": ("convert", "extend")}
    for means in load_means().values():
        for word in (means.code, means.zh, means.en, *means.words):
            words[word.casefold()] = (means.code,)
    return tuple(sorted(words.items(), key=lambda item: (-len(item[0]), item[0])))


def _taken_out(text: str, word: str) -> tuple[str, int]:
    # "rent" is no part of "current"; Chinese has no such borders.
    pattern = rf"(?<![a-z]){re.escape(word)}(?![a-z])" if word.isascii() else re.escape(word)
    return re.subn(pattern, "/", text)


def _without_joining(part: str) -> str:
    for word in _JOINING:
        part = part.replace(word, "")
    return "" if part in _JOINING_EN else part


def _faults(table: Mapping[str, Any]) -> Iterator[str]:
    for code in sorted(table.keys() - set(CODES)):
        yield f"there is no means '{code}'; use {', '.join(CODES)}"
    taken: dict[str, str] = {}
    for code in CODES:
        row = table.get(code)
        if not isinstance(row, Mapping):
            yield f"'{code}' is missing; add it"
            continue
        yield from (f"'{code}' {fault}" for fault in _means_faults(code, row))
        words = row.get("words")
        for word in (row.get("zh"), row.get("en"), *(words if isinstance(words, list) else ())):
            other = taken.setdefault(str(word).casefold(), code)
            if other != code:
                yield f"'{word}' stands for both {other} and {code}; keep it in one"


def _means_faults(code: str, row: Mapping[str, Any]) -> Iterator[str]:
    for key, type_ in (
        ("zh", str), ("en", str), ("words", list), ("clause", str), ("source", str),
        ("verified", bool), ("fit_out", bool), ("price", Mapping),
    ):  # fmt: skip
        if not isinstance(row.get(key), type_):
            yield f"has no right '{key}'; add it, see data/README.md"
    known = {"zh", "en", "words", "clause", "source", "verified", "fit_out", "price", "open_price"}
    for key in sorted(row.keys() - known):
        yield f"has an unknown key '{key}'; take it out"
    if code == "build" and "open_price" not in row:
        yield "has no 'open_price' for grounds without a building; add it"
    for key in ("price", "open_price"):
        if isinstance(row.get(key), Mapping):
            yield from (f"in '{key}' {fault}" for fault in _price_faults(row[key]))


def _price_faults(price: Mapping[str, Any]) -> Iterator[str]:
    value = price.get("value")
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e7:
        yield f"says {value!r}; give a 'value' of 0 or more yuan per m2"
    if not str(price.get("source") or "").strip():
        yield "has no 'source'; say where the price comes from"
    confidence = price.get("confidence")
    if not isinstance(price.get("verified"), bool):
        yield "does not say whether it is 'verified'; give true or false"
    elif confidence is None and not price["verified"]:
        yield "has no 'confidence' and is not verified; add it"
    if confidence is not None and not 0 < confidence <= 1:
        yield f"has the confidence {confidence!r}; give a share above 0, at most 1"
    for key in sorted(price.keys() - {"value", "source", "verified", "confidence", "per_year"}):
        yield f"has an unknown key '{key}'; take it out"
