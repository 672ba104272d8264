"""Sentences in both languages: short, with the figure and its unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

BARRIERS: Final[Mapping[str, tuple[str, str]]] = {
    "river": ("河流", "river"),
    "railway": ("铁路", "railway"),
    "expressway": ("快速路", "expressway"),
    "wall": ("围墙", "wall"),
    "other": ("阻隔", "barrier"),
}
PARTS: Final[Mapping[str, tuple[str, str]]] = {
    "leg": ("接入路段", "way to the street"),
    "inner": ("小区内部路", "way inside the estate"),
    "passage": ("出入口", "gate"),
    "street": ("道路", "street"),
    "stairs": ("台阶", "stairs"),
    "lift": ("电梯", "lift"),
}
STATUSES: Final[Mapping[str, tuple[str, str]]] = {
    "covered": ("达标", "covered"),
    "gap": ("缺口", "gap"),
    "unlinked": ("未接入路网", "unlinked"),
    "no-data": ("无数据", "no data"),
}


def figure(number: float) -> str:
    """Write metres or seconds as people read them: whole, or with a decimal below ten."""
    return f"{number:,.0f}" if abs(number) >= 10 or number == round(number) else f"{number:.1f}"


def called(zh: str, en: str, name: str | None, uid: str | None) -> tuple[str, str]:
    """Put the name, else the uid, behind the noun."""
    word = name or uid
    return (f"{zh}“{word}”", f"{en} '{word}'") if word else (zh, en)


def walked(metres: float, seconds: float) -> tuple[str, str]:
    """Say how long a walk is."""
    return (
        f"{figure(metres)}米（{figure(seconds)}秒）",
        f"{figure(metres)} m ({figure(seconds)} s)",
    )


def whose(zh: str, en: str, *, slopes: bool) -> tuple[str, str]:
    """Say whose seconds are told, and what is in them."""
    with_zh, with_en = ("计", "with") if slopes else ("不计", "without")
    return (
        f"用时按{zh}，计台阶与等候，{with_zh}坡度",
        f"seconds of: {en.lower()}; with stairs and waiting, {with_en} slopes",
    )


def added(metres: float, seconds: float) -> tuple[str, str]:
    """Say what something adds: metres and seconds, or what of them there is."""
    if metres >= 1:
        return (
            f"多走{figure(metres)}米、多用{figure(seconds)}秒",
            f"{figure(metres)} m and {figure(seconds)} s more",
        )
    return (f"多用{figure(seconds)}秒", f"{figure(seconds)} s more")


def would_be(metres: float, seconds: float, closes: bool) -> tuple[str, str]:
    """Say what the walk would be, and whether that is within the limit."""
    zh, en = walked(metres, seconds)
    if closes:
        return f"步行变为{zh}，达标", f"the walk becomes {en}, within the limit"
    return f"步行变为{zh}，仍超限", f"the walk becomes {en}, still beyond the limit"
