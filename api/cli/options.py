"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from api.analyses.how import Walking
from gis.errors import OptionError

F = TypeVar("F", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)


if TYPE_CHECKING:
    _ParamType = click.ParamType[str | Path]
else:  # before click 8.4 it took no type
    _ParamType = click.ParamType


class _ProjectType(_ParamType):
    """A project: a file, or a postgresql:// address, in which a path would lose a slash."""

    name = "project"

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,  # noqa: ARG002 (click's names)
        ctx: click.Context | None,  # noqa: ARG002
    ) -> str | Path:
        return value if isinstance(value, Path) or "://" in value else Path(value)


PROJECT = _ProjectType()

_RULES = {
    "pack": click.option(
        "--rules", "pack", help="Rule pack of data/rules; the profile's unless given."
    ),
    "category": click.option("--category", help="Only this category (a code or its Chinese name)."),
    "metres": click.option("--metres", type=float, help="Own limit for --category, walked metres."),
    "minutes": click.option(
        "--minutes", type=float, help="Own limit for --category, minutes of the walker."
    ),
}
_HOW = {
    "walker": click.option(
        "--walker",
        help="Who walks, instead of whom the rules name: standard, adult, elderly, frail, "
        "child_with_carer, wheelchair.",
    ),
    "at": click.option(
        "--at",
        default=Walking.at,
        show_default=True,
        metavar="HH:MM",
        help="The hour: gates that are shut then are not walked through.",
    ),
    "origin": click.option(
        "--from",
        "origin",
        type=click.Choice(["gate", "building"]),
        default=Walking.origin,
        show_default=True,
        help="Where people start: the gates of their estate, or their building.",
    ),
    "terrain": click.option(
        "--terrain",
        type=click.Choice(["auto", "on", "off"]),
        default=Walking.terrain,
        show_default=True,
        help="Slopes in minutes: auto, where heights are known; on, heights must be there; off, "
        "flat.",
    ),
    "link": click.option(
        "--link",
        type=click.Choice(["counted", "free"]),
        default=Walking.link,
        show_default=True,
        help="Whether the leg between gate and street counts.",
    ),
    "longest_link_m": click.option(
        "--longest-link",
        "longest_link_m",
        type=float,
        default=Walking.longest_link_m,
        show_default=True,
        help="Metres from a gate to its street beyond which an estate is unlinked.",
    ),
}


def json_option(command: F) -> F:
    """Add ``--json`` to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object.")(
        command
    )


def walking_options(
    *, rules: bool = True, category: bool = True, home: bool = True
) -> Callable[[F], F]:
    """Give a command the options of `Walking`, which it gets as ``how``.

    ``rules`` False leaves out those that choose the rules, ``category`` False the one category,
    ``home`` False the place of the start.
    """
    options = {**(_RULES if rules else {}), **_HOW}
    if rules and not category:
        del options["category"]
    if not home:
        del options["origin"]

    def add(command: F) -> F:
        @functools.wraps(command)
        def with_how(**values: Any) -> Any:
            how = Walking(**{name: values.pop(name) for name in options})
            return command(how=how, **values)

        wrapped: Any = with_how
        for option in reversed(options.values()):
            wrapped = option(wrapped)
        result: F = wrapped
        return result

    return add


def pairs(values: tuple[str, ...], option: str) -> dict[str, str]:
    """Split ``a=b`` options.

    Raises
    ------
    OptionError
        One has no "=", or a name comes twice.
    """
    result: dict[str, str] = {}
    for value in values:
        name, sign, rest = value.partition("=")
        if not sign or not name.strip():
            raise OptionError(f"{option} '{value}' has no '='; write {option} name=value")
        if name.strip() in result:
            raise OptionError(f"{option} names '{name.strip()}' twice; keep one")
        result[name.strip()] = rest.strip()
    return result
