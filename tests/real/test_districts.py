"""Districts on real estates and on a published instance of which every plan is known."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from gis.crs import shift_geometries
from gis.districts import Adjacency, check_partition, check_plan, partition, plan_districts
from gis.districts.neighbours import LinkOptions, neighbours
from gis.model import KINDS, Layer, Study, empty_frame

BEIJING, ZIBO = "EPSG:4548", "EPSG:4548"


def layer(kind: str, geometry: gpd.GeoSeries, **columns: list[object]) -> Layer:
    frame = empty_frame(KINDS[kind], crs=geometry.crs)
    columns.setdefault("uid", [f"{kind[0].upper()}{i}" for i in range(len(geometry))])
    data = {
        c.name: pd.Series(columns.get(c.name, [None] * len(geometry)), dtype=object).astype(
            frame[c.name].dtype
        )
        for c in KINDS[kind].columns
    }
    shapes = geometry.reset_index(drop=True)
    return Layer(KINDS[kind], gpd.GeoDataFrame(data, geometry=shapes, crs=geometry.crs))


@pytest.fixture(scope="module")
def fl25(shared_data: Path) -> dict[str, np.ndarray]:
    folder = shared_data / "bench-redist-fl25"
    near = json.loads((folder / "fl25_adj.json").read_text())
    features = json.loads((folder / "fl25.geojson").read_text())["features"]
    people = np.array([f["properties"]["pop"] for f in features])
    with np.load(folder / "fl25_enum.npz") as arrays:
        plans = arrays["plans"]
    plans = plans if plans.shape[1] == 25 else plans.T
    people_of_each = np.stack([(plans == d) @ people for d in np.unique(plans)], axis=1)
    worst = np.abs(people_of_each / (people.sum() / 3) - 1).max(axis=1)
    links = np.array([(i, j) for i, js in enumerate(near) for j in js if i < j])
    cut = (plans[:, links[:, 0]] != plans[:, links[:, 1]]).sum(axis=1)
    return {"links": links, "people": people, "worst": worst, "cut": cut}


def bounds(people: np.ndarray, share: float) -> dict[str, float]:
    mean = people.sum() / 3
    return {"low": mean * (1 - share), "high": mean * (1 + share)}


def test_the_best_balance_of_all_117688_plans_is_found_and_proved(fl25):
    asked = bounds(fl25["people"], 0.1)
    found = partition(fl25["links"], fl25["people"], count=3, objective="balance", **asked)
    assert len(fl25["worst"]) == 117_688
    assert found.objective == pytest.approx(fl25["worst"].min())
    assert round(100 * found.objective, 4) == 0.7187
    assert found.status == "optimal"
    assert check_partition(fl25["links"], fl25["people"], found.label, count=3, **asked) == ()


@pytest.mark.parametrize(("share", "plans"), [(0.01, 8), (0.05, 192), (0.1, 927)])
def test_the_fewest_cut_links_of_all_plans_within_bounds_are_found(fl25, share, plans):
    allowed = fl25["worst"] <= share
    assert allowed.sum() == plans
    found = partition(fl25["links"], fl25["people"], count=3, **bounds(fl25["people"], share))
    assert found.objective == fl25["cut"][allowed].min()
    assert found.status == "optimal"


def test_bounds_that_no_plan_keeps_are_proved_impossible(fl25):
    found = partition(fl25["links"], fl25["people"], count=3, **bounds(fl25["people"], 0.007))
    assert found.status == "infeasible"


@pytest.fixture(scope="module")
def shijingshan(shared_data: Path) -> Study:
    folder = shared_data / "cn-giscontest2019"
    estates = gpd.read_file(folder / "居住小区.shp").to_crs(BEIJING)
    streets = gpd.read_file(folder / "道路除高架.shp").to_crs(BEIJING)
    return Study(
        {
            "estates": layer("estates", estates.geometry),
            "streets": layer("streets", streets.geometry, highway=list(streets["fclass"])),
        }
    )


def test_shijingshan_falls_into_walkable_districts_of_4_to_12_estates(shijingshan):
    plan = plan_districts(shijingshan, sizes={"count": (4, 12)})
    assert check_plan(plan, shijingshan.layer("estates")) == ()
    table = plan.table(shijingshan.layer("estates"))
    assert table["estates"].between(4, 12).all()
    assert table["estates"].sum() + len(plan.left_out) == 303
    assert len(plan.left_out) <= 40, "39 estates stand in groups of less than four"
    assert all(item.proved for item in plan.left_out)
    assert all("total reachable estates" in item.reason for item in plan.left_out)
    assert plan.adjacency.metres.max() <= 800


def test_shijingshan_districts_are_within_a_walk_of_their_middle(shijingshan):
    plan = plan_districts(shijingshan, sizes={"count": (3, 12)}, max_walk_minutes=15)
    assert check_plan(plan, shijingshan.layer("estates")) == ()
    placed = np.array([d is not None for d in plan.district])
    xy = shapely.get_coordinates(shijingshan.layer("estates").geometries)
    assert placed.sum() >= 220
    for name in plan.districts:
        own = xy[plan.district == name]
        far = np.hypot(*(own[:, None] - own[None]).T).max(axis=0)
        assert far.min() <= 900, "what is walked in 15 minutes is no farther as the crow flies"


@pytest.fixture(scope="module")
def zibo(shared_data: Path) -> Study:
    estates = gpd.read_file(shared_data / "cn-zibo" / "居民小区.geojson").to_crs(ZIBO)
    sound = shapely.make_valid(np.asarray(estates.geometry.array, dtype=object))
    areas = [
        shapely.multipolygons([p for p in shapely.get_parts(s) if p.geom_type == "Polygon"])
        for s in sound
    ]
    return Study({"estates": layer("estates", gpd.GeoSeries(areas, crs=ZIBO))})


def test_zibo_estates_with_touching_outlines_make_districts(zibo):
    plan = plan_districts(zibo, sizes={"count": (4, 12)}, links=LinkOptions(kind="touch"))
    assert check_plan(plan, zibo.layer("estates")) == ()
    table = plan.table(zibo.layer("estates"))
    assert table["estates"].between(4, 12).all()
    assert table["estates"].sum() + len(plan.left_out) == 359
    assert all(item.reason for item in plan.left_out)
    assert plan.adjacency.metres.max() <= 30


# --- neighbours

CLASSES = {"快速路": "trunk", "主干道": "primary", "次干道": "secondary", "支路": "tertiary"}


@pytest.fixture(scope="module")
def zibo_streets(shared_data: Path, zibo: Study) -> Study:
    """Zibo on its main roads: the outlines are shifted as map providers shift them, these not."""
    outlines = gpd.GeoSeries(zibo.layer("estates").frame.geometry).to_crs("EPSG:4326")
    placed = shift_geometries(outlines, coords="gcj02").set_crs("EPSG:4326", allow_override=True)
    roads = gpd.read_file(shared_data / "cn-zibo" / "roads_wgs.geojson").to_crs(ZIBO)
    return Study(
        {
            "estates": layer("estates", placed.to_crs(ZIBO)),
            "streets": layer(
                "streets", roads.geometry, name=list(roads["道路名称"]),
                highway=[CLASSES[c] for c in roads["道路等级"]],
            ),
        }
    )  # fmt: skip


def everyone(study: Study, **options: object) -> tuple[Adjacency, np.ndarray]:
    """Neighbours of all estates, and how many links each has."""
    count = len(study.layer("estates"))
    found = neighbours(study, np.arange(count), options=LinkOptions(**options))
    return found, found.degree(count)


def told_why(found: Adjacency, degree: np.ndarray) -> bool:
    """Whether each estate without a link is told its nearest other one and the reason."""
    told = found.nearest_beyond(np.arange(len(degree)))
    return all(told[int(row)][1] for row in np.flatnonzero(degree == 0))


def test_neighbours_in_shijingshan_walk_at_most_800_m_and_the_others_are_told_why(shijingshan):
    found, degree = everyone(shijingshan)
    assert 310 <= len(found) <= 330, "321 when this was written"
    assert set(found.how) == {"walk"}
    assert found.walk_m.max() <= 800
    assert (found.walk_m >= found.gap_m - 0.05).all(), "no walk is shorter than the crow's flight"
    assert (degree == 0).sum() <= 24
    assert told_why(found, degree)
    assert (found.beyond_m[found.beyond_why == "far"] > 800).all()


def test_arterials_part_shijingshan_and_never_add_a_way(shijingshan):
    free, _ = everyone(shijingshan)
    parted, degree = everyone(shijingshan, arterials=True)
    walked = {tuple(p): m for p, m in zip(free.links.tolist(), free.metres, strict=True)}
    kept = {tuple(p): m for p, m in zip(parted.links.tolist(), parted.metres, strict=True)}
    # What is parted may leave an estate nearer to another one than to those it met before.
    assert sum(pair in walked for pair in kept) >= 0.9 * len(kept)
    assert all(metres >= walked[pair] - 0.01 for pair, metres in kept.items() if pair in walked)
    assert (parted.beyond_why == "arterial").sum() >= 50
    assert told_why(parted, degree)


def test_no_link_of_zibo_touches_across_an_expressway_and_each_lone_estate_is_told_why(
    zibo_streets,
):
    found, degree = everyone(zibo_streets, kind="touch")
    assert 240 <= len(found) <= 265, "252 when this was written"
    assert told_why(found, degree)
    shapes = zibo_streets.layer("estates").geometries
    frame = zibo_streets.frame("streets")
    fast = shapely.union_all(frame.geometry[frame["highway"] == "trunk"].to_numpy())
    between = shapely.shortest_line(shapes[found.links[:, 0]], shapes[found.links[:, 1]])
    assert not shapely.intersects(between, fast).any()
    assert (shapely.distance(shapes[found.links[:, 0]], shapes[found.links[:, 1]]) <= 30.01).all()


def test_walls_join_estates_of_zibo_that_the_few_streets_leave_apart(zibo_streets):
    found, degree = everyone(zibo_streets)
    without, _ = everyone(zibo_streets, walls=False)
    wall = found.how == "wall"
    assert 25 <= wall.sum() <= 40, "33 when this was written"
    assert (found.gap_m[wall] <= 10).all()
    assert (found.shared_m[wall] >= 20).all()
    assert (found.how != "wall").sum() == len(without)
    street = found.how == "street"
    assert ((found.gap_m[street] > 10) & (found.gap_m[street] <= 60)).all()
    assert (found.shared_m[street] >= 20).all()
    assert (found.walk_m[street] <= 800).all()
    assert told_why(found, degree)
