"""A reach that is repaired after edits says the same as a search from scratch.

Small networks are walked with a finger; random ones are held against `WalkNetwork.reach` on the
edited network, and against networkx.
"""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import OptionError
from gis.network import WalkNetwork
from gis.network import dynamic as module
from gis.network.dynamic import LiveReach

LIMIT_CM = 1000


def live_on(network, sources, limits_cm=LIMIT_CM, **options):
    limits = np.broadcast_to(limits_cm, (len(sources),))
    reach = network.reach(sources, limit_m=limits.max() / 100, **options)
    return LiveReach(network, reach.cm, sources, limits, **options)


def row_of(length=5, step_m=1.0):
    """Nodes 0 - 1 - 2 - ... in a row."""
    xy = np.column_stack([np.arange(length) * step_m, np.zeros(length)])
    links = np.column_stack([np.arange(length - 1), np.arange(1, length)])
    return WalkNetwork.from_arrays(xy, links, np.full(length - 1, step_m))


def changes(live, since=0):
    changed = live.changed(since)
    columns = (changed.row, changed.node, changed.before_cm, changed.after_cm)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_a_shortcut_makes_only_the_far_end_nearer():
    live = live_on(row_of(), [[0]])

    (link,) = live.add_links([[0, 4]], [[150, 150]])

    # 4 is 1.50 m away instead of 4; 3 is 1.50 + 1.00 instead of 3; 2 stays 2 away.
    assert changes(live) == [(0, 3, 300, 250), (0, 4, 400, 150)]
    assert link == 4


def test_a_closed_link_leaves_what_is_behind_it_unreached():
    live = live_on(row_of(), [[0]])

    live.close_links([2])

    assert changes(live) == [(0, 3, 300, -1), (0, 4, 400, -1)]
    assert live.cm(0, [0, 2, 3]).tolist() == [0, 200, -1]


def test_a_new_source_takes_over_its_side_and_leaves_the_other_row_alone():
    live = live_on(row_of(), [[0], [0]])

    live.add_sources(1, [4])

    assert changes(live) == [(1, 3, 300, 100), (1, 4, 400, 0)]


def test_the_source_of_two_facilities_stays_until_both_are_gone():
    live = live_on(row_of(), [[4, 4, 0]])

    live.remove_sources(0, [4])
    assert changes(live) == []

    live.remove_sources(0, [4])
    assert changes(live) == [(0, 3, 100, 300), (0, 4, 0, 400)]
    with pytest.raises(OptionError, match="node 4 is no source of row 0"):
        live.remove_sources(0, [4])


def test_two_nodes_without_a_way_between_them_do_not_vouch_for_each_other():
    # 0 -1m- 1 -0m- 2: when 0 - 1 goes, 1 and 2 would each call the other its way.
    network = WalkNetwork.from_arrays([(0, 0), (1, 0), (1, 0)], [(0, 1), (1, 2)], [1, 0])
    live = live_on(network, [[0]])

    live.close_links([0])

    assert changes(live) == [(0, 1, 100, -1), (0, 2, 100, -1)]


def test_a_new_node_is_reached_over_its_links_and_forgotten_by_undo():
    live = live_on(row_of(), [[0]])

    (node,) = live.add_nodes(1)
    live.add_links([[4, node]], [[25, 25]])

    assert live.cm(0, [node]).tolist() == [425]
    live.undo()
    assert live.nodes == 5
    assert changes(live) == []


def test_exactly_the_limit_is_reached_and_a_centimetre_more_is_not():
    live = live_on(row_of(3), [[0]], limits_cm=250)

    nodes = live.add_nodes(2)
    live.add_links([[2, nodes[0]], [2, nodes[1]]], [[50, 50], [51, 51]])

    assert live.cm(0, nodes).tolist() == [250, -1]


def test_a_row_is_repaired_up_to_its_own_limit():
    live = live_on(row_of(), [[], []], limits_cm=[100, 300])

    live.add_sources(0, [0])
    live.add_sources(1, [0])

    assert live.row_cm(0).tolist() == [0, 100, -1, -1, -1]
    assert live.row_cm(1).tolist() == [0, 100, 200, 300, -1]


def test_up_and_down_are_kept_apart():
    # Walking 0 -> 1 costs 1 m, 1 -> 0 costs 3 m.
    network = row_of(2).with_costs(np.array([[100, 300]], dtype=np.int32))
    to, back = live_on(network, [[]]), live_on(network, [[]], toward=False)

    to.add_sources(0, [1])
    back.add_sources(0, [1])

    assert to.row_cm(0).tolist() == [100, 0]
    assert back.row_cm(0).tolist() == [300, 0]
    to.add_links([[0, 1]], [[50, -1]])
    back.add_links([[0, 1]], [[50, -1]])
    assert to.row_cm(0).tolist() == [50, 0]
    assert back.row_cm(0).tolist() == [300, 0]


def test_more_edits_than_there_was_room_for(monkeypatch):
    monkeypatch.setattr(module, "SPARE_NODES", 1)
    monkeypatch.setattr(module, "SPARE_LINKS", 1)
    live = live_on(row_of(2), [[0]])

    last = 1
    for _ in range(6):
        (node,) = live.add_nodes(1)
        live.add_links([[last, node]], [[10, 10]])
        last = node

    assert live.cm(0, [last]).tolist() == [160]
    live.undo()
    assert live.row_cm(0).tolist() == [0, 100]


def test_the_network_and_the_reach_are_left_alone():
    network = row_of()
    reach = network.reach([[0]], limit_m=10)
    before = reach.cm.copy()
    live = LiveReach(network, reach.cm, [[0]], [LIMIT_CM])

    live.close_links([0])
    live.add_links([[0, 4]], [[1, 1]])

    assert np.array_equal(reach.cm, before)
    assert np.array_equal(network.reach([[0]], limit_m=10).cm, before)


def test_wrong_arrays_are_refused():
    network = row_of()
    reach = network.reach([[0]], limit_m=10)
    with pytest.raises(OptionError, match=r"give \(2, 5\)"):
        LiveReach(network, reach.cm, [[0], [1]], [1, 1])
    live = LiveReach(network, reach.cm, [[0]], [LIMIT_CM])
    with pytest.raises(OptionError, match="beyond the 5"):
        live.add_links([[0, 5]], [[1, 1]])
    with pytest.raises(OptionError, match="one pair of costs per link"):
        live.add_links([[0, 4]], [[-2, 1]])


class Twin:
    """The same edits on plain lists, searched from scratch each time."""

    def __init__(self, network, costs, sources):
        self.nodes = len(network)
        self.links = [tuple(pair) for pair in network.links.tolist()]
        self.costs = [tuple(pair) for pair in costs.tolist()]
        self.open = [True] * len(self.links)
        self.sources = [list(row) for row in sources]

    def network(self):
        costs = [c if o else (-1, -1) for c, o in zip(self.costs, self.open, strict=True)]
        flat = WalkNetwork.from_arrays(
            np.zeros((self.nodes, 2)), np.array(self.links).reshape(-1, 2), np.zeros(len(costs))
        )
        return flat.with_costs(np.array(costs, dtype=np.int32).reshape(-1, 2))

    def networkx_cm(self, sources):
        graph = nx.MultiDiGraph()
        graph.add_nodes_from(range(self.nodes))
        rows = zip(self.links, self.costs, self.open, strict=True)
        for (a, b), (along, against), is_open in rows:
            # Walked toward the source: the search follows each way backwards.
            graph.add_edges_from([(b, a, {"cm": along})] if is_open and along >= 0 else [])
            graph.add_edges_from([(a, b, {"cm": against})] if is_open and against >= 0 else [])
        if not sources:
            return [-1] * self.nodes
        far = nx.multi_source_dijkstra_path_length(
            graph, set(sources), cutoff=LIMIT_CM, weight="cm"
        )
        return [far.get(v, -1) for v in range(self.nodes)]


@st.composite
def towns(draw):
    nodes = draw(st.integers(2, 9))
    node = st.integers(0, nodes - 1)
    cost = st.sampled_from([-1, 0, 0, 1, 100, 150, 400, 700])
    links = draw(st.lists(st.tuples(node, node), min_size=1, max_size=18))
    symmetric = draw(st.booleans())
    costs = [(c, c if symmetric else draw(cost)) for c in (draw(cost) for _ in links)]
    flat = WalkNetwork.from_arrays(np.zeros((nodes, 2)), np.array(links), np.zeros(len(links)))
    sources = draw(st.lists(st.lists(node, max_size=4), min_size=1, max_size=3))
    return flat.with_costs(np.array(costs, dtype=np.int32)), sources


def one_edit(draw, live, twin):
    node = st.integers(0, twin.nodes - 1)
    row = draw(st.integers(0, len(twin.sources) - 1))
    word = draw(st.sampled_from(["link", "close", "node", "source", "remove", "remove"]))
    if word == "link":
        pair = (draw(node), draw(node))
        cost = (draw(st.integers(-1, 300)), draw(st.sampled_from([-1, 0, 0, 50, 300])))
        assert live.add_links([pair], [cost]).tolist() == [len(twin.links)]
        twin.links.append(pair)
        twin.costs.append(cost)
        twin.open.append(True)
    elif word == "close":
        link = draw(st.integers(0, len(twin.links) - 1))
        live.close_links([link])
        twin.open[link] = False
    elif word == "node":
        live.add_nodes(1)
        twin.nodes += 1
    elif word == "source":
        place = draw(node)
        live.add_sources(row, [place])
        twin.sources[row].append(place)
    elif twin.sources[row]:
        place = draw(st.sampled_from(twin.sources[row]))
        live.remove_sources(row, [place])
        twin.sources[row].remove(place)


@settings(max_examples=150)
@given(towns(), st.data())
def test_any_edits_one_after_the_other_agree_with_a_search_from_scratch(town, data):
    network, sources = town
    live = live_on(network, sources)
    first = [live.row_cm(row) for row in range(len(sources))]
    twin = Twin(network, network.cost_cm, sources)

    for _ in range(data.draw(st.integers(1, 8))):
        one_edit(data.draw, live, twin)
        fresh = twin.network().reach(twin.sources, limit_m=LIMIT_CM / 100).cm
        for row in range(len(sources)):
            assert live.row_cm(row).tolist() == fresh[row].tolist()
            assert fresh[row].tolist() == twin.networkx_cm(twin.sources[row])

    told = {(row, node): (before, after) for row, node, before, after in changes(live)}
    live_rows = [live.row_cm(row).tolist() for row in range(len(sources))]
    for row, before in enumerate(first):
        for node, after in enumerate(live_rows[row]):
            was = before[node] if node < len(before) else -1
            assert told.pop((row, node), (was, was)) == (was, after)
    assert not told

    live.undo()
    for row, before in enumerate(first):
        assert np.array_equal(live.row_cm(row), before)
    assert not live._lost.any()
    assert live._out.used == live._back.used == 0
    assert (live._out.head == -1).all()
    assert not live._shut.any()


@settings(max_examples=40)
@given(towns(), st.data())
def test_undo_to_a_checkpoint_keeps_what_was_before_it(town, data):
    network, sources = town
    live, twin = live_on(network, sources), Twin(network, network.cost_cm, sources)
    one_edit(data.draw, live, twin)
    kept = [live.row_cm(row).tolist() for row in range(len(sources))]
    mark = live.checkpoint()

    more = Twin(network, network.cost_cm, sources)
    more.__dict__.update({name: list(v) for name, v in vars(twin).items() if name != "nodes"})
    more.nodes = twin.nodes
    more.sources = [list(row) for row in twin.sources]
    for _ in range(3):
        one_edit(data.draw, live, more)
    live.undo(mark)

    assert [live.row_cm(row).tolist() for row in range(len(sources))] == kept
    assert changes(live, mark) == []
