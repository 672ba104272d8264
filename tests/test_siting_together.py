"""Several services in shared rooms: by hand, and against every way of filling the rooms."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from gis.errors import OptionError
from gis.siting.locate import locate
from gis.siting.together import Service, locate_together
from gis.siting.together.check import together_faults

NEAR, FAR = 100.0, 900.0


def three(*, canteen_m2: float = 300.0) -> list[Service]:
    """Nursery, canteen and service station: 900 m2 together, all within reach of both rooms."""
    ways = [[NEAR, NEAR]]
    return [
        Service("nursery", ways, [40], limit=300, need=350),
        Service("canteen", ways, [200], limit=500, need=canteen_m2),
        Service("station", ways, [300], limit=500, need=250),
    ]


def test_a_room_of_900_m2_holds_three_services_of_900_m2_together() -> None:
    found = locate_together(three(), floor=[600, 900], count=1)
    assert (found.status, found.objective, found.bound) == ("optimal", 540, 540)
    assert found.rooms.tolist() == [1]
    assert found.holds[:, 1].all()
    assert [a.tolist() for a in found.assignment] == [[1], [1], [1]]


def test_one_square_metre_more_does_not_fit() -> None:
    found = locate_together(three(canteen_m2=301), floor=[600, 900], count=1)
    # 900 m2 hold all but one: without the nursery 500 people are served, without another fewer.
    assert (found.status, found.objective) == ("optimal", 500)
    assert found.holds[:, found.rooms[0]].tolist() == [False, True, True]


def test_a_room_is_paid_once_and_fitting_out_for_each_service() -> None:
    services = [replace(s, fit_out=10) for s in three()]
    found = locate_together(services, floor=[900, 900], room_cost=[100, 90], share=1.0)
    # 90 + 3 x 10; in two rooms it would be 190 + 30.
    assert (found.status, found.objective, found.paid) == ("optimal", 120, 120)
    assert found.rooms.tolist() == [1]


def test_without_costs_the_fewest_rooms_are_sought() -> None:
    found = locate_together(three(), floor=[600, 600], share=1.0)
    assert (found.status, found.objective, len(found.rooms)) == ("optimal", 2, 2)
    assert np.isnan(found.paid)


def test_a_kindergarten_takes_its_place_alone() -> None:
    services = [replace(three()[0], alone=True), *three()[1:]]
    found = locate_together(services, floor=5000, count=1)
    # Canteen and station 500, kindergarten alone 40.
    assert (found.status, found.objective) == ("optimal", 500)
    assert locate_together(services, floor=5000, count=2).objective == 540


def test_count_is_of_rooms_and_most_of_one_service() -> None:
    canteen = Service("canteen", [[1, FAR, FAR], [FAR, 1, FAR], [FAR, FAR, 1]], [5, 6, 7], limit=9)
    assert locate_together([canteen], floor=0, count=3).objective == 18
    limited = replace(canteen, most=1)
    assert locate_together([limited], floor=0, count=3).objective == 7


def test_what_is_there_already_counts_and_is_not_served_twice() -> None:
    canteen = Service("canteen", [[1, FAR], [FAR, 1]], [100, 20], limit=9, given=[True, False])
    found = locate_together([canteen], floor=0, count=1)
    assert found.rooms.tolist() == [1]
    assert (found.objective, found.already.tolist(), found.reachable.tolist()) == (
        120,
        [100],
        [120],
    )
    assert found.assignment[0].tolist() == [-1, 1]
    assert found.served[0].tolist() == [True, True]


def test_a_given_room_with_free_floor_is_neither_counted_nor_paid() -> None:
    services = [replace(s, fit_out=10) for s in three()]
    found = locate_together(
        services, floor=[550, 900], room_cost=[100, 100], count=0, given=[0], budget=25
    )
    # Canteen and station, 550 m2, fit into the free floor of room 0.
    assert (found.status, found.objective, found.paid) == ("optimal", 500, 20)
    assert found.rooms.tolist() == []
    assert found.holds[:, 0].tolist() == [False, True, True]


@pytest.mark.parametrize(("enlarging", "way"), [(70.0, 0), (90.0, 1)])
def test_the_cheaper_of_upgrade_and_new_room_wins(enlarging: float, way: int) -> None:
    # Today's canteen serves demand 0. Room 0 is it, enlarged for a station; room 1 is new.
    canteen = Service("canteen", [[1, 1]], [200], limit=9, need=300, given=[True])
    station = Service("station", [[5, 5]], [80], limit=9, need=250)
    found = locate_together(
        [canteen, station], floor=[250, 900], room_cost=[enlarging, 80], share=1.0
    )
    assert found.rooms.tolist() == [way]
    assert found.objective == min(enlarging, 80)
    assert found.covered.tolist() == [200, 80]


def test_of_a_small_and_a_large_extension_only_one_is_built() -> None:
    # Room 0: 300 m2 for 50; room 1: the same place with 600 m2 for 90; room 2 elsewhere for 100.
    services = [
        Service("canteen", [[1, 1, 1]], [100], limit=9, need=300),
        Service("station", [[1, 1, 1]], [60], limit=9, need=300),
    ]
    place = {"floor": [300, 600, 300], "room_cost": [50.0, 90.0, 100.0], "one_of": [0, 0, -1]}
    found = locate_together(services, share=1.0, **place)
    assert (found.rooms.tolist(), found.objective) == ([1], 90)
    assert locate_together(services, budget=89, **place).rooms.tolist() == [0]
    both = locate_together(services, count=2, closed=[2], **place)
    assert both.rooms.tolist() == [1]


def test_more_places_at_an_existing_school_against_a_new_one() -> None:
    # Site 0: the school as it is, 100 places; site 1: enlarged to 200 for 60; site 2: new for 90.
    cost, demand = [[1.0, 1.0, 2.0], [2.0, 2.0, 1.0]], [100.0, 100.0]
    ask: dict[str, Any] = {"model": "lscp", "limit": 9, "one_of": [0, 0, -1]}
    places = [100.0, 200.0, 100.0]
    found = locate(cost, demand, capacity=places, site_cost=[0.0, 60.0, 90.0], **ask)
    assert (found.chosen.tolist(), found.objective) == ([1], 60)
    dearer = locate(cost, demand, capacity=places, site_cost=[0.0, 99.0, 90.0], **ask)
    assert (dearer.chosen.tolist(), dearer.objective) == ([0, 2], 90)


def small(seed: int) -> tuple[list[Service], dict[str, Any]]:
    """Up to three services and four rooms; every option comes up in some of them."""
    rng = np.random.default_rng(seed)
    m, services = int(rng.integers(2, 5)), []
    for s in range(int(rng.integers(1, 4))):
        n = int(rng.integers(1, 6))
        ways = np.rint(rng.uniform(0, 10, (n, m)))
        ways[rng.random((n, m)) < 0.2] = np.inf
        people = rng.integers(0, 9, n).astype(float)
        people[0] += 1
        if rng.random() < 0.3:
            people = np.round(people * 1.37, 2)
        services.append(
            Service(
                f"s{s}", ways, people,
                limit=float(rng.integers(3, 10)) if rng.random() < 0.8 else None,
                need=rng.integers(0, 5, m).astype(float),
                fit_out=rng.integers(0, 4, m).astype(float) if rng.random() < 0.6 else 0.0,
                weight=float(rng.choice([1.0, 1.0, 2.5])),
                allowed=rng.random(m) < 0.8 if rng.random() < 0.3 else None,
                given=rng.random(n) < 0.3 if rng.random() < 0.3 else None,
                alone=bool(rng.random() < 0.2),
                most=1 if rng.random() < 0.2 else None,
            )
        )  # fmt: skip
    options: dict[str, Any] = {"floor": rng.integers(3, 9, m).astype(float)}
    kind = rng.permutation(m)
    if rng.random() < 0.5:
        options["room_cost"] = np.round(rng.integers(0, 7, m) * rng.choice([1.0, 1.37]), 2)
    if rng.random() < 0.3:
        options["given"] = kind[:1].tolist()
    if rng.random() < 0.2:
        options["required"] = kind[1:2].tolist()
    if rng.random() < 0.3:
        options["one_of"] = rng.integers(-1, 2, m)
    way = rng.random()
    if way < 0.4:
        options["share"] = float(rng.choice([0.3, 0.6, 0.8, 1.0]))
    if way > 0.7 or 0.4 <= way < 0.55:
        options["budget"] = float(rng.integers(3, 15))
    if way >= 0.55:
        options["count"] = int(rng.integers(1, m + 1))
    return services, options


def best_of_all(services: list[Service], options: dict[str, Any]) -> float | None:
    """The objective by trying every filling of the rooms; None: none keeps the rules."""
    m, many = services[0].matrix.shape[1], len(services)
    given, required = set(options.get("given", ())), set(options.get("required", ()))
    price = np.broadcast_to(options.get("room_cost", 0.0), (m,))
    known = "room_cost" in options or any(np.any(s.fit_out) for s in services)
    group, share = options.get("one_of", [-1] * m), options.get("share")
    ways = [np.asarray(s.cost, dtype=float) for s in services]
    near = [
        w <= (np.inf if s.limit is None else s.limit) for w, s in zip(ways, services, strict=True)
    ]
    near = [n & np.isfinite(w) for n, w in zip(near, ways, strict=True)]
    fit = [np.broadcast_to(s.fit_out, (m,)) for s in services]
    may: list[list[tuple[int, ...]]] = []
    for j in range(m):
        fillings = []
        for size in product([0, 1], repeat=many):
            inside = [s for s in range(many) if size[s]]
            taken = sum(services[s].need[j] for s in inside)  # type: ignore[index]
            good = taken <= options["floor"][j]
            good &= all(services[s].allowed is None or services[s].allowed[j] for s in inside)  # type: ignore[index]
            good &= len(inside) < 2 or not any(services[s].alone for s in inside)
            if good:
                fillings.append(tuple(inside))
        may.append(fillings)
    best: float | None = None
    for filling in product(*may):
        opened = given | required | {j for j in range(m) if filling[j]}
        marks = [group[j] for j in opened if group[j] >= 0]
        ours = opened - given
        if len(marks) != len(set(marks)) or len(ours) > options.get("count", m):
            continue
        where = [[j for j in range(m) if s in filling[j]] for s in range(many)]
        if any(
            s.most is not None and len(w) > s.most for s, w in zip(services, where, strict=True)
        ):
            continue
        paid = sum(price[j] for j in ours) + sum(fit[s][j] for s in range(many) for j in where[s])
        if paid > options.get("budget", np.inf) + 1e-9:
            continue
        covered = []
        for s, service in enumerate(services):
            served = near[s][:, where[s]].any(axis=1)
            if service.given is not None:
                served |= np.asarray(service.given)
            covered.append(float(np.asarray(service.demand)[served].sum()))
        if share is not None:
            totals = [float(np.sum(s.demand)) for s in services]
            if any(c < share * t - 1e-9 * max(1, t) for c, t in zip(covered, totals, strict=True)):
                continue
            value = float(paid) if known else float(len(ours))
            best = value if best is None else min(best, value)
        else:
            value = sum(s.weight * c for s, c in zip(services, covered, strict=True))
            best = value if best is None else max(best, value)
    return best


def attack(seeds: range) -> tuple[int, int]:
    """How many instances had an answer, and how many provably none; all as by brute force."""
    solved = none = 0
    for seed in seeds:
        services, options = small(seed)
        try:
            found = locate_together(services, **options)
        except OptionError:
            continue
        best = best_of_all(services, options)
        if best is None:
            assert found.status == "infeasible", seed
            none += 1
            continue
        assert found.status == "optimal", seed
        assert found.objective == pytest.approx(best, rel=1e-9), seed
        hurried = locate_together(services, time_limit_s=1e-9, **options)
        if hurried.status in ("optimal", "feasible"):
            worse = -1 if "share" in options else 1
            assert worse * (hurried.bound - best) >= -1e-9 * max(1, best), seed
        solved += 1
    return solved, none


def test_every_filling_of_small_rooms_is_beaten_or_equalled() -> None:
    solved, none = attack(range(80))
    assert solved > 30
    assert none > 0


def test_a_greedy_answer_with_a_bound_when_there_is_no_time() -> None:
    rng = np.random.default_rng(1)
    services = [
        Service(f"s{s}", rng.uniform(0, 1000, (60, 10)), rng.integers(1, 50, 60), limit=200, need=2)
        for s in range(3)
    ]
    found = locate_together(services, floor=4, count=3, time_limit_s=1e-6)
    assert found.status in ("feasible", "optimal")
    best = locate_together(services, floor=4, count=3, time_limit_s=60)
    assert best.status == "optimal"
    assert found.objective <= best.objective <= found.bound
    assert found.objective >= 0.63 * best.objective
    dear = locate_together(services, floor=4, room_cost=7, share=0.5, time_limit_s=1e-6)
    assert dear.bound <= locate_together(services, floor=4, room_cost=7, share=0.5).objective


def test_a_sparse_matrix_is_the_same_as_a_dense_one() -> None:
    ways = np.array([[0.0, np.nan], [np.nan, 3.0]])
    stored = sp.coo_array(([0.0, 3.0], ([0, 1], [0, 1])), shape=(2, 2))
    dense = locate_together([Service("a", ways, [4, 5], limit=3)], floor=0, count=2)
    sparse = locate_together([Service("a", stored, [4, 5], limit=3)], floor=0, count=2)
    assert dense.objective == sparse.objective == 9


def test_a_share_out_of_reach_says_of_which_service() -> None:
    canteen = Service("canteen", [[1, 2], [FAR, FAR]], [30, 10], limit=9)
    found = locate_together([canteen], floor=0, share=0.8)
    assert found.status == "infeasible"
    assert found.reason == (
        "service 'canteen' can serve at most 30 of 40 people (75.0%) from the rooms where it "
        "fits, 2 too few"
    )


def test_rooms_that_cannot_hold_all_are_told() -> None:
    found = locate_together(three(canteen_m2=500), floor=[500, 600], one_of=[1, 1], share=1.0)
    assert found.status == "infeasible"
    assert found.reason.startswith("no choice of rooms gives every service its share")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"floor": [300, 200]},
            "no room is large enough for service 'nursery': it takes 350 m2 in ",
        ),
        (
            {"budget": 5, "count": None, "room_cost": 12},
            "the budget of 5 is below the cheapest room",
        ),
        (
            {"budget": 0, "count": None, "room_cost": 12},
            "the budget of 0 is below the cheapest room",
        ),
        ({"budget": 5, "count": None}, "a budget needs room_cost or fit_out"),
        ({"count": 3}, "count is 3, but there are 2 rooms to choose from"),
        ({"count": None}, "give count"),
        ({"share": 0.5}, "leave count and budget out"),
        ({"required": [0], "closed": [0]}, "room 0 is both required and closed"),
        ({"required": [0, 1], "one_of": [1, 1]}, "rooms 0 and 1 exclude each other"),
        ({"floor": [900, np.nan]}, "floor 1 is nan"),
        ({"closed": [2]}, "closed names room 2, but rooms are 0 to 1"),
    ],
)
def test_what_cannot_be_asked_is_told_in_words(change: dict[str, Any], words: str) -> None:
    options = {"floor": [900, 900], "count": 1} | change
    with pytest.raises(OptionError) as told:
        locate_together(three(), **options)
    assert words in str(told.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"demand": [0]}, "Service 'canteen': nobody is to be served"),
        ({"demand": [-1]}, "demand 0 is -1"),
        ({"demand": [1, 2]}, "1 rows of cost, but 2 demands"),
        ({"need": -3}, "need 0 is -3"),
        ({"allowed": [True]}, "allowed has to be 2 times true or false"),
        ({"weight": 0}, "weight is 0"),
        ({"most": -1}, "most is -1"),
    ],
)
def test_a_wrong_service_cannot_be_made(change: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError) as told:
        replace(three()[1], **change)
    assert words in str(told.value)


def test_services_have_names_of_their_own_and_the_same_rooms() -> None:
    other = Service("canteen", [[1.0]], [1])
    with pytest.raises(OptionError, match="'canteen' is listed twice; the services do not have"):
        locate_together([three()[1], other], floor=9, count=1)


def test_the_checker_finds_what_is_wrong() -> None:
    services, ask = three(), {"floor": [600, 900], "count": 1}
    found = locate_together(services, **ask)
    assert together_faults(services, found, **ask) == []
    assert together_faults(services, found, floor=[600, 899], count=1) == [
        "room 1 has 899 m2 for 900"
    ]
    for change, words in (
        ({"objective": 541.0}, "the objective is 540, not 541"),
        ({"bound": 530.0}, "is better than the bound 530"),
        ({"covered": np.array([40, 200, 299.0])}, "'station' serves 300, not 299"),
        ({"rooms": np.array([0, 1])}, "2 rooms are opened, 1 are allowed"),
        ({"rooms": np.array([0])}, "room 1 holds 'nursery', but is not open"),
        (
            {"assignment": tuple(np.array([-1]) for _ in range(3))},
            "demand 0 of 'nursery' has room -1",
        ),
    ):
        assert any(words in f for f in together_faults(services, replace(found, **change), **ask))


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({"most": 0}, {}, "'nursery' has 1 rooms, 0 are allowed"),
        ({"alone": True}, {}, "'nursery' is not alone in room 1"),
        ({"allowed": [True, False]}, {}, "'nursery' is not allowed in room 1"),
        ({}, {"closed": [1]}, "room 1 is open although it is closed"),
        ({}, {"required": [0]}, "room 0 is required, but not open"),
        ({}, {"given": [0], "one_of": [3, 3]}, "rooms 0 and 1 exclude each other"),
        ({}, {"room_cost": 5, "budget": 4}, "5 is paid, above the budget of 4"),
        ({"limit": 99}, {}, "demand 0 of 'nursery' is told wrongly as served or not"),
    ],
)
def test_the_checker_reads_every_rule(
    change: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    found = locate_together(three(), floor=[600, 900], count=1)
    services = [replace(three()[0], **change), *three()[1:]]
    faults = together_faults(services, found, floor=[600, 900], count=1, **options)
    assert words in "; ".join(faults)
