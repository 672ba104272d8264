"""A plan drawn elsewhere: by uid, by name, or as polygons; what cannot be used is named at once."""

from __future__ import annotations

from typing import Any

import pytest
import shapely

from gis.districts import DistrictPlan, check_plan
from gis.errors import LayerError
from gis.model import Finding, Layer
from gis.plans.files import BY_PLACE, plan_of_rows
from tests.layers import layer
from tests.plan_grid import EAST, NORTH, beside, grid_estates, grid_links

# E1 E2 E3 / E4 E5 E6, squares of 100 m; E5 and E6 have one name.
ESTATES = grid_estates(2, 3, name=["甲", "乙", "丙", "丁", "戊", "戊"])


def rows(*pairs: tuple[str | None, str], shapes: Any = None, uids: Any = None) -> Layer:
    return layer(
        "plan",
        shapes if shapes is not None else [None] * len(pairs),
        corner=None,
        uid=uids or [f"plan-{i + 1}" for i in range(len(pairs))],
        estate=[estate or BY_PLACE for estate, _ in pairs],
        district=[district for _, district in pairs],
    )


def read(layer: Layer, **sizes: tuple[float, float]) -> tuple[DistrictPlan, tuple[Finding, ...]]:
    return plan_of_rows(
        layer,
        ESTATES,
        name="p",
        file="plan.xlsx",
        adjacency=beside(grid_links(2, 3)),
        sizes=sizes or {"people": (1000, 3000)},
        persons_per_household=2.62,
        settings={"adjacency": "touch"},
    )


def test_estates_are_found_by_uid_or_by_name() -> None:
    plan, findings = read(
        rows(("E1", "东"), ("乙", "东"), ("E4", "西"), ("E5", "西"), ("E6", "西"))
    )
    assert plan.district.tolist() == ["东", "东", None, "西", "西", "西"]
    assert (plan.status, plan.name) == ("drawn", "p")
    assert [(item.estate, item.proved) for item in plan.left_out] == [("E3", False)]
    assert [f.code for f in findings] == ["estates-left-out"]
    assert check_plan(plan, ESTATES) == ()


@pytest.mark.parametrize("word", ["-", "无", "None", "/"])
def test_a_dash_for_a_district_is_none(word: str) -> None:
    plan, _ = read(rows(("E1", "A"), ("E2", word)))
    assert plan.district.tolist()[:2] == ["A", None]
    assert "E2" in {item.estate for item in plan.left_out}


def test_a_drawn_plan_is_held_against_its_bounds_not_refused() -> None:
    plan, _ = read(
        rows(("E1", "A"), ("E3", "A"), ("E2", "B"), ("E4", "B"), ("E5", "B"), ("E6", "B"))
    )
    kinds = {(fault.kind, fault.district) for fault in check_plan(plan, ESTATES)}
    assert kinds == {("too-large", "B"), ("contiguity", "A")}


def test_unknown_unclear_and_doubled_estates_are_named_together() -> None:
    with pytest.raises(LayerError) as told:
        read(rows(("E1", "A"), ("甲", "B"), ("E9", "A"), ("=1+1", "A"), ("戊", "A")))
    words = str(told.value)
    assert "\n" not in words
    assert "plan.xlsx names estates that the project does not have: E9, =1+1" in words
    assert "a name that several have: 戊" in words
    assert "names estates twice: E1 (2 rows)" in words


def test_many_unknown_estates_are_counted() -> None:
    with pytest.raises(LayerError, match="X0, X1, X2, X3, X4 and 3 more"):
        read(rows(*((f"X{i}", "A") for i in range(8))))


def test_the_key_of_the_file_may_be_that_of_the_estates() -> None:
    plan, _ = read(rows((None, "A"), (None, "B"), uids=["E2", "E1"]))
    assert plan.district.tolist()[:2] == ["B", "A"]


def area(x0: float, y0: float, x1: float, y1: float) -> Any:
    return shapely.box(EAST + x0, NORTH - y1, EAST + x1, NORTH - y0)


def test_polygons_of_districts_hold_the_estates_whose_middle_lies_in_them() -> None:
    # The west one ends in the second column: 40 of 100 m of E2 and E5 lie outside it.
    shapes = [area(-10, -10, 160, 210), area(160, -10, 290, 90)]
    plan, findings = read(rows((None, "西"), (None, "东"), shapes=shapes))
    assert plan.district.tolist() == ["西", "西", "东", "西", "西", None]
    told = {f.code: f.message for f in findings}
    assert "3 estates cross the edge" in told["estates-cut"]
    assert "E2, E3, E5" in told["estates-cut"]
    assert "1 of 6 estates are in no district" in told["estates-left-out"]


def test_several_polygons_may_be_one_district_but_not_two_in_one_place() -> None:
    halves = [area(0, 0, 300, 100), area(0, 100, 300, 200)]
    plan, _ = read(rows((None, "一"), (None, "一"), shapes=halves))
    assert set(plan.district) == {"一"}
    with pytest.raises(LayerError, match=r"estates in two districts: E1 \(一 and 二\)"):
        read(rows((None, "一"), (None, "二"), shapes=[area(0, 0, 300, 200), area(0, 0, 90, 90)]))


def test_rows_without_estates_and_without_polygons_are_refused() -> None:
    with pytest.raises(LayerError, match="neither a column of estates nor a polygon"):
        read(rows((None, "一")))
    with pytest.raises(LayerError, match="no estate lies in any of its districts"):
        read(rows((None, "一"), shapes=[area(5000, 0, 5100, 100)]))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("=HYPERLINK(0)", "=HYPERLINK(0)"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        (" 东\u200b城\n片区 ", "东城 片区"),
        ("\x1b[31mred", "[31mred"),
    ],
)
def test_names_of_districts_are_words_that_can_be_seen(given: str, kept: str) -> None:
    plan, _ = read(rows(("E1", given)))
    assert plan.districts == (kept,)


def test_a_name_that_is_too_long_or_empty_is_refused() -> None:
    with pytest.raises(LayerError, match="101 characters"):
        read(rows(("E1", "长" * 101)))
    with pytest.raises(LayerError, match="0 characters"):
        read(rows(("E1", "\u200b")))
