"""The command ``sites``: where to put what is missing, in which room, and whether it is proved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from api.analyses import (
    Walking,
    keep_sites,
    map_of_sites,
    offers_in,
    require_site_files,
    sites_of,
    today,
    write_site_plan,
    write_text,
)
from api.cli.options import PATH, PROJECT, json_option, walking_options
from api.cli.output import answer, finding_lines, number, progress_bar, table_lines
from api.store import Project
from api.store.address import shown
from gis.errors import OptionError
from gis.sites import Ask, Offer, SitePlan

_TOLD: Final = 12
"""Rows of a list that are told; JSON and workbook have all."""


@click.command()
@click.argument("project", type=PROJECT)
@click.option(
    "--category",
    "categories",
    multiple=True,
    help="What is to be placed; several may share a room. A code or its Chinese name.",
)
@click.option("--count", type=int, help="So many sites (rooms, with several categories).")
@click.option("--budget", type=float, metavar="YUAN", help="As many as this money buys.")
@click.option("--share", help="The fewest that serve this share of the people: 0.6, 60%, 1: all.")
@click.option(
    "--model",
    type=click.Choice(["mclp", "lscp", "p-median", "p-center"]),
    help="mclp: most people within the limit; lscp: fewest sites for all; p-median: least walking; "
    "p-center: shortest longest walk.  [default: mclp with a count or a budget, else lscp]",
)
@click.option("--cheapest", is_flag=True, help="With --share: the least money, not the fewest.")
@click.option("--rounds", metavar="N,N,...", help="Best first N, then up to the next N, and so on.")
@click.option("--worst-first", is_flag=True, help="Those who walk farthest today come first.")
@click.option(
    "--capacity", metavar="N|rule", help="People that a site serves: a number, or by the rule."
)
@click.option("--require", "required", multiple=True, metavar="UID", help="This site in any case.")
@click.option("--close", "closed", multiple=True, metavar="UID", help="This site in no case.")
@click.option("--by-year", type=int, help="Only sites that can be had by this year.")
@click.option(
    "--means", multiple=True, help="Only by these means: 补建 改建 扩建 购置 置换 租赁, or codes."
)
@click.option("--offer-unknown", is_flag=True, help="Offer rooms of unknown size too, marked.")
@click.option("--no-upgrades", is_flag=True, help="Do not enlarge facilities that are too small.")
@click.option(
    "--rent-years", type=float, default=Ask.rent_years, show_default=True, help="Years of rent."
)
@click.option(
    "--anywhere",
    "anywhere_m",
    type=float,
    metavar="METRES",
    help="In place of the layer sites: any place along a street, one every so many metres.",
)
@click.option("--curve", is_flag=True, help="Also how many people each further site serves.")
@click.option("--list", "listing", is_flag=True, help="Only tell what fits where, and why not.")
@click.option("--save", "name", help="Keep the choice as a scenario of this name.")
@click.option("--out", type=PATH, help="Write the choice to this .xlsx.")
@click.option("--map", "map_file", type=PATH, help="Write the choice to this one-file .html map.")
@click.option(
    "--lang", type=click.Choice(["zh", "en"]), default="zh", help="Language of map and .xlsx."
)
@click.option("--time-limit", "time_limit_s", type=float, default=60.0, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--from",
    "origin",
    type=click.Choice(["auto", "gate", "building"]),
    default="auto",
    show_default=True,
    help="Where people start: auto, at their building where buildings are known, else at the gate.",
)
@walking_options(category=False, home=False)
@json_option
def sites(
    project: str | Path,
    categories: tuple[str, ...],
    model: Any,
    share: str | None,
    rounds: str | None,
    worst_first: bool,
    capacity: str | None,
    offer_unknown: bool,
    no_upgrades: bool,
    listing: bool,
    name: str | None,
    out: Path | None,
    map_file: Path | None,
    lang: str,
    origin: Any,
    how: Walking,
    as_json: bool,
    **values: Any,
) -> None:
    """Where to put what is missing: which rooms or plots, how many, and whether that is best.

    Only rooms that fit the rule are offered; walks go along the streets. The layers of the project
    stay as they are.
    """
    ask = Ask(
        model=model,
        share=_share(share),
        rounds=_rounds(rounds),
        order="worst-first" if worst_first else "people",
        capacity=_capacity(capacity),
        unknown="offer" if offer_unknown else "refuse",
        upgrades=not no_upgrades,
        **values,
    )
    with Project.open(project) as opened, progress_bar("sites") as progress:
        result: dict[str, Any] = {"project": shown(project), "date": today()}
        if listing:
            offers = offers_in(opened, categories, ask, how)
            result["offers"] = [offer.to_json() for offer in offers]
            lines = list(_offer_lines(offers))
        else:
            require_site_files(name, out, map_file)
            plan = sites_of(opened, categories, ask, how, origin=origin, progress=progress)
            result |= plan.to_json() | {"saved": name}
            lines = [*_plan_lines(result), *finding_lines(plan.findings)]
            result["file"] = _written(out, map_file, opened, plan, lang, lines)
            if name is not None:  # last: where a file cannot be written nothing is kept
                keep_sites(opened, name, plan, categories, how)
                lines.append(f"Kept as scenario '{name}'")
    answer(result, lines, as_json=as_json)


def _share(text: str | None) -> float | None:
    if text is None:
        return None
    number, sign, rest = text.strip().replace("％", "%").partition("%")
    try:
        return float(number + rest) / (100 if sign else 1)
    except ValueError:
        raise OptionError(f"--share '{text}' is no share; write 0.6 or 60%") from None


def _rounds(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    try:
        return tuple(int(part) for part in text.replace("，", ",").split(","))
    except ValueError:
        raise OptionError(f"--rounds '{text}' is no list of numbers; write 3,6,9") from None


def _capacity(text: str | None) -> Any:
    if text is None or text == "rule":
        return text
    try:
        return float(text)
    except ValueError:
        raise OptionError(f"--capacity '{text}' is no number; give people, or 'rule'") from None


def _written(
    out: Path | None,
    map_file: Path | None,
    project: Project,
    plan: SitePlan,
    lang: str,
    lines: list[str],
) -> list[str]:
    """Write what is asked for, and say where."""
    files = []
    if out is not None:
        write_site_plan(plan, out, project=project.name, lang=lang)
        files.append(out)
    if map_file is not None:
        write_text(map_file, map_of_sites(project, plan, lang=lang))
        files.append(map_file)
    lines += [f"Written: {file}" for file in files]
    return list(map(str, files))


# -- Lines


def _plan_lines(told: dict[str, Any]) -> Iterator[str]:
    if told["assumptions"]["origin"] == "building":
        yield "People start at their buildings; coverage does so with --from building"
    for service in told["services"]:
        yield from _service_lines(service)
    yield _verdict(told)
    if told["chosen"]:
        yield from table_lines([*_site_rows(told["chosen"])])
        yield _money(told["cost_yuan"], told["cost_unknown"], len(told["chosen"]))
    for service in told["services"]:
        yield from _named_lines(
            f"{service['category']}: no candidate within the limit of", service["unreachable"]
        )
    yield from _more_lines(told)
    refused = len({each["uid"] for each in told["left_out"]})
    if refused:
        yield f"{refused} candidates were refused for something; --list says why"


def _service_lines(service: dict[str, Any]) -> Iterator[str]:
    limit = (
        f"{service['limit_m']:g} m"
        if service["limit_m"] is not None
        else f"{service['limit_s'] / 60:g} min"
    )
    clause = service["clause"] if service["verified"] else f"{service['clause']}, unverified"
    marked = " (estimated)" if service["estimated"] else ""
    yield f"{service['category']} {service['zh']} within {limit}, {service['walker']} ({clause}):"
    yield (
        f"  {service['unit']}{marked} served: {number(service['people_before'])} today -> "
        f"{number(service['people_after'])} of {number(service['people_in_all'])}; "
        f"{service['offered']} candidates fit"
    )


_PROVED: Final = {
    "mclp": "no choice serves more",
    "lscp": "fewer sites cannot do it",
    "p-median": "no choice makes people walk less",
    "p-center": "no choice makes the longest walk shorter",
}


def _verdict(told: dict[str, Any]) -> str:
    """Say whether it can be met, what the choice comes to, and whether that is proved."""
    if told["status"] != "infeasible":
        return _how_good(told, told["status"])
    text = f"Cannot be met: {told['reason']}" if told["reason"] else "Cannot be met"
    if told["chosen"]:
        text += f". For all others: {_how_good(told, told['rest_status'])}"
    return text


def _how_good(told: dict[str, Any], status: str) -> str:
    if told["objective"] is None or status == "unknown":
        return "Time ran out before an answer was found; give more with --time-limit"
    if told["classes"]:
        proved = "Proved best" if status == "optimal" else "Not proved best"
        return f"The worst-off first, class by class, as many of each as can be. {proved}"
    unit, model = told["objective_unit"], told["model"]
    objective = f"{_figure(told['objective'])} {unit}"
    if model == "mclp":
        what, _, together = unit.partition(", ")
        objective = f"{_figure(told['objective'])} {what} served"
        objective += f", {together}" if together else ""
    if status == "optimal":
        why = "less money cannot do it" if unit == "yuan" else _PROVED[model]
        return f"{objective}. Proved best: {why}"
    side = "at most" if model == "mclp" else "at least"
    gap = f", {told['gap']:.2%} off" if told["gap"] else ""
    more = f" ({told['reason']})" if told["reason"] and told["status"] == status else ""
    return (
        f"{objective}. Not proved best{more}: any choice has {side} {_figure(told['bound'])}{gap}"
    )


def _figure(value: float | None) -> str:
    return number(value, 0 if value is None or value == round(value) else 1)


def _enough(value: float) -> str:
    """Write a figure that is not rounded below what is needed."""
    return number(value, 0 if value == round(value) else 2)


def _site_rows(chosen: list[dict[str, Any]]) -> Iterator[list[str]]:
    yield [
        "site",
        "",
        "means",
        "for",
        "m2 needed",
        "yuan",
        "serves",
        "new",
        "lost without",
        "replaces it best",
    ]
    for site in chosen:
        for place, use in enumerate(site["services"] or [{}]):
            without = use.get("without", {})
            yield [
                site["uid"] if place == 0 else "",
                (site["name"] or "") if place == 0 else "",
                (site["means"] or "") if place == 0 else "",
                use.get("category", ""),
                number(use.get("need_m2")),
                _cost(site) if place == 0 else "",
                number(use.get("people")),
                number(use.get("newly_covered")),
                number(without.get("people_lost")),
                without.get("replaced_by") or "",
            ]


def _money(yuan: float, unknown: int, sites: int) -> str:
    if unknown == sites:
        return "What they cost is not known"
    without = f", without {unknown} of unknown cost" if unknown else ""
    return f"Together {number(yuan)} yuan{without}"


def _cost(site: dict[str, Any]) -> str:
    return number(site["cost_yuan"]) + (" (estimated)" if site["cost_estimated"] else "")


_CHANGES: Final = {
    "limit": "a limit of {} {unit}",
    "count": "{} sites",
    "budget": "{} yuan",
    "capacity": "{} times the capacity of each site",
}


def _named_lines(text: str, estates: list[dict[str, Any]]) -> Iterator[str]:
    if estates:
        some = ", ".join(e["name"] or e["estate"] for e in estates[:_TOLD])
        more = f" and {len(estates) - _TOLD} more" if len(estates) > _TOLD else ""
        yield f"{text} {len(estates)} estates: {some}{more}"


_CLASSES: Final = (
    "Those who walk two limits or more today",
    "Those who walk beyond the limit today",
    "Those who are served today",
)


def _more_lines(told: dict[str, Any]) -> Iterator[str]:
    unreachable = any(service["unreachable"] for service in told["services"])
    no_way = [each for each in told["relaxations"] if each["no_way"]]
    for each in no_way:
        what = "However far one walks, no candidate can be reached from"
        yield from _named_lines(what, each["estates"])
    for each in told["relaxations"]:
        # Only a longer limit serves those whom no candidate reaches.
        who = (
            "All others can be served"
            if no_way or (unreachable and each["kind"] != "limit")
            else "It can be met"
        )
        if each["to"] is not None and each["kind"] in _CHANGES:
            now = "" if each["from"] is None else f", now {_figure(each['from'])}"
            perhaps = "" if each["proved"] else "; perhaps less will do"
            change = _CHANGES[each["kind"]].format(_enough(each["to"]), unit=each["unit"])
            yield f"{who} with {change}{now}{perhaps}"
    for place, each in enumerate(told["rounds"], 1):
        regret = f", {each['regret']:.2%} off" if each["regret"] else ", which it is"
        yield (
            f"Round {place}: {', '.join(each['added']) or 'no further site'} -> "
            f"{_figure(each['objective'])} {told['objective_unit']}; the best for "
            f"{len(each['chosen'])} sites alone: {_figure(each['best_alone'])}{regret}"
        )
    for each in told["classes"]:
        if each["what"] == "covered":
            yield (
                f"{_CLASSES[each['class']]}: {_figure(each['objective'])} of "
                f"{_figure(each['people'])} served ({each['status']})"
            )
    if told["curve"]:
        rows = [["sites", "served", "more", "at most"]]
        for point in told["curve"]["points"]:
            cells = (point["count"], point["people"], point["gain"], point["bound"])
            rows.append([number(cell) for cell in cells])
        yield from table_lines(rows)
        if told["curve"]["knee"] is not None:
            yield (
                f"Beyond {told['curve']['knee']} sites each further one brings markedly less "
                f"(the knee: {told['curve']['knee_rule']})"
            )


def _offer_lines(offers: tuple[Offer, ...]) -> Iterator[str]:
    if not offers:
        yield "There are no candidates: import the layer sites, or give --anywhere METRES"
        return
    rows = [["site", "", "means", "m2", "yuan", "category", "", "why not"]]
    for offer in offers:
        told = offer.to_json()
        rows.append(
            [
                told["uid"],
                told["name"] or "",
                told["means"] or "",
                number(told["floor_m2"] if told["floor_m2"] is not None else told["land_m2"]),
                _cost(told),
                told["category"] or "",
                "fits" if told["fits"] else "no",
                told["why"],
            ]
        )
    yield from table_lines(rows)
