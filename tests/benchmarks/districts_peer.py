"""One peer method of districting by itself: python districts_peer.py METHOD CASE.npz ANSWER.npz.

The case holds xy (n, 2) m, links (e, 2), size (n,), low, high and count; the answer labels (n,)
and seconds. The peers are measured beside this project and are no part of it.
"""

import random
import sys
import tempfile
import time

import numpy as np


def pygeoda_skater(case):
    import pygeoda

    return _pygeoda(case, lambda w, data, **kw: pygeoda.skater(int(case["count"]), w, data, **kw))


def pygeoda_redcap(case):
    import pygeoda

    return _pygeoda(
        case,
        lambda w, data, **kw: pygeoda.redcap(
            int(case["count"]), w, data, "fullorder-wardlinkage", **kw
        ),
    )


def pygeoda_maxp(case):
    import pygeoda

    def call(w, data, *, bound_variable, min_bound, **kw):
        return pygeoda.maxp_greedy(w, data, bound_variable, min_bound, **kw)

    return _pygeoda(case, call)


def _pygeoda(case, call):
    import pygeoda

    with tempfile.NamedTemporaryFile("w", suffix=".gal") as file:
        near = _near(case)
        file.write(f"0 {len(near)} case id\n")
        for i, others in enumerate(near):
            file.write(f"{i} {len(others)}\n{' '.join(map(str, others))}\n")
        file.flush()
        weights = pygeoda.read_gal(file.name, [str(i) for i in range(len(near))])
    data = [case["xy"][:, 0].tolist(), case["xy"][:, 1].tolist()]
    start = time.perf_counter()
    found = call(
        weights, data, bound_variable=case["size"].tolist(), min_bound=float(case["low"]),
        scale_method="raw",
    )  # fmt: skip
    return np.array(found["Clusters"]) - 1, time.perf_counter() - start


def _near(case):
    near = [[] for _ in case["size"]]
    for a, b in case["links"].tolist():
        near[a].append(b)
        near[b].append(a)
    return near


def _spopt(case):
    import geopandas as gpd
    from libpysal.weights import W

    table = gpd.GeoDataFrame(
        {"size": case["size"], "x": case["xy"][:, 0], "y": case["xy"][:, 1]},
        geometry=gpd.points_from_xy(*case["xy"].T),
    )
    return table, W(dict(enumerate(_near(case))), silence_warnings=True)


def spopt_maxp(case):
    from spopt.region import MaxPHeuristic

    table, weights = _spopt(case)
    start = time.perf_counter()
    model = MaxPHeuristic(table, weights, ["x", "y"], "size", float(case["low"]), top_n=2)
    model.solve()
    return np.array(model.labels_), time.perf_counter() - start


def spopt_skater(case):
    """Its floor counts units, so that it knows no bound of sizes."""
    from spopt.region import Skater

    table, weights = _spopt(case)
    start = time.perf_counter()
    model = Skater(table, weights, ["x", "y"], n_clusters=int(case["count"]), floor=1)
    model.solve()
    return np.array(model.labels_), time.perf_counter() - start


def spopt_kmeans(case):
    from spopt.region import RegionKMeansHeuristic

    _, weights = _spopt(case)
    start = time.perf_counter()
    model = RegionKMeansHeuristic(case["xy"], int(case["count"]), weights)
    model.solve()
    return np.array(model.labels_), time.perf_counter() - start


def sklearn_ward(case):
    from scipy.sparse import coo_matrix
    from sklearn.cluster import AgglomerativeClustering

    n, (a, b) = len(case["size"]), case["links"].T
    near = coo_matrix((np.ones(2 * len(a)), (np.r_[a, b], np.r_[b, a])), shape=(n, n)).tocsr()
    start = time.perf_counter()
    model = AgglomerativeClustering(int(case["count"]), connectivity=near, linkage="ward")
    return model.fit(case["xy"]).labels_, time.perf_counter() - start


def gerrychain_recom(case):
    """The best of 300 recombinations by squared distances; both bounds as one share of the mean."""
    import networkx as nx
    from gerrychain import Graph, Partition, updaters
    from gerrychain.proposals import recom
    from gerrychain.tree import recursive_tree_part

    random.seed(1)
    count, size, xy = int(case["count"]), case["size"], case["xy"]
    plain = nx.Graph()
    plain.add_nodes_from((i, {"size": float(s)}) for i, s in enumerate(size))
    plain.add_edges_from(case["links"].tolist())
    graph = Graph.from_networkx(plain)
    mean = float(size.sum()) / count
    share = min(1 - float(case["low"]) / mean, float(case["high"]) / mean - 1)
    start = time.perf_counter()
    first = recursive_tree_part(graph, range(count), mean, "size", share)
    now = Partition(graph, dict(first), {"size": updaters.Tally("size")})

    def spread(plan):
        label = np.array([plan.assignment[i] for i in range(len(size))])
        return label, _spread(xy, label)

    label, best = spread(now)
    for _ in range(300):
        after = recom(now, "size", mean, share)
        changed, value = spread(after)
        if value <= best:
            now, label, best = after, changed, value
    return label, time.perf_counter() - start


def _spread(xy, label):
    number = np.bincount(label)
    return sum(
        float((z @ z) - (np.bincount(label, z) ** 2 / np.maximum(number, 1)).sum())
        for z in (xy - xy.mean(axis=0)).T
    )


if __name__ == "__main__":
    method, case_file, answer_file = sys.argv[1:]
    labels, seconds = globals()[method](dict(np.load(case_file)))
    np.savez(answer_file, label=labels, seconds=seconds)
