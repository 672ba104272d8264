"""Who needs a service: the homes that count, their people, and how far every candidate is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from gis.coverage import CoverageItem
from gis.errors import OptionError
from gis.rules import Rule
from gis.sites.fitting import Fit
from gis.sites.walks import FARTHEST_M, Walked

WORST: Final = 2
"""Whoever walks so many times the limit, or finds nothing, is worst off."""


@dataclass(frozen=True, eq=False)
class Need:
    """One service, and the d homes that it is about.

    ``home`` (d,) int64 rows of the homes; ``people`` (d,) how many of the rule's group live there,
    0 where ``known`` (d,) is False; ``unit`` is the name of that group, or "estates" or "buildings"
    where nobody knows any people, and each counts as one. ``cost_cm`` (d, k) csr_array: the walk to
    each candidate that fits, up to ``searched_cm``; ``existing_cm`` (d,) that to the nearest
    facility that counts today, NaN beyond what was searched; ``covered`` (d,) who has one within
    the limit. ``offered`` (k,) candidates that fit and that a street is near. ``unlinked`` homes
    have no street, ``nobody`` homes have no such people: they are not among the d. ``kind`` of
    home: "estates" or "buildings".
    """

    item: CoverageItem
    home: NDArray[np.int64]
    people: NDArray[np.float64]
    known: NDArray[np.bool_]
    unit: str
    kind: str
    estimated: bool
    cost_cm: Any
    searched_cm: int
    existing_cm: NDArray[np.float64]
    covered: NDArray[np.bool_]
    fit: Fit
    offered: NDArray[np.bool_]
    unlinked: NDArray[np.int64]
    nobody: int

    @property
    def rule(self) -> Rule:
        """The rule that the service has to meet."""
        return self.item.rule

    @property
    def limit_cm(self) -> int:
        """The limit in centimetres of flat walking, inclusive."""
        return self.item.limit_cm

    @property
    def people_before(self) -> float:
        """People who have the service within the limit today."""
        return float(self.people[self.covered].sum())

    @property
    def people_in_all(self) -> float:
        """People of all homes that count."""
        return float(self.people.sum())

    def beyond(self) -> NDArray[np.int64]:
        """Return (x,) places among the homes that nothing reaches: nothing there, no candidate."""
        within = np.zeros(len(self.home), bool)
        row = np.repeat(np.arange(len(self.home)), np.diff(self.cost_cm.indptr))
        within[row[self.cost_cm.data <= self.limit_cm]] = True
        return np.flatnonzero(~within & ~self.covered)

    def priority(self) -> NDArray[np.int64]:
        """(d,) class of each home: 0 walks `WORST` limits or more today, 1 beyond it, 2 covered."""
        far = np.where(np.isnan(self.existing_cm), np.inf, self.existing_cm)
        out = np.where(far >= WORST * self.limit_cm, 0, 1)
        out[self.covered] = 2
        return out.astype(np.int64)

    def matrix(self, *, distances: bool) -> Any:
        """Return (d, k + 1) csr_array of costs; the last column is what is there today.

        Parameters
        ----------
        distances
            False: only whether a walk keeps the limit matters. What covers a home today is never
            farther than that, whatever stands in for it.
        """
        here = np.where(self.covered, np.fmin(self.existing_cm, self.limit_cm), self.existing_cm)
        if not distances:
            here[~self.covered] = np.nan
        rows = np.flatnonzero(~np.isnan(here))
        column = sp.csr_array(
            (here[rows], (rows, np.zeros(len(rows), np.int64))), shape=(len(self.home), 1)
        )
        return sp.csr_array(sp.hstack([self.cost_cm, column], format="csr"))


def need_of(walked: Walked, rule: int, fit: Fit, *, distances: bool = False) -> Need:
    """Say who needs what the rule at place ``rule`` asks for, and how far the candidates are.

    Parameters
    ----------
    walked
        The study and the candidates, measured.
    fit
        Which candidates the service fits into.
    distances
        Walks beyond the limit matter too, up to `FARTHEST_M`.

    Raises
    ------
    OptionError
        Nothing is known of the category, or nobody of the rule's group lives anywhere.
    """
    item = walked.item(rule)
    code = item.rule.category
    if (item.home_status == "no-data").any():
        raise OptionError(
            f"Nothing is known of '{code}': import the facilities that are there, or state that "
            f"there is none: lianpian layers PROJECT --none {code}"
        )
    offered = np.asarray(fit.fits, bool) & walked.linked
    everybody = item.group.homes
    linked = item.home_status != "unlinked"
    known = ~np.isnan(everybody)
    counted = known[linked].any()
    nobody = linked & known & (everybody == 0)
    home = np.flatnonzero(linked & ~nobody)
    if len(home) == 0:
        raise OptionError(
            f"Nobody is to be served by '{code}': "
            + (
                f"no {item.rule.group} live in any estate"
                if linked.any()
                else "no estate is joined to a street"
            )
        )
    kind = "estates" if walked.measured.homes.kind == "estate" else "buildings"
    people = np.nan_to_num(everybody[home]) if counted else np.ones(len(home))
    farthest = FARTHEST_M if distances else None
    candidates_cm = walked.to_candidates(rule, offered, farthest_m=farthest)
    return Need(
        item=item,
        home=home,
        people=people,
        known=known[home] if counted else np.ones(len(home), bool),
        unit=_unit(item.rule.group) if counted else kind,
        kind=kind,
        estimated=bool(counted and item.group.estimated.any()),
        cost_cm=sp.csr_array(candidates_cm[home]),
        searched_cm=item.limit_cm if farthest is None else round(farthest * 100),
        existing_cm=walked.to_existing(rule, farthest_m=farthest or FARTHEST_M)[home],
        covered=item.home_status[home] == "covered",
        fit=fit,
        offered=offered,
        unlinked=np.flatnonzero(~linked),
        nobody=int(nobody.sum()),
    )


def _unit(group: str) -> str:
    return "people" if group == "all" else group
