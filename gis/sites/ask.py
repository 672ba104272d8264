"""What a planner asks of sites: how many or how much, by which model, and from which rooms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from gis.errors import OptionError

Model = Literal["mclp", "lscp", "p-median", "p-center"]
Order = Literal["people", "worst-first"]
DISTANCES: Final = ("p-median", "p-center")
"""Models for which it matters how far, not only whether within the limit."""
MOST_ROUNDS: Final = 12


@dataclass(frozen=True)
class Ask:
    """One question about sites.

    ``count`` sites (rooms, where several services share them), or as many as ``budget`` (yuan)
    buys, or as many as bring the service to ``share`` of the people. ``model`` None: "mclp" with a
    count or a budget, else "lscp". ``cheapest``: the least money in place of the fewest sites.
    ``rounds``: rising numbers of sites, such as (3, 6), the best first three and then three more;
    ``order`` "worst-first": those who walk farthest today come first, however few they are.
    ``capacity``: people that each site can serve, "rule": by the sizes of the rule per 1,000
    people, None: no limit. ``required`` and ``closed`` are uids of sites. ``by_year``, ``means``,
    ``unknown``, ``upgrades`` and ``rent_years`` say which rooms are offered; see
    `gis.sites.candidates_of` and `gis.sites.fit`. ``anywhere_m``: in place of rooms any place along
    a street, one every so many metres. ``curve``: also how many people each further
    site brings.

    Raises
    ------
    OptionError
        The options contradict each other; all of them are told.
    """

    model: Model | None = None
    count: int | None = None
    budget: float | None = None
    share: float | None = None
    cheapest: bool = False
    rounds: tuple[int, ...] = ()
    order: Order = "people"
    capacity: float | Literal["rule"] | None = None
    required: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    by_year: int | None = None
    means: tuple[str, ...] = ()
    unknown: Literal["refuse", "offer"] = "refuse"
    upgrades: bool = True
    rent_years: float = 10.0
    anywhere_m: float | None = None
    curve: bool = False
    seed: int = 0
    time_limit_s: float = 60.0

    def __post_init__(self) -> None:
        faults = list(self._faults())
        if faults:
            raise OptionError(f"Sites cannot be asked for: {'; '.join(faults)}")

    @property
    def resolved(self) -> Model:
        """The model that is meant."""
        if self.model is not None:
            return self.model
        return "lscp" if self.count is None and self.budget is None and not self.rounds else "mclp"

    @property
    def distances(self) -> bool:
        """Whether walks beyond the limit matter."""
        return self.resolved in DISTANCES

    def _faults(self) -> Iterator[str]:
        model = self.resolved
        if model not in get_args(Model):
            yield f"there is no model '{model}'; give one of {', '.join(get_args(Model))}"
            return
        yield from self._how_many(model)
        if self.share is not None and not 0 < self.share <= 1:
            yield f"--share is {self.share:g}; give above 0 and at most 1, such as 0.9"
        if self.budget is not None and not 0 <= self.budget < np.inf:
            yield f"--budget is {self.budget:g}; give yuan, 0 or more"
        if self.cheapest and model != "lscp":
            yield f"--cheapest seeks the least money for a share of the people; '{model}' does not"
        if self.order == "worst-first" and (model not in ("mclp", "p-center") or self.rounds):
            yield "worst first is for 'mclp' and 'p-center', without rounds"
        if self.capacity is not None and (self.order == "worst-first" or self.curve):
            yield "a capacity does not go with worst first, nor with the curve"
        if isinstance(self.capacity, float | int) and not self.capacity > 0:
            yield f"--capacity is {self.capacity:g}; give people per site, above 0"
        if not self.time_limit_s > 0:
            yield f"--time-limit is {self.time_limit_s:g}; give seconds above 0"
        if self.anywhere_m is not None and (self.budget is not None or self.cheapest):
            yield "of places along the streets nobody knows the cost; leave out the money"
        both = sorted(set(self.required) & set(self.closed))
        if both:
            yield f"site '{both[0]}' is both required and closed"

    def _how_many(self, model: str) -> Iterator[str]:
        if model == "lscp" and (self.count is not None or self.budget is not None or self.rounds):
            yield "'lscp' seeks the fewest sites itself; leave out --count, --budget and --rounds"
        elif model != "lscp" and self.share is not None:
            yield "--share asks for the fewest sites; leave out --count, --budget and --model"
        elif model != "lscp" and self.count is None and self.budget is None and not self.rounds:
            yield f"'{model}' needs --count or --budget"
        if self.rounds:
            if self.count is not None or self.budget is not None:
                yield "--rounds says how many sites there are; leave out --count and --budget"
            if model not in ("mclp", "p-median"):
                yield f"rounds are for 'mclp' and 'p-median', not '{model}'"
            if len(self.rounds) > MOST_ROUNDS or any(
                b <= a for a, b in zip((0, *self.rounds), self.rounds, strict=False)
            ):
                told = ",".join(map(str, self.rounds))
                yield f"--rounds {told} has to rise from 1 or more, such as 3,6,9"
