"""The ground of the made-up city against a graph that networkx walks and nobody here built.

Its edges are the straight pieces between the vertices of the streets as they stand in the layer.
What is shut is taken out by hand: pieces that cross a drawn wall, and lanes through the outline of
an estate within 5 m of its gate, unless the nearest gate there is open at that hour.
"""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, Point, STRtree

from gis.model import Layer
from gis.network import lay_ground
from gis.sample import make_city

CLOSED_WAYS = ("motorway", "motorway_link")
SHUT_AT_NIGHT = "06:00-22:00"


def added(layer, rows):
    more = gpd.GeoDataFrame(rows, crs=layer.crs)
    frame = pd.concat([layer.frame, more.reindex(columns=layer.frame.columns)], ignore_index=True)
    return Layer(layer.kind, gpd.GeoDataFrame(frame.astype(layer.frame.dtypes), crs=layer.crs))


@pytest.fixture(scope="module")
def city():
    """A city with a wall through its middle that has two gates; every third gate shuts at night."""
    study = make_city(seed=4, estates=30)
    low_x, low_y, high_x, high_y = study.layers["streets"].frame.total_bounds
    middle = low_x + 0.437 * (high_x - low_x)
    wall = LineString([(middle, low_y - 9), (middle + 31.7, high_y + 9)])
    crossed = [p for _, piece in pieces(study, ground_only=True) if (p := wall & piece)]
    gates = study.layers["gates"]
    frame = gates.frame.copy()
    frame["hours"] = pd.Series([SHUT_AT_NIGHT, None, None] * len(frame), dtype="str")
    gates = added(
        Layer(gates.kind, frame),
        {
            "uid": ["new-1", "new-2"],
            "hours": [None, SHUT_AT_NIGHT],
            "geometry": [Point(crossed[0]), Point(crossed[-1])],
        },
    )
    walls = added(study.layers["walls"], {"uid": ["new"], "geometry": [wall]})
    return replace(study, layers={**study.layers, "gates": gates, "walls": walls}), wall


def pieces(study, *, ground_only):
    """Pairs of places, to the millimetre, and the straight piece of street between them."""
    frame = study.layers["streets"].frame
    walked = frame["walkable"].fillna(True) & ~frame["highway"].isin(CLOSED_WAYS)
    if ground_only:
        walked &= ~(frame["bridge"].fillna(False) | frame["tunnel"].fillna(False))
    for street in frame[walked.to_numpy(dtype=bool)].itertuples():
        xy = np.asarray(street.geometry.coords)[:, :2]
        for a, b in pairwise(xy):
            yield (tuple(np.round(a, 3)), tuple(np.round(b, 3))), LineString([a, b])


def graph_of(study, wall, at):
    graph = nx.Graph()
    for (a, b), piece in pieces(study, ground_only=False):
        graph.add_edge(a, b, m=piece.length)
    gates = study.layers["gates"].frame
    spots = list(gates.geometry)
    open_ = [
        access not in ("cars", "closed") and (pd.isna(hours) or "06:00" <= at < "22:00")
        for access, hours in zip(gates["access"], gates["hours"], strict=True)
    ]
    estates = study.layers["estates"].frame.set_index("uid").geometry
    lines = [(wall, None)]
    for uid in gates["estate"].dropna().unique():
        own = [p for p, estate in zip(spots, gates["estate"], strict=True) if estate == uid]
        lines.append((estates[uid].exterior, own))
    ends, shapes = zip(*pieces(study, ground_only=True), strict=True)
    tree, all_gates, shut = STRtree(shapes), STRtree(spots), 0
    for line, own in lines:
        for k in tree.query(line, predicate="intersects"):
            meets = line & shapes[k]
            assert meets.geom_type == "Point"
            if own is not None and min(meets.distance(gate) for gate in own) > 5:
                continue
            near = all_gates.nearest(meets)
            if (meets.distance(spots[near]) > 5 or not open_[near]) and graph.has_edge(*ends[k]):
                graph.remove_edge(*ends[k])
                shut += 1
    return graph, shut


def streets_of(network):
    """Without the straight ways from gates and doors to their streets, which are short cuts too."""
    way = (network.street < 0) & (network.length_cm > 0)
    cost = network.cost_cm if network.cost_cm is not None else network.length_cm[:, None]
    return network.with_costs(np.where(way[:, None], -1, cost + np.zeros(2, dtype=cost.dtype)))


@pytest.mark.parametrize("at", ["10:00", "23:00"])
def test_walks_between_random_spots_are_those_of_networkx(city, at):
    study, wall = city
    graph, shut = graph_of(study, wall, at)
    assert shut > 20
    network = streets_of(lay_ground(study, at=at).network)
    places = [tuple(xy) for xy in np.round(network.xy, 3)]
    row = {place: i for i, place in enumerate(places)}
    # A street that ends in a shut gate has two ends there, one on each side.
    once = {place for place, count in Counter(places).items() if count == 1}
    spots = [spot for spot in graph if spot in once]
    some = np.random.default_rng(9).choice(len(spots), 25, replace=False)
    reach = network.reach([[row[spots[k]]] for k in some], limit_m=1e5)

    ways, cut_off = 0, 0
    for k, cm in zip(some, reach.cm, strict=True):
        metres = nx.single_source_dijkstra_path_length(graph, spots[k], weight="m")
        for spot in spots:
            found = cm[row[spot]]
            assert (found >= 0) == (spot in metres), (spots[k], spot)
            cut_off += found < 0
            if found >= 0:
                ways += 1
                # Lengths are whole centimetres for each of some hundred links.
                assert found / 100 == pytest.approx(metres[spot], abs=1.0)
    assert ways > 5000
    assert cut_off > 100
