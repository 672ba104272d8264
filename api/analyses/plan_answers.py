"""What is said of a plan that is changed by hand, as plain values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import shapely
from pyproj import Transformer

from api.analyses.drafts import Draft, etag_of, steps_of
from api.store.plan_changes import REDO, UNDO, PlanChange, PlanState
from gis.districts import DistrictPlan
from gis.errors import OptionError
from gis.model import Layer
from gis.plans import Edit, Verdict

MOST_APART: Final = 200
_BESIDE_DEGREES: Final = 0.01
_SEGMENT_DEGREES: Final = 0.005


def state_json(name: str, state: PlanState) -> dict[str, Any]:
    """Return where a plan stands, and the tag of that."""
    return {
        "plan": name,
        "version": state.version,
        "seq": state.seq,
        "etag": f'"{etag_of(state)}"',
    }


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Return how a district stands."""
    apart = (uid for piece in verdict.pieces[1:] for uid in piece)
    return {
        "district": verdict.district,
        "estates": verdict.estates,
        "ok": verdict.ok,
        "totals": verdict.totals,
        "unknown": verdict.unknown,
        "bounds": verdict.bounds,
        "pieces": [len(piece) for piece in verdict.pieces],
        "apart": [uid for uid, _ in zip(apart, range(MOST_APART), strict=False)],
    }


def edit_json(name: str, draft: Draft, edit: Edit) -> dict[str, Any]:
    """Return what a change has done."""
    return state_json(name, draft.state) | {
        "words": edit.words,
        "estates": list(edit.estates),
        "districts": {uid: draft.district_of(uid) for uid in edit.estates},
        "verdicts": [verdict_json(verdict) for verdict in edit.verdicts],
        "gone": list(edit.gone),
        "can_undo": bool(draft.standing),
        "can_redo": bool(draft.undone),
    }


def draft_json(name: str, draft: Draft) -> dict[str, Any]:
    """Return a plan as it is now."""
    plan = draft.now()
    told = state_json(name, draft.state) | plan_json_of(plan)
    if not draft.same_estates:
        # Of the estates that there are now: what was kept may name others.
        told["members"] = {uid: draft.district_of(uid) for uid in map(str, draft.estates().uids)}
    return told | {
        "changes": len(draft.standing),
        "districts": list(draft.districts),
        "verdicts": [verdict_json(verdict) for verdict in draft.verdict()],
        "can_undo": bool(draft.standing),
        "can_redo": bool(draft.undone),
    }


def plan_json_of(plan: DistrictPlan) -> dict[str, Any]:
    """Return what a plan says of itself."""
    sizes: Mapping[str, Sequence[float]] = plan.settings.get("sizes") or {}
    locks = plan.settings.get("locks") or {}
    hidden = ("history", "input_stamp", "locks")
    return {
        "members": dict(zip(map(str, plan.estates), plan.district.tolist(), strict=True)),
        "left_out": [dict(vars(item)) for item in plan.left_out],
        "locks": {
            "fixed": dict(locks.get("fixed") or {}),
            "closed": sorted(locks.get("closed") or ()),
        },
        "sizes": {
            column: [None if math.isinf(bound) else bound for bound in pair]
            for column, pair in sizes.items()
        },
        "status": plan.status,
        "reason": plan.reason,
        "objective": plan.objective,
        "bound": plan.bound,
        "gap": plan.gap,
        "settings": {key: value for key, value in plan.settings.items() if key not in hidden},
    }


def changes_json(name: str, draft: Draft, changes: Sequence[PlanChange], since: int) -> Any:
    """Return the changes after the number ``since``, and where what they touched is now."""
    later = [change for change in changes if change.seq > since]
    estates, districts = _touched(changes, since)
    uids = [uid for uid in estates if draft.has(uid)]
    there = [district for district in draft.districts if district in districts]
    return state_json(name, draft.state) | {
        "reload": False,
        "changes": [{"seq": c.seq, "what": c.what, "who": c.who, "at": c.at} for c in later],
        "members": {uid: draft.district_of(uid) for uid in uids},
        "verdicts": [verdict_json(verdict) for verdict in draft.verdict_of(there)],
        "districts": list(draft.districts),
    }


def _touched(changes: Iterable[PlanChange], since: int) -> tuple[dict[str, None], set[str]]:
    """Return the estates and districts of all changes after a number, undone ones too."""
    stands: list[PlanChange] = []
    undone: list[PlanChange] = []
    estates: dict[str, None] = {}
    districts: set[str] = set()
    for change in changes:
        meant = change
        if change.what == UNDO and stands:
            meant = stands.pop()
            undone.append(meant)
        elif change.what == REDO and undone:
            meant = undone.pop()
            stands.append(meant)
        elif change.what not in (UNDO, REDO):
            stands.append(change)
            undone.clear()
        if change.seq <= since:
            continue
        for step in steps_of(meant) if meant.what not in (UNDO, REDO) else ():
            if step.what == "district":
                estates[step.key] = None
                districts |= {name for name in (step.old, step.new) if name is not None}
            elif step.what in ("name", "closed"):
                districts.add(step.key)
            elif step.what == "link":
                estates |= dict.fromkeys(step.key)
    return estates, districts


def lasso_of(polygon: Mapping[str, Any], estates: Layer) -> shapely.Geometry:
    """Return a lasso in the coordinates of the estates, as far as there are estates.

    One that crosses itself is read as it looks: what is inside one of its loops is inside.

    Raises
    ------
    OptionError
        It is no polygon in longitude and latitude.
    """
    parts = polygon["coordinates"]
    if polygon["type"] == "Polygon":
        parts = [parts]
    shapes = [_polygon_of(rings) for rings in parts if rings]
    drawn = shapely.union_all([shapely.make_valid(shape) for shape in shapes])
    crs = estates.crs
    bounds = shapely.total_bounds(estates.geometries)
    if shapely.is_empty(drawn) or np.isnan(bounds).any():
        return shapely.Polygon()
    back = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    west, south, east, north = back.transform_bounds(*bounds)
    # A lasso around the world has corners that no metric CRS knows.
    near = shapely.box(
        west - _BESIDE_DEGREES, south - _BESIDE_DEGREES, east + _BESIDE_DEGREES,
        north + _BESIDE_DEGREES,
    )  # fmt: skip
    drawn = shapely.segmentize(shapely.intersection(drawn, near), _SEGMENT_DEGREES)
    there = Transformer.from_crs("EPSG:4326", crs, always_xy=True)

    def metric(xy: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.column_stack(there.transform(xy[:, 0], xy[:, 1]))

    found: shapely.Geometry = shapely.make_valid(shapely.transform(drawn, metric))
    return found


def _polygon_of(rings: Sequence[Sequence[Sequence[float]]]) -> shapely.Polygon:
    drawn = []
    for ring in rings:
        if len(ring) < 4 or any(len(place) < 2 for place in ring):
            raise OptionError("A ring of the lasso needs four places or more, each two numbers")
        places = np.array([place[:2] for place in ring], dtype=float)
        if not (np.isfinite(places).all() and (np.abs(places) <= (360.0, 90.0)).all()):
            raise OptionError("The lasso has places that are no longitude and latitude")
        drawn.append(places)
    return shapely.Polygon(drawn[0], drawn[1:])
