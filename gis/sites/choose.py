"""From needs and candidates to a choice: the models of `gis.siting`, one service or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gis.errors import OptionError
from gis.sites.ask import Ask
from gis.sites.candidates import Candidates
from gis.sites.need import Need
from gis.siting import Siting, locate
from gis.siting.answer import gap_of
from gis.siting.curve import Curve, curve
from gis.siting.loses import Loss, without_each
from gis.siting.order import WorstFirst, locate_worst_first
from gis.siting.phases import Phases, locate_phases
from gis.siting.relax import Relaxation, smallest_relaxations
from gis.siting.together import Service, locate_together

_SHARE_OF_TIME = 0.3
"""For each of curve and relaxations, beside the time of the choice itself."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Choice:
    """Sites chosen for s services.

    ``rows`` (c,) int64 candidates opened, in ascending order; ``of`` s arrays: those of each
    service among them; ``assignment`` s arrays (d,): the candidate that serves each home, -1:
    what is there today, or nothing. ``objective``, ``bound``, ``gap``, ``status``, ``reason`` as
    in `gis.siting.Siting`. ``losses`` for each service what its sites are worth.
    """

    rows: Ints
    of: tuple[Ints, ...]
    assignment: tuple[Ints, ...]
    objective: float
    bound: float
    gap: float
    status: str
    reason: str
    losses: tuple[tuple[Loss, ...], ...] = ()
    curve: Curve | None = None
    phases: Phases | None = None
    steps: WorstFirst | None = None


def choose(needs: Sequence[Need], candidates: Candidates, ask: Ask) -> Choice:
    """Choose sites for one service, or rooms for several.

    Raises
    ------
    OptionError
        What is asked does not go with the candidates or with several services.
    """
    if len(needs) > 1:
        return _together(needs, candidates, ask)
    return _alone(needs[0], candidates, ask)


# -- One service


def _alone(need: Need, candidates: Candidates, ask: Ask) -> Choice:
    k = len(candidates)
    case: dict[str, Any] = {"cost": need.matrix(distances=ask.distances), "demand": need.people}
    options = _options(need, candidates, ask)
    limits: dict[str, Any] = {"seed": ask.seed, "time_limit_s": ask.time_limit_s}
    phases = steps = None
    if ask.rounds:
        options.pop("site_cost")
        rounds_model: Any = ask.resolved
        phases = locate_phases(**case, counts=ask.rounds, model=rounds_model, **options, **limits)
        siting = phases.phases[-1].siting
    elif ask.order == "worst-first":
        options.pop("capacity")
        priority = need.priority() if ask.resolved == "mclp" else None
        steps = locate_worst_first(
            **case, model=ask.resolved, priority=priority, count=ask.count, budget=ask.budget,
            **options, **limits,
        )  # fmt: skip
        siting = _as_siting(steps)
    else:
        share = ask.share if ask.share != 1.0 else None
        how_many: dict[str, Any] = {"count": ask.count, "budget": ask.budget, "share": share}
        siting = locate(**case, model=ask.resolved, **how_many, **options, **limits)
    useful = siting.assignment[(siting.assignment >= 0) & (siting.assignment < k)]
    rows = siting.chosen[np.isin(siting.chosen, np.union1d(useful, options["required"]))]
    return Choice(
        rows=rows,
        of=(rows,),
        assignment=(np.where(siting.assignment < k, siting.assignment, -1),),
        objective=siting.objective,
        bound=siting.bound,
        gap=siting.gap,
        status=siting.status,
        reason=siting.reason,
        losses=(_losses(case, siting, rows, candidates.place, ask, options),),
        curve=_curve(case, ask, options),
        phases=phases,
        steps=steps,
    )


def _options(need: Need, candidates: Candidates, ask: Ask) -> dict[str, Any]:
    """Return the keywords that all models take: the last column is what is there today."""
    k = len(candidates)
    offered = need.offered & ~named(candidates, ask.closed, "close")
    cost = need.fit.cost_yuan
    paid = ask.budget is not None or ask.cheapest
    if paid:
        offered &= ~np.isnan(cost)
    capacity = capacity_of(need, candidates, ask)
    if capacity is None:
        offered = cheapest_way(candidates, cost, offered)
    return {
        "limit": None if ask.distances else float(need.limit_cm),
        "given": [k],
        "required": np.flatnonzero(required_of(candidates, ask, offered)).tolist(),
        "closed": np.flatnonzero(~offered).tolist(),
        "one_of": np.append(candidates.place, -1).astype(np.int64),
        "site_cost": np.append(np.nan_to_num(cost), 0.0) if paid else None,
        "capacity": None if capacity is None else np.append(capacity, np.inf),
    }


def _as_siting(steps: WorstFirst) -> Siting:
    """Sum up choices made class by class: the last one decides, proved where all are."""
    last = steps.steps[-1] if steps.steps else None
    objective = last.objective if last else np.nan
    bound = last.bound if last else np.nan
    gap = gap_of(objective, bound)
    return Siting(steps.chosen, steps.assignment, objective, bound, gap, steps.status, steps.reason)


def _losses(
    case: dict[str, Any],
    siting: Siting,
    rows: Ints,
    place: Ints,
    ask: Ask,
    options: dict[str, Any],
) -> tuple[Loss, ...]:
    if len(rows) == 0:
        return ()
    # Another way to use a room that is chosen is no other room.
    alike = np.setdiff1d(np.flatnonzero(np.isin(place, place[rows])), rows)
    options = options | {"closed": np.union1d(options["closed"], alike).astype(int).tolist()}
    kept = ("limit", "given", "closed", "capacity", "one_of")
    asked: dict[str, Any] = {key: options.get(key) for key in kept}
    every = without_each(**case, siting=siting, model=ask.resolved, **asked)
    return tuple(loss for loss in every if loss.site in set(rows.tolist()))


def relaxations_of(need: Need, candidates: Candidates, ask: Ask) -> tuple[Relaxation, ...]:
    """Say what would make it possible to serve all, or the share that is asked for.

    Parameters
    ----------
    need
        With walks beyond the limit.
    """
    if ask.rounds or ask.order == "worst-first":
        return ()
    options = _options(need, candidates, ask)
    options["limit"] = float(need.limit_cm) if not ask.distances else None
    share = ask.share if ask.share != 1.0 else None
    return smallest_relaxations(
        need.matrix(distances=True), need.people, model=ask.resolved, count=ask.count,
        budget=ask.budget, share=share, **options, seed=ask.seed, unit="cm", money="yuan",
        time_limit_s=_SHARE_OF_TIME * ask.time_limit_s,
    )  # fmt: skip


def _curve(case: dict[str, Any], ask: Ask, options: dict[str, Any]) -> Curve | None:
    if not ask.curve:
        return None
    kept = {key: options[key] for key in ("limit", "given", "required", "closed", "one_of")}
    limit_s = _SHARE_OF_TIME * ask.time_limit_s
    return curve(**case, **kept, seed=ask.seed, time_limit_s=limit_s)


def cheapest_way(
    candidates: Candidates, cost: NDArray[np.float64], offered: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """(k,) of the ways to use one room as well, the cheapest alone; unknown costs come last."""
    rows = np.flatnonzero(offered)
    paid = np.nan_to_num(cost[rows].astype(float), nan=np.inf)
    order = rows[np.lexsort((rows, paid, candidates.place[rows]))]
    _, first = np.unique(candidates.place[order], return_index=True)
    out = np.zeros(len(candidates), bool)
    out[order[first]] = True
    return out


def named(candidates: Candidates, uids: Sequence[str], what: str) -> NDArray[np.bool_]:
    """(k,) which candidates are named by uid.

    Raises
    ------
    OptionError
        There is no such candidate.
    """
    known = set(candidates.uid.tolist())
    for uid in uids:
        if uid not in known:
            raise OptionError(
                f"--{what} names '{uid}', and there is no such candidate among {len(known)}; it "
                "may not be in the layer sites, or be refused for all: see --list"
            )
    return np.isin(candidates.uid.astype(str), list(uids))


def by_uid(candidates: Candidates, words: Sequence[str], what: str) -> tuple[str, ...]:
    """Return the uids of candidates that are named by uid or by name; unknown words as they are.

    Raises
    ------
    OptionError
        Several rooms have the name.
    """
    known, out = set(candidates.uid.tolist()), []
    for word in words:
        found = sorted({str(uid) for uid in candidates.uid[candidates.name == word]})
        if word not in known and len(found) > 1:
            raise OptionError(
                f"--{what} names '{word}', and {len(found)} rooms are called that; give the uid: "
                f"{', '.join(found[:5])}"
            )
        out.append(found[0] if word not in known and found else word)
    return tuple(out)


def required_of(candidates: Candidates, ask: Ask, offered: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(k,) what is required: of several ways to use one room the cheapest that is offered.

    Raises
    ------
    OptionError
        A required site is not there, or does not fit.
    """
    asked = named(candidates, ask.required, "require")
    out = np.zeros(len(candidates), bool)
    for uid in ask.required:
        rows = np.flatnonzero(asked & (candidates.uid == uid) & offered)
        if len(rows) == 0:
            raise OptionError(f"--require names '{uid}', which does not fit; see --list for why")
        cost = np.nan_to_num(candidates.cost_yuan[rows].astype(float), nan=np.inf)
        out[rows[np.argmin(cost)]] = True
    return out


def capacity_of(need: Need, candidates: Candidates, ask: Ask) -> NDArray[np.float64] | None:
    """(k,) people of the rule's group that each candidate can serve; None: no limit is asked.

    Raises
    ------
    OptionError
        The rule gives no size per 1,000 of its own group.
    """
    if ask.capacity is None:
        return None
    if ask.capacity != "rule":
        return np.full(len(candidates), float(ask.capacity))
    area = {"floor_area_m2": candidates.floor_m2, "land_area_m2": candidates.land_m2}
    for size in need.rule.demand_sizes:
        if size.base == "people" and size.of == need.rule.group and size.column in area:
            per_person = float(size.required(1000.0)) / 1000.0
            return np.asarray(np.nan_to_num(area[size.column].astype(float)) / per_person)
    raise OptionError(
        f"The rule '{need.rule.id}' gives no floor or land per 1,000 of {need.unit}; give the "
        "people that a site serves with --capacity N"
    )


# -- Several services sharing rooms


def _together(needs: Sequence[Need], candidates: Candidates, ask: Ask) -> Choice:
    faults = [
        word
        for word, is_so in (
            (f"model '{ask.resolved}'", ask.distances),
            ("rounds", bool(ask.rounds)),
            ("worst first", ask.order != "people"),
            ("capacity", ask.capacity is not None),
            ("curve", ask.curve),
        )
        if is_so
    ]
    if faults:
        raise OptionError(
            f"{' and '.join(faults)} cannot be asked of several categories at once; name one"
        )
    paid = ask.budget is not None or ask.cheapest
    known_cost = np.nan_to_num(candidates.cost_yuan)
    # Toddlers are few and residents many: each service counts by the share of its own people, and
    # the objective is the mean of these shares, in percent.
    most = max(need.people_in_all for need in needs) or 1.0
    percent = 100.0 / (len(needs) * most) if ask.resolved == "mclp" else 1.0
    services = [
        replace(_service(need, candidates, ask, paid=paid), weight=most / (whole or most))
        for need, whole in ((need, need.people_in_all) for need in needs)
    ]
    required = np.zeros(len(candidates), bool)
    if ask.required:
        required = required_of(candidates, ask, np.any([n.offered for n in needs], axis=0))
    answer = locate_together(
        services,
        floor=1.0,
        room_cost=np.where(candidates.by_service, 0.0, known_cost) if paid else None,
        count=ask.count,
        budget=ask.budget,
        share=(ask.share or 1.0) if ask.resolved == "lscp" else None,
        one_of=candidates.place,
        required=np.flatnonzero(required).tolist(),
        seed=ask.seed,
        time_limit_s=ask.time_limit_s,
    )
    way = cheapest_ways(needs, candidates, answer.holds) if not paid else np.arange(len(candidates))
    of = tuple(np.sort(way[np.flatnonzero(holds)]) for holds in answer.holds)
    assignment = tuple(np.where(to >= 0, way[to], -1) for to in answer.assignment)
    opened = np.unique(np.concatenate([*of, way[np.flatnonzero(required)]]))
    return Choice(
        rows=opened.astype(np.int64),
        of=of,
        assignment=assignment,
        objective=answer.objective * percent,
        bound=answer.bound * percent,
        gap=answer.gap,
        status=answer.status,
        reason=answer.reason,
        losses=tuple(
            _losses_of(need, candidates, rows, to)
            for need, rows, to in zip(needs, of, assignment, strict=True)
        ),
    )


def _service(need: Need, candidates: Candidates, ask: Ask, *, paid: bool) -> Service:
    """Return a service; what it takes is a share of the place."""
    allowed = need.offered & ~named(candidates, ask.closed, "close")
    if paid:
        allowed &= ~np.isnan(need.fit.cost_yuan)
    return Service(
        name=need.rule.id,
        cost=need.cost_cm,
        demand=need.people,
        limit=float(need.limit_cm),
        need=np.nan_to_num(need.fit.takes, nan=1.0),
        # What is built for one service alone is paid by it, a room once for all in it.
        fit_out=np.where(candidates.by_service & paid, np.nan_to_num(need.fit.cost_yuan), 0.0),
        allowed=allowed,
        given=need.covered,
        alone=not need.fit.shares,
    )


def cheapest_ways(needs: Sequence[Need], candidates: Candidates, holds: NDArray[np.bool_]) -> Ints:
    """(k,) for each candidate that is opened the cheapest way to use the same room alike."""
    way = np.arange(len(candidates))
    for row in np.flatnonzero(holds.any(axis=0)).tolist():
        inside = [need for need, there in zip(needs, holds[:, row], strict=True) if there]
        ways = np.flatnonzero(candidates.place == candidates.place[row])
        takes = np.sum([np.nan_to_num(need.fit.takes[ways], nan=1.0) for need in inside], axis=0)
        own = np.sum([np.nan_to_num(need.fit.cost_yuan[ways]) for need in inside], axis=0)
        cost = np.where(candidates.by_service[ways], own, candidates.cost_yuan[ways])
        fits = np.all([need.offered[ways] for need in inside], axis=0) & (takes <= 1 + 1e-9)
        cost = np.where(fits & ~np.isnan(cost), cost, np.inf)
        if np.isfinite(cost).any():
            way[row] = ways[np.argmin(cost)]
    return way


def _losses_of(need: Need, candidates: Candidates, rows: Ints, to: Ints) -> tuple[Loss, ...]:
    if len(rows) == 0:
        return ()
    k = need.cost_cm.shape[1]
    served = need.covered | (to >= 0)
    objective = float(need.people[served].sum())
    here = np.where(to >= 0, to, np.where(need.covered, k, -1))
    siting = Siting(rows, here, objective, objective, 0.0, "optimal")
    # Another way to use a room that is chosen is no other room.
    taken = np.isin(candidates.place, candidates.place[rows])
    closed = np.setdiff1d(np.flatnonzero(~need.offered | taken), rows)
    return without_each(
        need.matrix(distances=False),
        need.people,
        siting,
        model="mclp",
        limit=float(need.limit_cm),
        given=[k],
        closed=closed.tolist(),
    )
