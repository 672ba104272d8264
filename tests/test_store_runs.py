"""Results are kept with what they rest on, and say when that has changed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import shapely
from sqlalchemy import func, select

from api.store import Author, Project, runs
from api.store.schema import RUNS
from gis.errors import OptionError, UnknownNameError
from tests.layers import layer


@pytest.fixture
def project(store: str) -> Iterator[Project]:
    with Project.create(store, name="云溪", author=Author("王", "test")) as made:
        made.write_layers([(layer("estates", [shapely.Point(0, 0)]), None)])
        yield made


def save(project: Project, result: object = None, **options: object) -> int:
    return project.save_run(
        "coverage", options=options, stamp=project.versions(), assumptions={}, result=result
    )


def test_a_run_comes_back_as_it_was_kept(project: Project) -> None:
    number = project.save_run(
        "coverage",
        options={"minutes": 15, "rules": "gb"},
        stamp={"estates": 2, "gates": 0},
        assumptions={"speed": 1.0, "household": 2.62},
        result={"gaps": [1, None, math.nan], "名": "云溪"},
        job="ab12",
    )
    run = project.read_run(number)
    assert (run.work, run.who, run.job) == ("coverage", "王", "ab12")
    assert (run.options, run.stamp) == ({"minutes": 15, "rules": "gb"}, {"estates": 2, "gates": 0})
    assert run.assumptions == {"speed": 1.0, "household": 2.62}
    assert run.result == {"gaps": [1, None, None], "名": "云溪"}
    assert project.latest_run("coverage", {"rules": "gb", "minutes": 15}) == run
    assert project.latest_run("coverage", {"rules": "gb"}) is None
    (listed,) = project.runs()
    assert (listed.id, listed.result, listed.stamp) == (number, None, run.stamp)
    assert project.runs("sites") == ()
    with pytest.raises(UnknownNameError, match="no result 99"):
        project.read_run(99)


def test_a_run_names_the_layers_that_changed_came_or_went(project: Project) -> None:
    kinds = {"gates": 0, **project.versions()}
    number = project.save_run("x", options={}, stamp=kinds, assumptions={}, result=1)
    run = project.read_run(number)
    assert run.stale_layers(project.versions()) == ()
    project.write_layers([(layer("gates", [shapely.Point(0, 0)]), None)])
    assert run.stale_layers(project.versions()) == ("gates",)
    project.state_none("nursery", none=True)
    assert set(run.stale_layers(project.versions())) == {"gates", "statements"}
    project.remove_layer("estates")
    assert "estates" in run.stale_layers(project.versions())
    # A layer of that kind that comes later is another one.
    project.write_layers([(layer("estates", [shapely.Point(0, 0)]), None)])
    assert "estates" in run.stale_layers(project.versions())


def test_equal_assumptions_have_equal_hashes_in_any_order(project: Project) -> None:
    first = project.save_run("x", options={}, stamp={}, assumptions={"a": 1, "b": 2.5}, result=None)
    second = project.save_run(
        "x", options={}, stamp={}, assumptions={"b": 2.5, "a": 1}, result=None
    )
    third = project.save_run("x", options={}, stamp={}, assumptions={"a": 2}, result=None)
    hashes = [project.read_run(number).assumptions_hash for number in (first, second, third)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_newest_five_of_the_same_options_are_kept(project: Project) -> None:
    numbers = [save(project, result=i, minutes=15) for i in range(7)]
    other = save(project, minutes=10)
    assert [run.id for run in project.runs()] == [other, *reversed(numbers[2:])]
    with pytest.raises(UnknownNameError, match="only the newest 5"):
        project.read_run(numbers[0])
    assert [run.id for run in project.runs(limit=2)] == [other, numbers[-1]]


def test_the_newest_of_a_work_are_kept(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEPT_OF_WORK", 3)
    numbers = [save(project, minutes=i) for i in range(5)]
    assert [run.id for run in project.runs()] == numbers[:1:-1]


def test_a_large_result_is_compressed_and_one_too_large_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = [{"estate": f"E{i}", "metres": i * 1.5} for i in range(20_000)]
    number = save(project, result=big)
    with project._database.read() as connection:
        size = connection.execute(select(func.length(RUNS.c.result))).scalar_one()
    assert size < 200_000
    assert project.read_run(number).result == big
    monkeypatch.setattr(runs, "LARGEST_RESULT", 100)
    with pytest.raises(OptionError, match="ask for less"):
        save(project, result=big)
    assert len(project.runs()) == 1
