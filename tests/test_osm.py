"""OpenStreetMap files to layers, on a made-up quarter of a few objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pytest
import shapely
from pyproj import CRS

from gis.errors import CrsError, FileError, InputError, LayerError
from gis.io.osm_tags import OsmTable
from gis.model import Categories
from gis.osm import OSM_KINDS, read_osm

LON, LAT = 106.9, 28.9
STEP = 0.001  # about 98 m east, 111 m north


class Quarter:
    """Builds OSM XML: nodes on a grid, ways along them, relations of ways."""

    def __init__(self) -> None:
        self.nodes: dict[tuple[float, float], int] = {}
        self.parts: list[str] = []
        self.named: dict[int, dict[str, str]] = {}
        self.ways = 100

    def node(self, x: float, y: float, **tags: str) -> int:
        number = self.nodes.setdefault((x, y), len(self.nodes) + 1)
        self.named.setdefault(number, {}).update(tags)
        return number

    def way(self, *places: tuple[float, float], **tags: str) -> int:
        self.ways += 1
        refs = "".join(f'<nd ref="{self.node(*place)}"/>' for place in places)
        self.parts.append(f'<way id="{self.ways}">{refs}{marks(tags)}</way>')
        return self.ways

    def square(self, x: float, y: float, **tags: str) -> int:
        return self.way((x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1), (x, y), **tags)

    def relation(self, number: int, members: dict[int, str], **tags: str) -> None:
        inner = "".join(f'<member type="way" ref="{w}" role="{r}"/>' for w, r in members.items())
        self.parts.append(f'<relation id="{number}">{inner}{marks(tags)}</relation>')

    def save(self, path: Path) -> Path:
        nodes = "".join(
            f'<node id="{n}" lon="{LON + x * STEP}" lat="{LAT + y * STEP}">'
            f"{marks(self.named[n])}</node>"
            for (x, y), n in self.nodes.items()
        )
        path.write_text(f'<osm version="0.6">{nodes}{"".join(self.parts)}</osm>', "utf-8")
        return path


def marks(tags: dict[str, str]) -> str:
    """Tags; a double underscore stands for the colon, so that keys can be keywords."""
    return "".join(f'<tag k="{k.replace("__", ":")}" v="{v}"/>' for k, v in tags.items())


@pytest.fixture
def quarter() -> Quarter:
    return Quarter()


def read(quarter: Quarter, folder: Path, **options: Any) -> dict[str, Any]:
    made = read_osm(quarter.save(folder / "q.osm"), target=options.pop("target", None), **options)
    return {layer.kind.name: (layer, report) for layer, report in made}


def test_stairs_lifts_and_crossings_with_lights_keep_what_slows_a_walk(
    quarter: Quarter, tmp_path: Path
) -> None:
    quarter.way((0, 0), (1, 0), highway="steps", step_count="48", width="2")
    quarter.way((1, 0), (2, 0), highway="footway", footway="crossing", crossing="traffic_signals")
    quarter.way((2, 0), (3, 0), highway="footway", crossing__signals="yes", step_count="many")
    quarter.way((3, 0), (4, 0), highway="elevator")
    quarter.way((4, 0), (5, 0), highway="footway", crossing="zebra", crossing__signals="no")
    frame = read(quarter, tmp_path)["streets"][0].frame

    assert frame["highway"].tolist()[::3] == ["steps", "elevator"]
    assert frame["risers"].fillna(-1).tolist() == [48, -1, -1, -1, -1]
    assert frame["signal"].fillna(False).tolist() == [False, True, True, False, False]
    assert frame["delay_s"].isna().all()


def test_streets_share_the_nodes_where_they_cross(quarter: Quarter, tmp_path: Path) -> None:
    quarter.way((0, 0), (1, 0), (2, 0), highway="residential", name="红旗路", width="7 m")
    quarter.way((1, -1), (1, 0), (1, 1), highway="steps", foot="yes", access="private")
    quarter.way((5, 0), (6, 0), highway="platform")
    layer, report = read(quarter, tmp_path)["streets"]
    assert layer.uids.tolist() == ["w101", "w102"]
    assert layer.frame["highway"].tolist() == ["residential", "steps"]
    assert layer.numbers("width_m")[0] == 7
    assert layer.frame["foot"].tolist()[1] == "yes"
    assert layer.frame["access"].tolist()[1] == "private"
    crossing = [shapely.get_coordinates(g)[1].tolist() for g in layer.geometries]
    assert crossing[0] == crossing[1]
    assert "platform (1)" in report.findings[0].message
    assert layer.crs.to_epsg() == 4545  # CM 108E
    assert shapely.length(layer.geometries[1]) == pytest.approx(222, abs=1)


def test_bridges_and_tunnels(quarter: Quarter, tmp_path: Path) -> None:
    quarter.way((0, 0), (1, 0), highway="primary", bridge="viaduct")
    quarter.way((1, 0), (2, 0), highway="primary", tunnel="yes", bridge="no")
    frame = read(quarter, tmp_path)["streets"][0].frame
    assert frame["bridge"].tolist() == [True, False]
    assert frame["tunnel"].tolist() == [False, True]
    assert frame["walkable"].isna().all()


def test_buildings_and_what_is_known_of_them(quarter: Quarter, tmp_path: Path) -> None:
    tags = {"building__levels": "6", "building__flats": "24", "start_date": "1985-03"}
    quarter.square(0, 0, building="apartments", **tags)
    quarter.square(2, 0, building="no")
    quarter.way((5, 0), (6, 0), (6, 1), building="yes")
    layer, report = read(quarter, tmp_path)["buildings"]
    assert layer.frame["use"].tolist() == ["apartments"]
    assert layer.numbers("storeys").tolist() == [6]
    assert layer.numbers("households").tolist() == [24]
    assert layer.numbers("built_year").tolist() == [1985]
    assert [(n.row, n.reason) for n in report.refused] == [
        (103, "way 103: outline is not closed, or parts of it are missing")
    ]
    assert (report.read, report.accepted) == (2, 1)


def test_an_outline_of_several_ways_keeps_its_hole(quarter: Quarter, tmp_path: Path) -> None:
    outer = quarter.way((0, 0), (4, 0), (4, 4))
    rest = quarter.way((4, 4), (0, 4), (0, 0))
    hole = quarter.square(1, 1)
    members = {outer: "outer", rest: "outer", hole: "inner"}
    quarter.relation(7, members, type="multipolygon", landuse="residential", name="西院")
    quarter.relation(8, {outer: "outer"}, type="multipolygon", landuse="residential")
    quarter.square(6, 0, landuse="residential")
    layer, report = read(quarter, tmp_path)["estates"]
    assert layer.uids.tolist() == ["r7", "w104"]  # the one with a name first
    assert shapely.area(layer.geometries)[0] == pytest.approx(
        15 * shapely.area(layer.geometries)[1], rel=0.001
    )
    assert [n.reason[:10] for n in report.refused] == ["relation 8"]


@pytest.mark.parametrize(
    ("tags", "open_to"),
    [
        ({}, None),
        ({"access": "private"}, None),
        ({"foot": "yes"}, "both"),
        ({"motor_vehicle": "no"}, "walkers"),
        ({"foot": "no"}, "cars"),
        ({"access": "no"}, "closed"),
        ({"access": "no", "foot": "yes"}, "both"),
        ({"locked": "yes"}, "closed"),
    ],
)
def test_gates_and_whom_they_let_through(
    quarter: Quarter, tmp_path: Path, tags: dict[str, str], open_to: str | None
) -> None:
    quarter.node(0, 0, barrier="gate", opening_hours="06:00-22:00", **tags)
    layer, _ = read(quarter, tmp_path)["gates"]
    value = layer.frame["access"].iloc[0]
    assert value == open_to if open_to else value != value
    assert layer.frame["hours"].tolist() == ["06:00-22:00"]


def test_walls_are_lines_even_where_they_close(quarter: Quarter, tmp_path: Path) -> None:
    quarter.square(0, 0, barrier="wall", height="2.5")
    quarter.square(3, 0, barrier="fence", landuse="residential")
    made = read(quarter, tmp_path)
    assert [g.geom_type for g in made["walls"][0].geometries] == ["LineString"] * 2
    assert made["walls"][0].numbers("height_m")[0] == 2.5
    assert made["estates"][0].uids.tolist() == ["w102"]


def test_facilities_by_category(quarter: Quarter, tmp_path: Path) -> None:
    quarter.node(0, 0, amenity="kindergarten", name="一幼")
    quarter.square(2, 0, shop="supermarket", building="retail")
    quarter.node(
        5, 0, amenity="social_facility", social_facility="day_care", social_facility__for="senior"
    )
    quarter.node(6, 0, amenity="social_facility", social_facility__for="senior")
    quarter.node(7, 0, amenity="fountain")
    made = read(quarter, tmp_path)
    layer, _ = made["facilities"]
    assert dict(zip(layer.uids, layer.frame["category"], strict=True)) == {
        "n1": "kindergarten",
        "w101": "supermarket",
        "n6": "elderly_daycare",
        "n7": "elderly_station",
    }
    assert layer.frame["name"].iloc[0] == "一幼"
    assert made["buildings"][0].uids.tolist() == ["w101"]


def told(report: Any, code: str) -> list[str]:
    return [f.message for f in report.findings if f.code == code]


def test_schools_are_told_by_their_names_and_the_others_counted(
    quarter: Quarter, tmp_path: Path
) -> None:
    names = ["红旗小学", "实验小学(东校区)", "渝南初级中学", "八中初中部", "第二中学", "九年制学校"]
    for i, name in enumerate(names):
        quarter.node(i, 0, amenity="school", name=name)
    quarter.square(0, 3, amenity="school", name="胜利小学")
    quarter.square(3, 3, amenity="school")
    quarter.node(9, 0, amenity="school", name="小学之家", isced__level="2")
    layer, report = read(quarter, tmp_path)["facilities"]
    assert dict(zip(layer.frame["name"], layer.frame["category"], strict=True)) == {
        "红旗小学": "primary_school",
        "实验小学(东校区)": "primary_school",
        "渝南初级中学": "middle_school",
        "八中初中部": "middle_school",
        "小学之家": "middle_school",
        "胜利小学": "primary_school",
    }
    assert [m[:18] for m in told(report, "schools-left-out")] == ["3 schools left out"]
    assert "isced:level" in told(report, "schools-left-out")[0]
    by_name = (
        "5 schools have no level in their tags; it was taken from their names: "
        "primary_school (3), middle_school (2)"
    )
    assert told(report, "school-by-name") == [by_name]


def test_places_without_a_category_are_counted(quarter: Quarter, tmp_path: Path) -> None:
    quarter.node(0, 0, amenity="bank")
    quarter.node(1, 0, amenity="fountain")
    quarter.node(2, 0, amenity="fountain")
    quarter.node(3, 0, healthcare="laboratory")
    quarter.node(4, 0, office="government")
    quarter.node(5, 0, office="company")
    quarter.node(6, 0, shop="no")
    quarter.square(0, 3, amenity="theatre", building="yes")
    quarter.square(3, 3, leisure="garden")
    outer = quarter.square(6, 3)
    quarter.relation(7, {outer: "outer"}, type="multipolygon", amenity="theatre")
    made = read(quarter, tmp_path)
    left_out = (
        "6 places have no category and were left out: amenity=fountain (2), amenity=theatre (2), "
        "healthcare=laboratory (1), office=government (1)"
    )
    assert told(made["facilities"][1], "facilities-left-out") == [left_out]
    assert "facilities-left-out" not in [f.code for f in made["buildings"][1].findings]
    assert made["green"][0].frame["use"].tolist() == ["garden"]  # assigned, so not told


def test_facilities_without_an_outline_are_refused_with_a_word(
    quarter: Quarter, tmp_path: Path
) -> None:
    quarter.node(9, 9, amenity="bank")
    quarter.way((0, 0), (1, 0), (1, 1), amenity="parking")
    member = quarter.square(3, 3)
    quarter.relation(7, {member: ""}, type="site", amenity="kindergarten")
    _, report = read(quarter, tmp_path)["facilities"]
    assert [n.reason for n in report.refused] == [
        "relation 7: is a relation of type 'site', which has no outline",
        "way 101: is a line that does not close",
    ]
    assert (report.read, report.accepted) == (3, 1)


def test_what_is_left_out_is_told_without_any_facility(quarter: Quarter, tmp_path: Path) -> None:
    quarter.way((0, 0), (1, 0), highway="path")
    quarter.node(5, 5, amenity="school")
    made = read(quarter, tmp_path)
    assert list(made) == ["streets"]
    assert told(made["streets"][1], "schools-left-out") != []


def test_barriers_are_what_one_cannot_cross(quarter: Quarter, tmp_path: Path) -> None:
    quarter.way((0, 0), (1, 0), waterway="river", name="渝水")
    quarter.way((0, 1), (1, 1), waterway="river", tunnel="culvert")
    quarter.way((0, 2), (1, 2), waterway="stream")
    quarter.square(0, 4, natural="water", water="river")
    quarter.way((0, 6), (0.1, 6), (0.1, 6.1), (0, 6), natural="water", water="lake")
    quarter.way((0, 7), (1, 7), railway="rail")
    quarter.way((0, 8), (1, 8), railway="rail", bridge="yes")
    quarter.way((0, 9), (1, 9), railway="subway", tunnel="yes")
    quarter.way((0, 10), (1, 10), highway="trunk")
    quarter.way((0, 11), (1, 11), highway="trunk", foot="yes")
    made = read(quarter, tmp_path)
    layer, report = made["barriers"]
    assert dict(zip(layer.uids, layer.frame["barrier"], strict=True)) == {
        "w101": "river",
        "w104": "river",
        "w106": "railway",
        "w109": "expressway",
    }
    assert "1 small waters" in report.findings[0].message
    assert set(made["water"][0].uids) == {"w101", "w102", "w103", "w104", "w105"}
    assert len(made["streets"][0]) == 2


def test_parks_are_green_and_a_facility(quarter: Quarter, tmp_path: Path) -> None:
    quarter.square(0, 0, leisure="park", name="人民公园")
    made = read(quarter, tmp_path)
    assert made["green"][0].frame["use"].tolist() == ["park"]
    assert made["facilities"][0].frame["category"].tolist() == ["park"]


def test_what_the_project_has_already_is_refused(quarter: Quarter, tmp_path: Path) -> None:
    quarter.way((0, 0), (1, 0), highway="path")
    quarter.way((0, 1), (1, 1), highway="path")
    layer, report = read(quarter, tmp_path, taken_uids={"streets": {"w101"}})["streets"]
    assert layer.uids.tolist() == ["w102"]
    assert [n.reason for n in report.refused] == ["way 101: is in the project already"]
    with pytest.raises(LayerError, match="in the project already"):
        read(quarter, tmp_path, taken_uids={"streets": {"w101", "w102"}})


def test_a_crossed_outline_is_not_lost(quarter: Quarter, tmp_path: Path) -> None:
    quarter.way((0, 0), (1, 1), (1, 0), (0, 1), (0, 0), building="yes")
    quarter.square(3, 0, building="yes")
    layer, report = read(quarter, tmp_path)["buildings"]
    assert report.read == 2
    assert len(layer) + len(report.refused) == 2


def test_a_way_whose_nodes_are_missing_is_refused(quarter: Quarter, tmp_path: Path) -> None:
    quarter.way((0, 0), (1, 0), highway="path")
    quarter.parts.append(
        '<way id="900"><nd ref="77"/><nd ref="78"/><tag k="highway" v="path"/></way>'
    )
    _, report = read(quarter, tmp_path)["streets"]
    assert [n.reason for n in report.refused] == [
        "way 900: its nodes are not all in the file, or too few"
    ]


def test_an_unsorted_file_says_how_to_sort_it(quarter: Quarter, tmp_path: Path) -> None:
    quarter.way((0, 0), (1, 0), highway="path")
    quarter.ways = 1
    quarter.way((0, 1), (1, 1), highway="path")
    with pytest.raises(FileError, match="osmium sort"):
        read(quarter, tmp_path)


@pytest.mark.parametrize("ending", ["osm", "osm.pbf"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_a_cut_file_is_refused_as_a_whole(
    quarter: Quarter, tmp_path: Path, ending: str, share: float
) -> None:
    for y in range(30):
        quarter.way((0, y), (1, y), highway="path")
    whole = quarter.save(tmp_path / "whole.osm")
    if ending == "osm.pbf":
        whole = tmp_path / "whole.osm.pbf"
        with osmium.SimpleWriter(str(whole)) as out:
            for item in osmium.FileProcessor(str(tmp_path / "whole.osm")):
                out.add(item)
    assert len(read_osm(whole, target=None)[0][0]) == 30
    path = tmp_path / f"cut.{ending}"
    path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    with pytest.raises(FileError, match=r"cut\.osm.* is cut or damaged") as error:
        read_osm(path, target=None)
    assert "\n" not in str(error.value)


def test_what_is_no_osm_file_is_refused(quarter: Quarter, tmp_path: Path) -> None:
    cases: list[tuple[str, bytes, type[InputError], str]] = [
        ("a.osm", b"", FileError, "is empty"),
        ("a.osm.pbf", b"", FileError, "is empty"),
        ("a.osm", b"<html></html>", FileError, "damaged"),
        ("a.osm.pbf", b"hello" * 100, FileError, "damaged"),
        ("a.gpkg", b"x", FileError, "no OpenStreetMap file"),
        ("a.osm", b'<osm version="0.6"></osm>', LayerError, "no streets"),
    ]
    for name, data, error, word in cases:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(error, match=word):
            read_osm(tmp_path / name, target=None)
    with pytest.raises(FileError, match="does not exist"):
        read_osm(tmp_path / "none.osm", target=None)


def test_a_file_far_from_the_project_is_refused(quarter: Quarter, tmp_path: Path) -> None:
    quarter.way((0, 0), (1, 0), highway="path")
    with pytest.raises(CrsError, match=r"q\.osm"):
        read(quarter, tmp_path, target=CRS.from_epsg(4553))


def test_all_categories_of_the_table_exist_and_progress_is_told(
    quarter: Quarter, tmp_path: Path
) -> None:
    table = OsmTable.load()
    codes = {code for rules in table.facilities.by_tag.values() for _, code, _ in rules}
    assert codes <= set(Categories.load())
    assert {"kindergarten", "nursery", "elderly_daycare", "pharmacy", "supermarket"} <= codes
    quarter.way((0, 0), (1, 0), highway="path")
    shares: list[float] = []
    made = read(quarter, tmp_path, progress=lambda share, _: shares.append(share))
    assert list(made) == [kind for kind in OSM_KINDS if kind in made]
    assert shares == sorted(shares)
    assert np.isclose(shares[-1], 1.0)
