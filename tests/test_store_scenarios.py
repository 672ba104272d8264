"""A scenario comes back as it was saved; an older project learns to keep them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.store import Project
from gis.errors import UnknownNameError

EDITS = [{"edit": "add_gate", "xy": [500_010.25, 4_000_020.5]}, {"edit": "open_wall", "uid": "K7"}]
ANSWER = {"people_gained": 1280, "before": [{"covered": 3}], "after": [{"covered": 5}]}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "p.gpkg", name="x") as made:
        yield made


def test_a_scenario_comes_back_as_it_was_saved(project: Project) -> None:
    assert project.scenario_names() == ()
    assert project.save_scenario("打开北门", EDITS, ANSWER) == 1
    found = project.read_scenario("打开北门")
    assert (list(found.edits), found.answer) == (EDITS, ANSWER)
    assert (found.name, found.version, found.created[-1]) == ("打开北门", 1, "Z")


def test_saved_again_it_is_the_next_version(project: Project) -> None:
    project.save_scenario("a", EDITS, ANSWER)
    project.save_scenario("b", EDITS, ANSWER)
    assert project.save_scenario("a", EDITS[:1], ANSWER) == 2
    assert project.scenario_names() == ("a", "b")
    assert len(project.read_scenario("a").edits) == 1


def test_an_unknown_scenario_is_named_with_those_that_are_there(project: Project) -> None:
    with pytest.raises(UnknownNameError, match="lianpian whatif"):
        project.read_scenario("b")
    project.save_scenario("a", EDITS, ANSWER)
    with pytest.raises(UnknownNameError, match="there are: a"):
        project.read_scenario("b")
