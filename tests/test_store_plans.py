"""A districting plan comes back as it was saved; saved again, it becomes the next version."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from api.store import Project
from gis.districts import Adjacency, DistrictPlan, LeftOut
from gis.errors import UnknownNameError


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "p.gpkg", name="x") as made:
        yield made


def make_plan(name: str = "方案一", *, objective: float = 1.0, bound: float = 1.0) -> DistrictPlan:
    adjacency = Adjacency(
        kind="walk",
        links=np.array([[0, 1], [2, 1]]),
        metres=np.array([12.5, np.nan]),
        reason=np.array(["12 m on foot", "touch"], dtype=object),
        beyond=np.array([[0, 2]]),
        beyond_m=np.array([900.0]),
    )
    return DistrictPlan(
        name=name,
        estates=np.array(["c", "a", "b"], dtype=object),
        district=np.array(["D1", "D1", None], dtype=object),
        left_out=(LeftOut("b", "fewer than 5000 people in reach", proved=True),),
        settings={"sizes": {"people": [5000, 12000]}, "seed": 0, "where": None},
        objective=objective,
        bound=bound,
        gap=0.0,
        status="optimal",
        adjacency=adjacency,
        reason="proved by hand",
    )


def test_a_plan_comes_back_as_it_was_saved(project: Project) -> None:
    plan = make_plan(objective=math.nan)
    assert project.save_plan(plan) == 1
    found = project.read_plan("方案一")
    assert found.estates.tolist() == ["c", "a", "b"]
    assert found.district.tolist() == ["D1", "D1", None]
    assert found.left_out == plan.left_out
    assert found.settings == plan.settings
    assert math.isnan(found.objective)
    assert (found.bound, found.gap, found.status) == (1.0, 0.0, "optimal")
    assert found.adjacency.links.tolist() == [[0, 1], [2, 1]]
    assert found.adjacency.links.dtype == plan.adjacency.links.dtype
    assert (found.adjacency.kind, found.reason) == ("walk", "proved by hand")
    assert (found.adjacency.beyond.tolist(), found.adjacency.beyond_m.tolist()) == ([[0, 2]], [900])
    np.testing.assert_array_equal(found.adjacency.metres, plan.adjacency.metres)
    assert found.adjacency.reason.tolist() == ["12 m on foot", "touch"]


def test_a_plan_saved_again_is_the_next_version_and_the_old_one_stays(project: Project) -> None:
    project.save_plan(make_plan("a", objective=7.0))
    project.save_plan(make_plan("b"))
    assert project.save_plan(make_plan("a", objective=5.0)) == 2
    assert project.plan_names() == ("a", "b")
    assert project.read_plan("a").objective == 5.0
    assert project.read_plan("a", version=1).objective == 7.0


def test_a_plan_that_is_not_there_is_refused_with_a_list_of_those_that_are(
    project: Project,
) -> None:
    with pytest.raises(UnknownNameError, match="no plan 'x'; make one with: lianpian districts"):
        project.read_plan("x")
    project.save_plan(make_plan("a"))
    with pytest.raises(UnknownNameError, match="no plan 'x'; there are: a"):
        project.read_plan("x")
    with pytest.raises(UnknownNameError, match="'a' has no version 2"):
        project.read_plan("a", version=2)


def test_settings_with_numbers_of_numpy_and_unknown_ones_are_plain_json(project: Project) -> None:
    plan = make_plan("a")
    object.__setattr__(
        plan, "settings", {"n": np.int64(3), "x": (1.5, np.nan), "far": math.inf, "k": {"b", "a"}}
    )
    project.save_plan(plan)
    kept = project.read_plan("a").settings
    assert kept == {"n": 3, "x": [1.5, None], "far": math.inf, "k": ["a", "b"]}


def test_a_plan_without_estates_or_links_can_be_saved(project: Project) -> None:
    nothing = DistrictPlan(
        name="none",
        estates=np.array([], dtype=object),
        district=np.array([], dtype=object),
        left_out=(),
        settings={},
        objective=math.nan,
        bound=math.nan,
        gap=math.nan,
        status="infeasible",
        adjacency=Adjacency(
            kind="walk",
            links=np.empty((0, 2), int),
            metres=np.empty(0),
            reason=np.empty(0, object),
            beyond=np.empty((0, 2), int),
            beyond_m=np.empty(0),
        ),
    )
    project.save_plan(nothing)
    found = project.read_plan("none")
    assert found.adjacency.links.shape == (0, 2)
    assert found.adjacency.beyond.shape == (0, 2)
    assert (len(found.estates), found.status) == (0, "infeasible")


def test_the_members_of_a_plan_are_a_table_that_other_programs_can_join(project: Project) -> None:
    project.save_plan(make_plan())
    connection = sqlite3.connect(project.path)
    rows = connection.execute(
        "SELECT name, version, estate, district FROM plan_members"
        " JOIN plans ON plans.id = plan_id ORDER BY place"
    ).fetchall()
    connection.close()
    assert rows == [("方案一", 1, "c", "D1"), ("方案一", 1, "a", "D1"), ("方案一", 1, "b", None)]
