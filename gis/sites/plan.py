"""Where to put what is missing: candidates, needs, a choice, and the walk that proves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from gis.coverage import Coverage, measure_coverage
from gis.errors import CheckError, OptionError
from gis.model import Finding, Progress, Study, silent
from gis.rules import Rule, RulePack
from gis.scenario import apply
from gis.sites.ask import Ask
from gis.sites.candidates import Candidates
from gis.sites.choose import Choice, by_uid, choose, relaxations_of
from gis.sites.need import Need, need_of
from gis.sites.offering import candidates_for, fit_of
from gis.sites.site_plan import SitedService, SitePlan, edits_of_rows
from gis.sites.walks import How, Walked, walk_to
from gis.siting.relax import Relaxation

ROUNDING_CM: Final = 25
"""A street that is cut at other places rounds anew, by half a centimetre for each cut: along fifty
candidates that are not built walks may differ by this much, and no further."""
_NAMED: Final = 5


def plan_sites(
    study: Study,
    rules: Sequence[Rule],
    ask: Ask,
    how: How | None = None,
    *,
    pack: RulePack | None = None,
    progress: Progress | None = None,
) -> SitePlan:
    """Choose where services that are missing should go, among rooms and plots that fit.

    Walks go along the streets, from gates or buildings, by the walker of each rule; what is there
    today is given. The choice is put into the study and everything is walked anew: it has to agree
    home by home before it is told.

    Parameters
    ----------
    study
        Needs estates and streets, and sites or facilities that could be enlarged.
    rules
        One rule for each service; several services may share a room.
    ask
        How many, how much, by which model.
    how
        How people walk.
    pack
        Where the rules come from; its name travels with the result.

    Raises
    ------
    MissingLayerError
        A layer is missing.
    OptionError
        The question contradicts itself, nothing is known of a category, or nobody is to be served.
    CheckError
        The walk does not agree with the choice: a fault of ours.
    """
    how, say = how or How(), progress or silent
    _require_rules(rules)
    say(0.0, "candidates")
    candidates = candidates_for(study, rules, ask)
    ask = _with_uids(ask, candidates)
    say(0.05, "streets")
    walked = walk_to(study, rules, candidates, how, pack=pack)
    say(0.35, "walks")
    needs = [
        need_of(walked, i, fit_of(candidates, rule, ask), distances=ask.distances)
        for i, rule in enumerate(rules)
    ]
    say(0.45, "choice")
    beyond = [_beyond(need, ask) for need in needs]
    choice, status, reason = _chosen(needs, beyond, candidates, ask)
    relaxations = _relaxed(walked, needs, candidates, ask) if status == "infeasible" else ()
    say(0.8, "check")
    after = None
    chosen = list(zip(needs, choice.of, strict=True))
    if any(len(rows) for rows in choice.of):
        edited = apply(study, edits_of_rows(candidates, chosen))
        after = _measured(edited, rules, how, pack)
    services = tuple(
        SitedService(
            need=need,
            rows=choice.of[i],
            serves=choice.assignment[i],
            after=_walked_again(need, choice, i, after, full=ask.capacity is not None),
            beyond=beyond[i],
            losses=choice.losses[i] if i < len(choice.losses) else (),
        )
        for i, need in enumerate(needs)
    )
    say(1.0, "done")
    return SitePlan(
        ask=ask,
        candidates=candidates,
        choice=choice,
        services=services,
        status=status,
        rest_status=choice.status,
        reason=reason,
        relaxations=relaxations,
        before=walked.measured,
        after=after,
        assumptions=_assumptions(walked, candidates, ask),
        findings=(*_findings(walked, needs, candidates, ask), *_idle(choice, ask)),
    )


def _with_uids(ask: Ask, candidates: Candidates) -> Ask:
    """Put uids in place of names."""
    required = by_uid(candidates, ask.required, "require")
    return replace(ask, required=required, closed=by_uid(candidates, ask.closed, "close"))


def _relaxed(
    walked: Walked, needs: Sequence[Need], candidates: Candidates, ask: Ask
) -> tuple[Relaxation, ...]:
    """Say what would make it possible, for one service that some candidate fits."""
    if len(needs) > 1 or not needs[0].offered.any():
        return ()
    wide = need_of(walked, 0, needs[0].fit, distances=True)
    return relaxations_of(wide, candidates, ask)


def _require_rules(rules: Sequence[Rule]) -> None:
    if not rules:
        raise OptionError("There is no service to place; name a category")
    codes = [rule.category for rule in rules]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise OptionError(f"The category '{twice[0]}' is named twice; name it once")
    for rule in rules:
        stand_ins = {*rule.satisfied_by, *(other.category for other in rule.instead)}
        for code in sorted(stand_ins & set(codes)):
            # A site of one would serve the other too, which no model of shared rooms counts.
            raise OptionError(
                f"'{code}' counts for '{rule.category}' too (rule {rule.id}), so that the two "
                "cannot be asked for in one run; ask for each alone"
            )


def _beyond(need: Need, ask: Ask) -> NDArray[np.int64]:
    """Return the homes that nothing can serve, where all are to be served; else none."""
    if ask.resolved == "mclp" or (ask.share is not None and ask.share < 1.0):
        return np.empty(0, np.int64)
    if not ask.distances:
        return need.beyond()
    nowhere = (np.diff(need.cost_cm.indptr) == 0) & np.isnan(need.existing_cm)
    return np.flatnonzero(nowhere)


def _chosen(
    needs: Sequence[Need], beyond: Sequence[NDArray[np.int64]], candidates: Candidates, ask: Ask
) -> tuple[Choice, str, str]:
    """Return the choice, the status of what was asked, and why it is not met."""
    if not any(need.offered.any() for need in needs):
        return _nothing(needs), "infeasible", _why_none(needs)
    _require_enough(needs, candidates, ask)
    if not any(len(places) for places in beyond):
        choice = choose(needs, candidates, ask)
        if choice.status != "infeasible" or ask.resolved != "lscp":
            return choice, choice.status, choice.reason
        # The share is more than there is: all whom any candidate reaches, and how many they are.
        reached = replace(ask, share=1.0)
        beyond = [_beyond(need, reached) for need in needs]
        if not any(len(places) for places in beyond):
            return choice, choice.status, choice.reason
        return *_for_the_rest(needs, beyond, candidates, reached), _why_short(needs, beyond, ask)
    return *_for_the_rest(needs, beyond, candidates, ask), _why_beyond(needs, beyond)


def _for_the_rest(
    needs: Sequence[Need], beyond: Sequence[NDArray[np.int64]], candidates: Candidates, ask: Ask
) -> tuple[Choice, str]:
    """Choose for all but those whom nothing reaches."""
    rest = [_without(need, places) for need, places in zip(needs, beyond, strict=True)]
    choice = choose(rest, candidates, ask)
    assignment = []
    for need, places, short in zip(needs, beyond, choice.assignment, strict=True):
        full = np.full(len(need.home), -1, np.int64)
        full[np.setdiff1d(np.arange(len(need.home)), places)] = short
        assignment.append(full)
    return replace(choice, assignment=tuple(assignment)), "infeasible"


def _require_enough(needs: Sequence[Need], candidates: Candidates, ask: Ask) -> None:
    wanted = ask.rounds[-1] if ask.rounds else ask.count
    closed = np.isin(candidates.uid.astype(str), list(ask.closed))
    places = candidates.place[np.any([need.offered for need in needs], axis=0) & ~closed]
    there = len(np.unique(places))
    if wanted is not None and wanted > there:
        named = " or ".join(need.rule.category for need in needs)
        raise OptionError(
            f"{wanted} sites are asked for, but only {there} rooms or plots fit {named}; ask for "
            f"{there} at most, or see --list for why others do not fit"
        )


def _nothing(needs: Sequence[Need]) -> Choice:
    none = np.empty(0, np.int64)
    return Choice(
        rows=none,
        of=tuple(none for _ in needs),
        assignment=tuple(np.full(len(need.home), -1, np.int64) for need in needs),
        objective=np.nan,
        bound=np.nan,
        gap=np.nan,
        status="infeasible",
        reason="",
    )


def _without(need: Need, places: NDArray[np.int64]) -> Need:
    """Return a need without some of its homes."""
    kept = np.setdiff1d(np.arange(len(need.home)), places)
    if len(kept) == 0:
        raise OptionError(
            f"No candidate and nothing of today reaches anybody who needs '{need.rule.category}' "
            f"within {_limit(need)}"
        )
    return replace(
        need,
        home=need.home[kept],
        people=need.people[kept],
        known=need.known[kept],
        cost_cm=sp.csr_array(need.cost_cm[kept]),
        existing_cm=need.existing_cm[kept],
        covered=need.covered[kept],
    )


def _why_none(needs: Sequence[Need]) -> str:
    """Say of each service why no candidate fits, the commonest reasons first."""
    parts = []
    for need in needs:
        why = [str(word) or "no street in reach" for word in need.fit.why_en[~need.offered]]
        words, counts = np.unique(why, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:_NAMED]
        told = "; ".join(f"{counts[i]} x {words[i]}" for i in order)
        parts.append(f"no candidate fits {need.rule.category}" + (f" ({told})" if told else ""))
    return ", ".join(parts)


def _why_beyond(needs: Sequence[Need], beyond: Sequence[NDArray[np.int64]]) -> str:
    parts = [
        f"{len(places)} of {len(need.home)} {need.kind} have no candidate for {need.rule.category} "
        f"within {_limit(need)}"
        for need, places in zip(needs, beyond, strict=True)
        if len(places)
    ]
    return f"{'; '.join(parts)}; the choice serves all others"


def _why_short(needs: Sequence[Need], beyond: Sequence[NDArray[np.int64]], ask: Ask) -> str:
    parts = []
    for need, places in zip(needs, beyond, strict=True):
        most = need.people_in_all - float(need.people[places].sum())
        share = most / need.people_in_all
        if share < (ask.share or 1.0):
            parts.append(
                f"all candidates for {need.rule.category} together serve {most:,.0f} of "
                f"{need.people_in_all:,.0f} ({share:.1%}), less than {ask.share:.0%}"
            )
    return "; ".join([*parts, "the choice serves all who can be served"])


def _limit(need: Need) -> str:
    rule = need.rule
    return (
        f"{rule.limit_m:g} m" if rule.limit_m is not None else f"{(rule.limit_s or 0) / 60:g} min"
    )


# -- The walk that proves it


def _measured(study: Study, rules: Sequence[Rule], how: How, pack: RulePack | None) -> Coverage:
    return measure_coverage(study, rules, pack=pack, **vars(how))


def _walked_again(
    need: Need, choice: Choice, service: int, after: Coverage | None, *, full: bool
) -> NDArray[np.bool_]:
    """Return (d,) who has the service within the limit, walked anew on the edited study.

    ``full``: sites have capacities, so that a home may find one within the limit and no place.

    Raises
    ------
    CheckError
        A home that the choice serves is not served, or the other way round, or a walk differs.
    """
    if after is None:
        return need.covered
    item = after.items[service]
    now = item.home_status[need.home] == "covered"
    walk = item.home_cost_cm[need.home].astype(float)
    walk[walk < 0] = np.nan
    counted = np.fmin(_walk_of(need, choice.of[service]), need.existing_cm)
    within = need.covered | (counted <= need.limit_cm)
    close = np.abs(counted - need.limit_cm) <= ROUNDING_CM
    wrong = (within != now) & ~close
    if not need.rule.instead:
        wrong |= (np.abs(walk - counted) > ROUNDING_CM) & (counted <= need.searched_cm)
    if wrong.any() and after.assumptions["link"] == "free":
        # Free legs lead through the doors of rooms that are not chosen, which makes walks shorter.
        raise OptionError(
            "Without the legs to the street some walks lead through rooms that are not chosen, so "
            "that the choice cannot be proved; give --link counted"
        )
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        raise CheckError(
            f"The choice of sites for {need.rule.category} does not stand up to a new walk: home "
            f"{int(need.home[place])} walks {walk[place] / 100:.2f} m, not "
            f"{counted[place] / 100:.2f} m"
        )
    return np.asarray(now & (need.covered | (choice.assignment[service] >= 0)) if full else now)


def _walk_of(need: Need, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """(d,) centimetres to the nearest of the sites chosen, NaN where there is none."""
    out = np.full(len(need.home), np.inf)
    matrix = sp.csc_array(need.cost_cm)
    for row in rows.tolist():
        low, high = matrix.indptr[row : row + 2]
        at = matrix.indices[low:high]
        out[at] = np.minimum(out[at], matrix.data[low:high])
    return np.where(np.isfinite(out), out, np.nan)


# -- What it rests on


def _assumptions(walked: Walked, candidates: Candidates, ask: Ask) -> dict[str, Any]:
    return {
        **walked.measured.assumptions,
        **candidates.assumptions,
        "model": ask.resolved,
        "order": ask.order,
        "capacity": ask.capacity,
        "by_year": ask.by_year,
        "means": list(ask.means),
        "unknown_size": ask.unknown,
        "upgrades": ask.upgrades,
        "seed": ask.seed,
        "time_limit_s": ask.time_limit_s,
    }


def _idle(choice: Choice, ask: Ask) -> Iterator[Finding]:
    wanted = ask.rounds[-1] if ask.rounds else ask.count
    if wanted is not None and 0 <= len(choice.rows) < wanted and choice.status != "infeasible":
        yield Finding(
            "sites-idle",
            f"{len(choice.rows)} sites do as much as {wanted}: no further one would serve anybody "
            "better",
            "info",
        )


def _findings(
    walked: Walked, needs: Sequence[Need], candidates: Candidates, ask: Ask
) -> Iterator[Finding]:
    told = {"facilities-unlinked"}
    yield from (each for each in walked.measured.findings if each.code not in told)
    loose = [str(uid) for uid in candidates.uid[~walked.linked]]
    if loose:
        some = ", ".join(dict.fromkeys(loose[:_NAMED]))
        yield Finding(
            "sites-unlinked",
            f"{len(loose)} candidates have no street in reach and are not offered ({some})",
            "warning",
        )
    for need in needs:
        if not need.known.all():
            yield Finding(
                "need-unknown",
                f"{need.rule.category}: the people of {int((~need.known).sum())} homes are not "
                "known; they count as nobody where people are added up",
                "warning",
            )
        if isinstance(ask.capacity, int | float):
            large = int((need.people > ask.capacity).sum())
            if large:
                yield Finding(
                    "capacity-small",
                    f"{need.rule.category}: {large} {need.kind} have more people than the "
                    f"{ask.capacity:g} that a site serves; as each is served whole, no site can",
                    "warning",
                )
        if ask.budget is not None:
            dear = need.offered & np.isnan(need.fit.cost_yuan)
            if dear.any():
                yield Finding(
                    "cost-unknown",
                    f"{need.rule.category}: {int(dear.sum())} candidates that fit have no known "
                    "cost and cannot be bought from a budget",
                    "warning",
                )
