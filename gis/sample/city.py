"""The made-up city as a study: every layer, from one seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely

from gis.errors import OptionError
from gis.model import Layer, Progress, Study
from gis.sample.communities import Communities, found
from gis.sample.compounds import Compounds, furnish
from gis.sample.estates import Gates, build_walls, choose_estates, open_gates
from gis.sample.fabric import Fabric, bank_parks, river_polygon, weave
from gis.sample.facilities import Town, facility_layer, other_use, site_layer
from gis.sample.frames import make_layer, pick, uids
from gis.sample.ground import barrier_layer, green_layer, heights_layer, water_layer
from gis.sample.lots import Lots, lay_out
from gis.sample.names import Names
from gis.sample.paths import name_streets, street_layer
from gis.sample.people import Homes, settle, years
from gis.sample.pipelines import pipeline_layer
from gis.sample.renewals import YUAN_PER_HOUSEHOLD, project_layer
from gis.sample.streets import build_mesh
from gis.sample.terrain import Floats, Ints, Layout, Terrain

CITY_NAME: Final = "云溪市（示例）"
LARGEST_CITY: Final = 100_000
PARK_SHARE: Final = 0.14
"""Of the plots that are no estate."""
NO_PEOPLE_SHARE: Final = 0.035
"""Estates of which only the households are known."""
NOTHING_KNOWN: Final = 2
"""Estates of which neither households nor people are known, in a city of 60 or more."""

_PEOPLE: Final = ("households", "people", "people_60plus", "children_0_2", "children_3_5")


@dataclass(frozen=True, eq=False)
class _Site:
    """The city's land before anybody gives it names."""

    fabric: Fabric
    lots: Lots
    plan: Compounds
    built_year: Floats
    estate_lot: Ints


@dataclass(frozen=True, eq=False)
class _People:
    """Houses of the estates: row of the estate (h,), row in the plan (h,), what they hold."""

    estate: Ints
    house: Ints
    homes: Homes
    told: Any
    """(n,) 2 all known, 1 only the households, 0 nothing."""


def make_city(*, seed: int = 1, estates: int = 140, progress: Progress | None = None) -> Study:
    """Make a city from a seed; the same seed and size give the same city.

    Parameters
    ----------
    seed
        Any whole number from 0.
    estates
        How many estates the city has, 1 to 100,000; land, streets, people and facilities grow
        with it. Below about 30 there are fewer plots than kinds of facility, and some share one.
    progress
        Told the share done, 0 to 1, and what is being done.

    Returns
    -------
    Study
        All layers except ``plan``, in EPSG:4545.

    Raises
    ------
    OptionError
        ``seed`` or ``estates`` is out of range.
    """
    if seed < 0:
        raise OptionError(f"The seed is {seed}; give a whole number from 0")
    if not 1 <= estates <= LARGEST_CITY:
        raise OptionError(f"{estates} estates asked for; give 1 to {LARGEST_CITY}")
    tell = progress or (lambda _share, _what: None)
    tell(0.0, "land and streets")
    site = _survey(seed, estates)
    tell(0.35, "people")
    layers = _Maker(seed, site).layers(tell)
    tell(1.0, "done")
    return Study(name=CITY_NAME, layers={layer.kind.name: layer for layer in layers})


def _rng(seed: int, step: int) -> np.random.Generator:
    """Return a stream of its own for each step, so that one step's draws never move another's."""
    return np.random.default_rng(np.random.SeedSequence([seed, step]))


def _survey(seed: int, estates: int) -> _Site:
    """Lay out land until there are plots enough; each try takes an eighth more."""
    room = 1.0
    while True:
        layout = Layout.for_estates(estates, room=room)
        terrain = Terrain(layout, _rng(seed, 1))
        fabric = weave(build_mesh(layout, terrain, _rng(seed, 2)), terrain, _rng(seed, 3))
        lots = lay_out(fabric, _rng(seed, 4))
        built = years(lots.old, _rng(seed, 5))
        # Rows stood closer in the fifties to eighties than later rules of daylight allow.
        spacing = np.where(built < 1986, 12.5, np.where(built <= 2000, 14.0, 18.0))
        plan = furnish(fabric, lots, spacing, _rng(seed, 6))
        chosen = choose_estates(lots, plan, estates, _rng(seed, 7))
        if chosen is not None:
            return _Site(fabric, lots, plan, built, chosen)
        room *= 1.125


class _Maker:
    """Makes the layers one after the other from the land."""

    def __init__(self, seed: int, site: _Site) -> None:
        self.seed = seed
        self.site = site
        self.names = Names(_rng(seed, 10))
        self.uid = uids("E", len(site.estate_lot))
        self.year = site.built_year[site.estate_lot]
        self.people = self._settle()

    def layers(self, tell: Progress) -> list[Layer]:
        """Return all layers."""
        site, names = self.site, self.names
        line_name = name_streets(site.fabric, names)
        gates = open_gates(site.estate_lot, site.plan, _rng(self.seed, 12))
        people = np.bincount(self.people.estate, weights=self.people.homes.people).astype(float)
        communities = found(site.fabric, site.lots.block[site.estate_lot], people)
        home = communities.of_block[site.lots.block[site.estate_lot]]
        community_name, subdistrict_name = self._areas(communities)
        estates = self._estates(
            line_name, gates, home, communities, community_name, subdistrict_name
        )
        estate_names = [str(name) for name in estates.frame["name"]]
        tell(0.5, "streets and walls")
        streets = street_layer(site.fabric, names, line_name, site.estate_lot, gates, site.plan)
        walls = self._walls(gates)
        tell(0.7, "facilities")
        parks = self._parks()
        town = Town(
            site.fabric, site.lots, site.plan, site.estate_lot, parks, communities,
            community_name, subdistrict_name, line_name, names,
            float(self.people.homes.people.sum()),
        )  # fmt: skip
        green = site.lots.shape[parks]
        park_xy = shapely.get_coordinates(
            shapely.point_on_surface(np.array([*green, *bank_parks(site.fabric)], dtype=object))
        )
        facilities, filled = facility_layer(town, np.round(park_xy, 3), _rng(self.seed, 14))
        sites, empty = site_layer(town, filled, _rng(self.seed, 15))
        tell(0.8, "pipelines and projects")
        river = river_polygon(site.fabric.terrain)
        return [
            estates,
            self._buildings(town, filled, empty, estate_names),
            self._gates(gates),
            walls,
            facilities,
            sites,
            pipeline_layer(
                site.fabric, line_name, site.estate_lot, estate_names, self.year, site.plan,
                _rng(self.seed, 16),
            ),
            streets,
            barrier_layer(site.fabric, river, names),
            self._communities(communities, home, community_name, subdistrict_name),
            green_layer(site.fabric, green, names),
            water_layer(river, names),
            heights_layer(site.fabric, shapely.total_bounds(site.fabric.face)),
            project_layer(
                estates.geometries, self.uid, estate_names, self.year,
                estates.numbers("households"), names.words["other"]["contractors"],
                _rng(self.seed, 17),
            ),
        ]  # fmt: skip

    def _settle(self) -> _People:
        site = self.site
        row_of = np.full(len(site.lots), -1)
        row_of[site.estate_lot] = np.arange(len(site.estate_lot))
        house = np.flatnonzero(row_of[site.plan.house_lot] >= 0)
        estate = row_of[site.plan.house_lot[house]]
        order = np.lexsort((house, site.plan.house_row[house], estate))
        house, estate = house[order], estate[order]
        rng = _rng(self.seed, 11)
        homes = settle(estate, site.plan.house_length_m[house], self.year, rng)
        count = len(site.estate_lot)
        told = np.full(count, 2)
        some = rng.permutation(count)
        nothing = NOTHING_KNOWN if count >= 60 else int(count >= 20)
        told[some[:nothing]] = 0
        told[some[nothing : nothing + round(count * NO_PEOPLE_SHARE)]] = 1
        return _People(estate, house, homes, told)

    def _known(self, column: str, values: Any, estate: Any) -> Any:
        """Return ``values`` with NaN where the estate's records do not say."""
        need = 1 if column == "households" else 2
        return np.where(self.people.told[estate] >= need, values, np.nan)

    def _sums(self, column: str) -> Any:
        count = len(self.uid)
        values = getattr(self.people.homes, column)
        total = np.bincount(self.people.estate, weights=values, minlength=count)
        return self._known(column, total, np.arange(count))

    def _areas(self, communities: Communities) -> tuple[list[str], list[str]]:
        """Return the names of communities and subdistricts."""
        words = self.names.words["communities"]
        named = [
            self.names.once(self.names.root() + words["suffix"]) for _ in communities.subdistrict
        ]
        count = int(communities.subdistrict.max()) + 1
        order = _rng(self.seed, 18).permutation(len(words["subdistricts"]))
        roots = [words["subdistricts"][order[k % len(order)]] for k in range(count)]
        ending = words["subdistrict_suffix"]
        return named, [self.names.once(root + ending, pattern="{name}{number}片") for root in roots]

    def _estates(
        self, line_name: list[str | None], gates: Gates, home: Ints, communities: Communities,
        community_name: list[str], subdistrict_name: list[str],
    ) -> Layer:  # fmt: skip
        site, names, people = self.site, self.names, self.people
        rng = _rng(self.seed, 13)
        first = np.unique(gates.estate, return_index=True)[1]
        lines = site.fabric.mesh.edge_line[site.plan.foot_edge[gates.spot[first]]]
        streets = [line_name[int(line)] or "云溪路" for line in lines]
        count = len(self.uid)
        foot = shapely.area(site.plan.house[people.house]) * people.homes.storeys
        households = self._sums("households")
        words = names.words["estates"]
        firms = [*words["managers"], words["self_run"], words["self_run"], words["unit_run"], None]
        cost = households * YUAN_PER_HOUSEHOLD * rng.lognormal(0.0, 0.2, count)
        return make_layer(
            "estates",
            site.lots.shape[site.estate_lot],
            {
                "uid": self.uid,
                "name": [names.estate(int(y), s) for y, s in zip(self.year, streets, strict=True)],
                "address": [
                    f"{s}{n}号" for s, n in zip(streets, rng.integers(1, 200, count), strict=True)
                ],
                "community": [community_name[int(k)] for k in home],
                "subdistrict": [
                    subdistrict_name[int(communities.subdistrict[int(k)])] for k in home
                ],
                **{column: self._sums(column) for column in _PEOPLE},
                "buildings": np.bincount(people.estate, minlength=count).astype(float),
                "floor_area_m2": np.round(
                    np.bincount(people.estate, weights=foot, minlength=count)
                ),
                "land_area_m2": np.round(site.lots.area_m2[site.estate_lot]),
                "built_year": self.year,
                "manager": pick(rng, firms, count),
                "cost_yuan": np.where(self.year <= 2000, np.round(cost, -4), np.nan),
            },
        )

    def _buildings(self, town: Town, filled: Ints, empty: Ints, estate_names: list[str]) -> Layer:
        """Return the houses of the estates, then what stands on the other plots."""
        site, people = self.site, self.people
        rng = _rng(self.seed, 19)
        lots, uses = other_use(town, filled, rng)
        use_of = dict(zip(lots.tolist(), uses, strict=True))
        used = np.setdiff1d(lots, np.concatenate([town.parks, empty]))
        more = np.flatnonzero(np.isin(site.plan.house_lot, used))
        more = more[rng.random(len(more)) < 0.6]
        none = np.full(len(more), np.nan)
        number = np.arange(len(people.estate)) - np.searchsorted(people.estate, people.estate) + 1
        shapes = np.concatenate([site.plan.house[people.house], site.plan.house[more]])
        storeys = np.concatenate([people.homes.storeys, rng.integers(1, 6, len(more))])
        year = np.concatenate([self.year[people.estate], rng.integers(1978, 2019, len(more))])
        columns: dict[str, Any] = {
            "uid": uids("U", len(shapes)),
            "name": [
                f"{estate_names[e]}{n}栋" for e, n in zip(people.estate, number, strict=True)
            ] + [None] * len(more),
            "estate": [self.uid[e] for e in people.estate] + [None] * len(more),
            "storeys": storeys,
            "units": np.concatenate([people.homes.units, none]),
            "built_year": year.astype(float),
            "floor_area_m2": np.round(shapely.area(shapes) * storeys),
            "lift": np.concatenate([people.homes.storeys > 7, np.full(len(more), False)]),
            "structure": np.where(storeys > 7, "钢筋混凝土", np.where(year < 1990, "砖混", "框架")),
            "use": ["住宅"] * len(people.estate)
            + [use_of[lot] for lot in site.plan.house_lot[more].tolist()],
        }  # fmt: skip
        for column in _PEOPLE:
            own = self._known(column, getattr(people.homes, column), people.estate)
            columns[column] = np.concatenate([own, none])
        return make_layer("buildings", shapes, columns)

    def _gates(self, gates: Gates) -> Layer:
        rng = _rng(self.seed, 20)
        shown = np.flatnonzero(gates.mapped[gates.estate])
        first = np.searchsorted(gates.estate, gates.estate)
        number = (np.arange(len(gates.estate)) - first)[shown]
        words = ("大门", "侧门", "后门", "小门")
        night = rng.random(len(shown)) < 0.18
        access = [gates.access[k] for k in shown]
        return make_layer(
            "gates",
            shapely.points(self.site.plan.spot_xy[gates.spot[shown]]),
            {
                "uid": uids("G", len(shown)),
                "name": [words[int(n)] for n in number],
                "estate": [self.uid[e] for e in gates.estate[shown]],
                "access": access,
                "hours": [
                    "06:00-23:00" if late and word == "walkers" else None
                    for late, word in zip(night, access, strict=True)
                ],
                "width_m": gates.width_m[shown],
            },
        )

    def _walls(self, gates: Gates) -> Layer:
        site = self.site
        walls = build_walls(site.lots, site.estate_lot, gates, site.plan, _rng(self.seed, 21))
        return make_layer(
            "walls",
            walls.shape,
            {
                "uid": uids("K", len(walls.shape)),
                "estate": [self.uid[e] for e in walls.estate],
                "height_m": walls.height_m,
                "removable": list(walls.removable),
                "cost_yuan": walls.cost_yuan,
            },
            extra={"neighbour": [self.uid[e] if e >= 0 else None for e in walls.beyond]},
        )

    def _parks(self) -> Ints:
        """Return the plots that are parks: few in the old quarter, none of the largest."""
        site = self.site
        rng = _rng(self.seed, 22)
        free = np.setdiff1d(np.arange(len(site.lots)), site.estate_lot)
        fit = rng.random(len(free)) - 0.5 * site.lots.old[free]
        count = max(1, round(PARK_SHARE * len(free)))
        return np.sort(free[np.argsort(-fit, kind="stable")[:count]])

    def _communities(
        self, communities: Communities, home: Ints, names: list[str], subdistricts: list[str]
    ) -> Layer:
        """Return the communities; their own rolls know all people, also where estates do not."""
        count = len(names)
        of_house = home[self.people.estate]
        sums = {
            column: np.bincount(
                of_house, weights=getattr(self.people.homes, column), minlength=count
            )
            for column in _PEOPLE
        }
        return make_layer(
            "communities",
            communities.shape,
            {
                "uid": uids("C", count),
                "name": names,
                "subdistrict": [subdistricts[int(k)] for k in communities.subdistrict],
                **sums,
            },
        )
