"""The made-up city keeps its promises: believable, consistent, the same from the same seed."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gis.crs import require_measurable
from gis.errors import OptionError
from gis.model import KINDS, Categories, Study
from gis.sample import CITY_NAME, make_city
from gis.sample.names import Names, chinese_number
from gis.sample.streets import build_mesh
from gis.sample.terrain import Layout, Terrain

SEED = 1


@pytest.fixture(scope="module")
def city() -> Study:
    return make_city(seed=SEED)


@pytest.fixture(scope="module")
def town() -> Study:
    """A city of another seed and size, so that no promise holds by luck alone."""
    return make_city(seed=7, estates=45)


@pytest.fixture(params=["city", "town"])
def either(request: pytest.FixtureRequest) -> Study:
    study = request.getfixturevalue(request.param)
    assert isinstance(study, Study)
    return study


def digest(study: Study) -> str:
    parts = hashlib.sha256()
    for kind, layer in sorted(study.layers.items()):
        parts.update(kind.encode())
        parts.update(b"".join(shapely.to_wkb(layer.geometries)))
        parts.update(pd.DataFrame(layer.frame.drop(columns="geometry")).to_csv().encode())
    return parts.hexdigest()


def ends_of(lines: np.ndarray) -> tuple[np.ndarray, int]:
    """(n, 2) numbers of the junctions at both ends, and how many junctions there are."""
    both = np.stack(
        [shapely.get_coordinates(shapely.get_point(lines, at)) for at in (0, -1)], axis=1
    )
    _, number = np.unique(both.reshape(-1, 2), axis=0, return_inverse=True)
    return number.reshape(-1, 2), int(number.max()) + 1


def components(ends: np.ndarray, count: int) -> np.ndarray:
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1]


def crossing_pairs(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(2, k) rows of ``one`` and ``other`` that cross or touch."""
    return shapely.STRtree(other).query(one, predicate="intersects")


# --- the same in, the same out ---------------------------------------------------------------


def test_the_same_seed_gives_the_same_city():
    assert digest(make_city(seed=5, estates=12)) == digest(make_city(seed=5, estates=12))


def test_another_seed_gives_another_city():
    assert digest(make_city(seed=5, estates=12)) != digest(make_city(seed=6, estates=12))


def test_drawing_from_the_global_random_state_changes_nothing():
    np.random.seed(3)  # noqa: NPY002
    first = digest(make_city(seed=5, estates=12))
    np.random.seed(4)  # noqa: NPY002
    assert digest(make_city(seed=5, estates=12)) == first


# --- size -------------------------------------------------------------------------------------


def test_the_city_has_every_kind_of_layer_but_plans(city):
    assert set(city.layers) == set(KINDS) - {"plan"}
    assert all(len(layer) > 0 for layer in city.layers.values())
    assert city.name == CITY_NAME == "云溪市（示例）"


@pytest.mark.parametrize("estates", [1, 2, 10, 33])
def test_there_are_as_many_estates_as_asked_for(estates):
    assert len(make_city(seed=3, estates=estates).layers["estates"]) == estates


def test_by_default_140_estates_hold_about_a_hundred_thousand_people(city):
    assert len(city.layers["estates"]) == 140
    people = city.frame("communities")["people"].sum()
    assert 90_000 <= people <= 130_000


def test_a_city_of_ten_times_the_estates_has_about_ten_times_the_streets(city):
    small = make_city(seed=2, estates=50).layers["streets"].geometries
    large = make_city(seed=2, estates=500).layers["streets"].geometries
    assert 7 < shapely.length(large).sum() / shapely.length(small).sum() < 13


@pytest.mark.parametrize(("seed", "estates"), [(-1, 10), (1, 0), (1, 100_001)])
def test_numbers_out_of_range_are_refused(seed, estates):
    with pytest.raises(OptionError, match=r"give"):
        make_city(seed=seed, estates=estates)


def test_progress_runs_from_nothing_to_done():
    told: list[float] = []
    make_city(seed=1, estates=5, progress=lambda share, what: told.append(share))
    assert told[0] == 0.0
    assert told[-1] == 1.0
    assert told == sorted(told)


# --- ground -----------------------------------------------------------------------------------


def test_lengths_can_be_measured_in_its_coordinates(city):
    bounds = city.frame("communities").to_crs(4326).total_bounds
    require_measurable(city.crs, tuple(bounds))
    assert 107 < bounds[0] < bounds[2] < 108
    assert 29 < bounds[1] < bounds[3] < 30


def test_the_river_is_wider_than_sixty_metres_everywhere(either):
    river = either.layers["water"].geometries[0]
    # What is left after taking 30 m off both banks is still one piece, as long as before.
    core = river.buffer(-30)
    assert core.geom_type == "Polygon"
    assert core.length > 0.9 * (river.length - 2 * 60) - 200


def test_map_and_plan_positions_are_the_same_place():
    terrain = Terrain(Layout.for_estates(140), np.random.default_rng(1))
    st = np.random.default_rng(2).uniform([0, -900], [2500, 900], (200, 2))
    assert np.abs(terrain.to_plan(terrain.to_map(st)) - st).max() < 1.0


def test_hills_rise_on_both_sides_of_the_river(city):
    heights = city.frame("heights")
    elevation = heights["elevation_m"]
    near = heights.distance(city.layers["water"].geometries[0])
    assert elevation[near > 900].mean() > elevation[near < 200].mean() + 40


def test_no_quarter_shrinks_to_nothing_however_long_the_city():
    layout = Layout(48_000.0, (-560.0, -504.0, -448.0, -98.0, 98.0, 448.0, 520.0, 700.0))
    rng = np.random.default_rng(1)
    mesh = build_mesh(layout, Terrain(layout, rng), rng)
    assert mesh.side_lengths_m().min() > 15.0


# --- estates ----------------------------------------------------------------------------------


def test_no_estate_building_facility_or_site_lies_in_the_river(either):
    river = either.layers["water"].geometries[0]
    for kind in ("estates", "buildings", "facilities", "sites", "gates"):
        assert not shapely.intersects(either.layers[kind].geometries, river).any(), kind


def test_estates_do_not_overlap(either):
    shapes = either.layers["estates"].geometries
    a, b = crossing_pairs(shapes, shapes)
    over = shapely.area(shapely.intersection(shapes[a[a < b]], shapes[b[a < b]]))
    assert over.max(initial=0.0) < 0.01


def test_no_street_of_the_city_runs_through_an_estate(either):
    streets = either.frame("streets")
    city_streets = streets[~streets["highway"].isin(["service", "footway"])]
    pairs = crossing_pairs(city_streets.geometry.to_numpy(), either.layers["estates"].geometries)
    assert pairs.shape[1] == 0


def test_every_house_stands_inside_its_estate_and_apart_from_others(either):
    houses = either.frame("buildings")
    homes = houses[houses["estate"].notna()]
    estates = either.frame("estates").set_index("uid")
    own = estates.geometry.loc[homes["estate"]].to_numpy()
    assert shapely.contains(own, homes.geometry.to_numpy()).all()
    shapes = houses.geometry.to_numpy()
    a, b = crossing_pairs(shapes, shapes)
    assert (a == b).all()


def test_people_of_an_estate_are_the_sum_of_its_houses(either):
    houses = either.frame("buildings")
    estates = either.frame("estates").set_index("uid")
    for column in ("households", "people", "people_60plus", "children_0_2", "children_3_5"):
        sums = houses.groupby("estate")[column].sum(min_count=1).reindex(estates.index)
        known = estates[column].notna()
        assert (sums[known] == estates[column][known]).all(), column
        assert sums[~known].isna().all(), column
    assert (houses.groupby("estate").size().reindex(estates.index) == estates["buildings"]).all()


def test_a_few_estates_have_no_people_and_two_have_not_even_households(city):
    estates = city.frame("estates")
    assert estates["households"].isna().sum() == 2
    assert estates["people"].isna().sum() == 7
    assert estates["people_60plus"].isna().equals(estates["people"].isna())


def test_ages_and_household_sizes_are_those_of_chinese_old_estates(city):
    rolls = city.frame("communities").sum(numeric_only=True)
    assert 2.5 < rolls["people"] / rolls["households"] < 2.75
    assert 0.22 < rolls["people_60plus"] / rolls["people"] < 0.32
    assert 0.015 < rolls["children_0_2"] / rolls["people"] < 0.028
    assert 0.018 < rolls["children_3_5"] / rolls["people"] < 0.034
    assert 200 < city.frame("estates")["households"].median() < 300


def test_most_estates_are_old_and_some_are_newer(either):
    built = either.frame("estates")["built_year"]
    assert built.between(1975, 2015).all()
    assert 0.6 < (built <= 2000).mean() < 0.95


def test_community_rolls_hold_at_least_the_people_their_estates_tell(either):
    told = either.frame("estates").groupby("community")["people"].sum()
    rolls = either.frame("communities").set_index("name")["people"]
    assert (rolls.loc[told.index] >= told).all()


def test_estates_lie_in_their_communities_which_do_not_overlap(either):
    areas = either.frame("communities")
    estates = either.frame("estates")
    home = areas.set_index("name").loc[estates["community"]]
    assert shapely.covers(home.geometry.to_numpy(), estates.geometry.to_numpy()).all()
    assert (home["subdistrict"].to_numpy() == estates["subdistrict"].to_numpy()).all()
    shapes = areas.geometry.to_numpy()
    assert shapely.area(shapes).sum() - shapely.union_all(shapes).area < 1.0


def test_there_are_twelve_or_more_communities_in_four_to_six_subdistricts(city):
    areas = city.frame("communities")
    assert 12 <= len(areas) <= 20
    assert 4 <= areas["subdistrict"].nunique() <= 6
    assert areas["people"].median() > 4_000


# --- gates and walls --------------------------------------------------------------------------


def test_every_gate_stands_on_the_boundary_of_its_estate(either):
    gates = either.frame("gates")
    estates = either.frame("estates").set_index("uid")
    rim = shapely.boundary(estates.geometry.loc[gates["estate"]].to_numpy())
    assert shapely.distance(rim, gates.geometry.to_numpy()).max() < 0.5
    assert gates.groupby("estate").size().between(1, 4).all()


def test_ten_estates_have_no_mapped_gates_and_others_may_be_closed_or_for_cars(city):
    gates = city.frame("gates")
    assert 140 - gates["estate"].nunique() == 10
    assert set(gates["access"]) == {"both", "walkers", "cars", "closed"}
    # Nobody is locked in: each has one gate that lets people through.
    opens = gates["access"].isin(["both", "walkers"]).groupby(gates["estate"]).any()
    assert opens.all()


def test_walls_and_gate_openings_make_up_the_whole_boundary(either):
    gates = either.frame("gates")
    estates = either.frame("estates").set_index("uid")
    walls = shapely.union_all(either.layers["walls"].geometries).buffer(0.01)
    for uid in sorted(gates["estate"].unique()):
        own = gates[(gates["estate"] == uid) & (gates["access"] != "closed")]
        holes = shapely.union_all(
            shapely.buffer(own.geometry.to_numpy(), own["width_m"].to_numpy() / 2 + 0.01)
        )
        bare = estates.geometry[uid].boundary.difference(walls).difference(holes)
        assert bare.length < 0.1, uid


def test_no_way_that_can_be_walked_runs_through_a_wall_or_a_house(either):
    streets = either.layers["streets"].geometries
    assert crossing_pairs(streets, either.layers["walls"].geometries).shape[1] == 0
    assert crossing_pairs(streets, either.layers["buildings"].geometries).shape[1] == 0


def test_some_walls_between_neighbours_could_be_opened_at_a_price(city):
    walls = city.frame("walls")
    shared = walls[walls["neighbour"].notna()]
    assert len(shared) >= 8
    assert shared["removable"].any()
    assert not shared["removable"].all()
    assert (walls["removable"].to_numpy(dtype=bool) == walls["cost_yuan"].notna()).all()
    estates = city.frame("estates").set_index("uid").geometry
    far = shapely.distance(estates.loc[shared["neighbour"]].to_numpy(), shared.geometry.to_numpy())
    assert far.max() < 0.01


def test_a_wall_between_two_estates_is_drawn_once(either):
    walls = either.layers["walls"].geometries
    assert shapely.length(walls).sum() == pytest.approx(shapely.union_all(walls).length, abs=0.01)


# --- streets ----------------------------------------------------------------------------------


def test_all_streets_hang_together(either):
    lines = either.layers["streets"].geometries
    ends, count = ends_of(lines)
    label = components(ends, count)[ends[:, 0]]
    length = np.bincount(label, weights=shapely.length(lines))
    assert length.max() >= 0.95 * length.sum()


def test_streets_have_ten_classes_among_them_steps_and_lanes(city):
    words = set(city.frame("streets")["highway"])
    assert {"motorway", "primary", "secondary", "tertiary", "residential"} <= words
    assert {"living_street", "service", "footway", "steps", "motorway_link"} <= words


def test_the_banks_are_joined_by_bridges_alone(either):
    streets = either.frame("streets")
    lines = streets.geometry.to_numpy()
    bridge = streets["bridge"].to_numpy(dtype=bool)
    river = either.layers["water"].geometries[0]
    wet = shapely.intersects(lines, river)
    assert bridge[wet].all()
    assert 3 <= wet.sum() <= 9
    ends, count = ends_of(lines)
    dry = components(ends[~wet], count)
    assert (dry[ends[wet, 0]] != dry[ends[wet, 1]]).all()


def test_railway_and_expressway_are_crossed_on_another_level_only(either):
    streets = either.frame("streets")
    barriers = either.frame("barriers").set_index("barrier").geometry
    level = streets["bridge"].to_numpy(dtype=bool) | streets["tunnel"].to_numpy(dtype=bool)
    own = streets["highway"].str.startswith("motorway").to_numpy()
    for kind in ("railway", "expressway"):
        over = shapely.intersects(streets.geometry.to_numpy(), barriers[kind])
        assert (level | own)[over].all(), kind
        assert 2 <= (over & ~own).sum() <= 8, kind


def test_every_gate_for_walkers_is_the_end_of_a_lane(either):
    gates = either.frame("gates")
    walked = gates[gates["access"].isin(["both", "walkers"])]
    _, row = np.unique(walked["estate"], return_index=True)
    assert len(row) > 0
    lines = either.layers["streets"].geometries
    tips = {
        tuple(point)
        for at in (0, -1)
        for point in shapely.get_coordinates(shapely.get_point(lines, at)).tolist()
    }
    assert all(tuple(point) in tips for point in shapely.get_coordinates(walked.geometry).tolist())


# --- what is in the city ----------------------------------------------------------------------


def test_every_category_has_a_facility(either):
    assert set(either.frame("facilities")["category"]) == set(Categories.load())


def test_shops_are_many_and_places_for_the_old_and_the_young_are_few(city):
    count = city.frame("facilities")["category"].value_counts()
    communities = len(city.layers["communities"])
    assert count["convenience_store"] > 4 * communities
    assert count["elderly_daycare"] < communities
    assert count["nursery"] < communities


def test_facilities_stand_in_a_community_and_none_within_a_street(either):
    points = either.layers["facilities"].geometries
    built = shapely.union_all(either.layers["communities"].geometries)
    green = shapely.union_all(either.layers["green"].geometries)
    assert (shapely.covers(built, points) | shapely.covers(green, points)).all()
    streets = either.frame("streets")
    cars = streets[streets["highway"].isin(["primary", "secondary", "tertiary", "residential"])]
    tree = shapely.STRtree(cars.geometry.to_numpy())
    near, metres = tree.query_nearest(points, return_distance=True, all_matches=False)
    away, half = metres, cars["width_m"].to_numpy()[near[1]] / 2
    assert (away > half - 2.0).all()


def test_sites_are_rooms_and_plots(either):
    sites = either.frame("sites")
    assert len(sites) >= 6
    assert (sites["floor_area_m2"].notna() ^ sites["land_area_m2"].notna()).all()


def test_seven_kinds_of_pipes_lie_under_the_city(either):
    pipes = either.frame("pipelines")
    assert set(pipes["pipe"]) == {
        "water", "storm", "sewer", "combined", "gas", "power", "telecom"
    }  # fmt: skip
    # Under the streets of the old quarter, not only in the estates, rain and waste share a sewer.
    assert (pipes["diameter_mm"][pipes["pipe"] == "combined"] >= 600).any()
    built = pipes["built_year"].dropna()
    assert built.between(1975, 2020).all()
    assert pipes["built_year"].isna().any()
    assert pipes["planned_year"].dropna().between(2026, 2030).all()
    assert pipes["planned_year"].notna().any()


def test_projects_are_in_every_stage_with_money_and_dates_that_fit(city):
    projects = city.frame("projects")
    stages = {word for word, _ in KINDS["projects"].column("stage").words}
    assert set(projects["stage"]) == stages
    assert (projects["spent_yuan"] <= projects["planned_yuan"]).all()
    begun = projects["stage"].isin(["works", "acceptance", "closed"])
    assert projects["start"].notna().equals(begun)
    assert projects["start"].dropna().between("2023-01-01", "2026-12-31").all()
    ended = projects["end"].notna()
    assert (projects["end"][ended] > projects["start"][ended]).all()
    assert (projects["progress"][~begun] == 0).all()
    assert (projects["consent_share"][begun] >= 0.8).all()
    households = city.frame("estates").set_index("uid")["households"]
    each = projects["planned_yuan"] / households.loc[projects["estate"]].to_numpy()
    assert 20_000 < each.median() < 34_000


def test_only_estates_of_2000_or_older_are_renewed_and_about_half_of_them(city):
    estates = city.frame("estates").set_index("uid")
    projects = city.frame("projects")
    assert (estates["built_year"].loc[projects["estate"]] <= 2000).all()
    assert 0.4 < len(projects) / (estates["built_year"] <= 2000).sum() < 0.6


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["estates", "communities", "facilities", "sites", "green"])
def test_names_are_given_once(either, kind):
    names = either.frame(kind)["name"]
    assert names.notna().all()
    assert names.is_unique


def test_streets_that_cars_use_have_names(city):
    streets = city.frame("streets")
    main = streets[streets["highway"].isin(["primary", "secondary", "tertiary", "residential"])]
    named = main[~main["bridge"] & ~main["tunnel"]]
    assert named["name"].notna().all()
    assert named["name"].nunique() > 60


def test_a_name_that_is_taken_comes_back_with_a_number():
    names = Names(np.random.default_rng(1))
    told = [names.once("红旗小区", pattern="{name}{number}区") for _ in range(3)]
    assert told == ["红旗小区", "红旗小区二区", "红旗小区三区"]


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "一"), (10, "十"), (12, "十二"), (20, "二十"), (35, "三十五"), (100, "100")],
)
def test_numbers_in_chinese(number, words):
    assert chinese_number(number) == words
