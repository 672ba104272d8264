"""What if: edits tried on top of a project, and places where a wall could be opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final

import numpy as np
import shapely
from pyproj import Transformer

from api.analyses.how import Walking, profile_of
from api.analyses.walking import rules_of
from api.store import Project
from api.store.scenarios import SavedScenario
from gis.coverage.walks import minds_heights, mode_of
from gis.errors import OptionError, UnknownNameError
from gis.model import Finding, Progress
from gis.network import has_heights
from gis.scenario import (
    AddFacility,
    Base,
    Difference,
    Edit,
    MoveFacility,
    OpenWall,
    Ranking,
    edits_of,
    find_openings,
    lay_base,
    rank_openings,
    what_if,
    words_of,
)
from gis.walkers import load_walker

LONGEST_NAME: Final = 100
FAR_M: Final = 300.0
"""A facility farther than this from every estate is likely a slip."""


def base_of(project: Project, how: Walking, *, progress: Progress | None = None) -> Base:
    """Measure a project once, so that edits can be tried on it.

    Slopes count as in `coverage_of`: with "auto" where a walker or a limit minds them and any
    height is known.
    """
    _, rules = rules_of(project, how)
    profile = profile_of(project)
    if how.walker is not None:
        load_walker(how.walker)
        rules = tuple(replace(rule, walker=how.walker) for rule in rules)
    study = project.read_study()
    minded = any(minds_heights(mode_of(rule), load_walker(rule.walker)) for rule in rules)
    slopes = how.terrain == "on" or (how.terrain == "auto" and minded and has_heights(study))
    if progress is not None:
        progress(0.1, "base")
    return lay_base(
        study,
        rules,
        at=how.at,
        link=how.link,
        longest_link_m=how.longest_link_m,
        persons_per_household=profile.persons_per_household,
        terrain=slopes,
        origin=how.origin,
        place=profile.name,
    )


def what_if_of(
    project: Project,
    edits: Sequence[Edit],
    how: Walking,
    *,
    save: str | None = None,
    progress: Progress | None = None,
) -> Difference:
    """Say what edits would change; keep them and the answer under the name ``save``.

    Raises
    ------
    InputError
        An edit names what is not there, or cannot be done; nothing is kept.
    """
    if save is not None:
        require_scenario_name(save)
    base = base_of(project, how, progress=progress)
    edits = [placed(base, edit) for edit in edits]
    difference = what_if(base, edits)
    if save is not None:
        answer = difference.to_json() | {"how": dict(vars(how))}
        project.save_scenario(save, words_of(edits), answer)
    return difference


def require_scenario_name(name: str) -> None:
    """Refuse a name under which a scenario could not be found again.

    Raises
    ------
    OptionError
        It is empty, too long, or has characters that nobody sees.
    """
    if not (name.strip() and name.isprintable() and len(name) <= LONGEST_NAME):
        raise OptionError(f"--save needs a name of 1 to {LONGEST_NAME} printable characters")


def replay_of(
    project: Project,
    name: str,
    given: Mapping[str, Any] | None = None,
    *,
    base: Base | None = None,
    progress: Progress | None = None,
) -> tuple[SavedScenario, Difference]:
    """Try the edits of a saved scenario on the layers as they are now.

    It is walked as `walked_then` says; ``base`` is that of `base_of` for it, where it is at hand.

    Raises
    ------
    UnknownNameError
        There is no scenario of that name.
    OptionError
        An edit no longer fits what is in the project.
    """
    saved, how = walked_then(project, name, given)
    try:
        edits = edits_of(saved.edits)
        return saved, what_if(base or base_of(project, how, progress=progress), edits)
    except (UnknownNameError, OptionError) as error:
        raise OptionError(
            f"The scenario '{name}' of {saved.created[:10]} no longer fits the project: {error}"
        ) from error


def walked_then(
    project: Project, name: str, given: Mapping[str, Any] | None = None
) -> tuple[SavedScenario, Walking]:
    """Return a saved scenario, and how it was walked then but for what is ``given``.

    Raises
    ------
    UnknownNameError
        There is no scenario of that name.
    """
    saved = project.read_scenario(name)
    known = {field.name for field in fields(Walking)}
    before = {key: value for key, value in saved.answer.get("how", {}).items() if key in known}
    return saved, Walking(**(before | dict(given or {})))


def placed(base: Base, edit: Edit) -> Edit:
    """Return the edit; a wall without a place is opened where that brings most people."""
    if not isinstance(edit, OpenWall) or edit.at is not None:
        return edit
    places = [opening for opening in find_openings(base) if opening.wall == edit.uid]
    best = rank_openings(base, places, count=1).openings
    return OpenWall(edit.uid, best[0].xy) if best else edit


def openings_of(
    project: Project,
    how: Walking,
    *,
    count: int = 20,
    set_size: int = 0,
    progress: Progress | None = None,
) -> Ranking:
    """Rank all places where a wall could be opened."""
    return rank_openings(base_of(project, how), count=count, set_size=set_size, progress=progress)


def place_in(project: Project, place: tuple[float, float]) -> tuple[float, float]:
    """Return a place in metres of the project's CRS; longitude and latitude are recognised.

    No metric CRS of the project has coordinates as small as degrees.

    Raises
    ------
    OptionError
        The project has no CRS yet, or the place is beyond it.
    """
    x, y = place
    if not (abs(x) <= 180 and abs(y) <= 90):
        return place
    crs = project.crs
    if crs is None:
        raise OptionError("The project has no layers yet; import some before trying edits")
    east, north = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(x, y)
    return float(east), float(north)


def with_far(project: Project, difference: Difference) -> Difference:
    """Add a finding for each facility that is placed far from every estate."""
    far = _far_findings(project, difference.edits)
    return replace(difference, findings=(*difference.findings, *far))


def _far_findings(project: Project, edits: Sequence[Edit]) -> Iterator[Finding]:
    """Name the facilities that are placed far from every estate, as by a slip in coordinates."""
    added = [edit for edit in edits if isinstance(edit, AddFacility | MoveFacility)]
    held = {info.kind for info in project.layers()}
    if not added or "estates" not in held:
        return
    shapes = project.read_layer("estates").geometries
    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    for edit in added:
        far = shapely.distance(shapes, shapely.Point(edit.xy)).min(initial=np.inf)
        if np.isfinite(far) and far > FAR_M:
            what = edit.category if isinstance(edit, AddFacility) else edit.uid
            yield Finding(
                "far-from-estates",
                f"{what} at {edit.xy[0]:.1f},{edit.xy[1]:.1f} is {far:,.0f} m from the nearest "
                "estate; see whether the coordinates are right",
                "warning",
            )


def with_reason(project: Project, ranking: Ranking) -> Ranking:
    """Say why there is nothing to rank, where that is so."""
    if ranking.tried:
        return ranking
    if any(info.kind == "walls" and info.rows for info in project.layers()):
        text = "no wall can be opened: see the column removable of walls"
    else:
        text = "there are no walls to open: import the layer walls first"
    return replace(ranking, findings=(*ranking.findings, Finding("no-openings", text, "warning")))
