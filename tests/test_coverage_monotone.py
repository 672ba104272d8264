"""A gate that shuts takes nobody nearer; an opening or a facility more takes nobody farther.

In a made-up city with gates, walls, slopes and stairs, for walkers of different pace, both ways.
"""

from dataclasses import replace
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from gis.coverage import measure_coverage
from gis.rules import own_rule
from gis.sample import make_city
from gis.scenario import AddFacility, CloseGate, OpenWall, SetHours, apply

RULES = [
    own_rule("convenience_store", metres=200),
    own_rule("pharmacy", metres=500),
    own_rule("elderly_station", minutes=8, walker="elderly"),
    replace(own_rule("health_station", minutes=8, walker="frail"), round_trip=True),
    replace(own_rule("kindergarten", minutes=7, walker="child_with_carer"), round_trip=True),
    own_rule("park", minutes=12, walker="wheelchair"),
]
CATEGORIES = [rule.category for rule in RULES]


@cache
def city():
    return make_city(seed=5, estates=18)


@cache
def base(origin):
    return measured(city(), origin)


def measured(study, origin, at="10:00"):
    """People covered and status by rule, at a time of day."""
    coverage = measure_coverage(study, RULES, origin=origin, at=at)
    # Homes that are no longer there (people may start elsewhere) must not be compared by row.
    homes = list(zip(coverage.homes.estate, coverage.homes.building, strict=True))
    return [
        (row["people_covered"] or 0, dict(zip(homes, item.home_status == "covered", strict=True)))
        for row, item in zip(coverage.summary(), coverage.items, strict=True)
    ]


def never_more(less, more):
    for rule, (few, few_homes), (many, many_homes) in zip(RULES, less, more, strict=True):
        lost = [home for home, yes in few_homes.items() if yes and not many_homes[home]]
        assert lost == [], rule.category
        assert few <= many, rule.category


some = {"unique": True, "min_size": 1, "max_size": 12}
gates = st.lists(st.integers(0, len(city().layers["gates"]) - 1), **some)
walls = st.lists(
    st.integers(0, len(city().layers["walls"]) - 1), unique=True, max_size=3, min_size=1
)
origins = st.sampled_from(["gate", "building"])


def of(kind, rows, edit, *values):
    uids = city().layers[kind].uids
    return [edit(str(uids[row]), *values) for row in rows]


@settings(max_examples=6)
@given(gates, origins)
def test_closing_gates_takes_nobody_nearer(rows, origin):
    shut = apply(city(), of("gates", rows, CloseGate))

    never_more(measured(shut, origin), base(origin))


@settings(max_examples=6)
@given(gates, origins)
def test_shorter_hours_take_nobody_nearer(rows, origin):
    always = apply(city(), of("gates", range(len(city().layers["gates"])), SetHours, ""))
    timed = apply(always, of("gates", rows, SetHours, "06:00-22:00"))

    never_more(measured(timed, origin, "23:00"), measured(timed, origin, "12:00"))


@settings(max_examples=6)
@given(walls, origins)
def test_opening_walls_takes_nobody_farther(rows, origin):
    opened = apply(city(), of("walls", rows, OpenWall))

    never_more(base(origin), measured(opened, origin))


@settings(max_examples=6)
@given(st.data(), origins)
def test_another_facility_takes_nobody_farther(data, origin):
    low_x, low_y, high_x, high_y = city().layers["streets"].frame.total_bounds
    place = st.tuples(
        st.sampled_from(CATEGORIES),
        st.floats(0, 1).map(lambda share: low_x + share * (high_x - low_x)),
        st.floats(0, 1).map(lambda share: low_y + share * (high_y - low_y)),
    )
    places = data.draw(st.lists(place, min_size=1, max_size=4))
    more = apply(city(), [AddFacility(category, (x, y)) for category, x, y in places])

    never_more(base(origin), measured(more, origin))
