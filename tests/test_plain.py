"""Values as JSON: what is unknown becomes null, arrays lists, and nothing else is changed."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.plain import in_json, json_text, plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (np.float32("nan"), None),
        (np.int64(3), 3),
        (np.array([[1.5, np.nan], [2.0, np.inf]]), [[1.5, None], [2.0, None]]),
        ({1: (True, "小区")}, {"1": [True, "小区"]}),
        (frozenset(["a"]), ["a"]),
    ],
)
def test_a_value_becomes_what_json_can_hold(value, expected):
    assert plain(value) == expected


def test_text_is_kept_readable_and_is_one_line():
    assert json_text({"名": "甲\n乙"}) == '{"名": "甲\\n乙"}'


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_nested_value_is_strict_json(value):
    def refuse(word):
        raise AssertionError(word)

    json.loads(json_text(value), parse_constant=refuse)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (
            "name their columns with --column lon=THEIRS --column lat=THEIRS (or x, y)",
            'name their columns with "columns": {"lon": "THEIRS", "lat": "THEIRS"} (or x, y)',
        ),
        (
            "has no column '人口 x' (--column people=人口 x(万人)); it has: a",
            """has no column '人口 x' ("columns": {"people": "人口 x(万人)"}); it has: a""",
        ),
        (
            "again with --column 'cost_yuan=HEADING(万元)' --replace",
            'again with "columns": {"cost_yuan": "HEADING(万元)"}, "replace": true',
        ),
        ("--set category=xx: no such", '"values": {"category": "xx"}: no such'),
        ("such as --set size=people:1:2, or", 'such as "values": {"size": "people:1:2"}, or'),
        ("with --coords gcj02 (高德) and", 'with "coords": "gcj02" (高德) and'),
        ("give it with --crs EPSG:n", 'give it with "crs": "EPSG:n"'),
        ("leave --encoding and --layer out", 'leave "encoding" and "layer" out'),
        ("--columns and well--set words stay", "--columns and well--set words stay"),
    ],
)
def test_what_a_message_advises_is_told_as_fields_of_json(line, fields):
    assert in_json(line) == fields
