"""Opening hours: what is open at which minute, and what cannot be read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.errors import InputError, OptionError
from gis.hours import Hours, open_now


@pytest.mark.parametrize(
    ("text", "at", "is_open"),
    [
        ("06:00-22:00", "06:00", True),
        ("06:00-22:00", "21:59", True),
        ("06:00-22:00", "22:00", False),
        ("06:00-22:00", "05:59", False),
        ("06:00-09:00,16:00-19:00", "10:00", False),
        ("06:00-09:00, 16:00-19:00", "16:30", True),
        ("22:00-06:00", "23:30", True),
        ("22:00-06:00", "05:59", True),
        ("22:00-06:00", "10:00", False),
        ("06:00-24:00", "23:59", True),
        ("06:00-24:00", "00:00", False),
        ("00:00-24:00", "00:00", True),
        ("08:00-08:00", "07:59", True),
        ("6:30-9:00", "06:30", True),
    ],
)
def test_a_gate_is_open_from_its_first_minute_until_its_last(text, at, is_open):
    assert Hours.parse(text).open_at(at) == is_open


@pytest.mark.parametrize(
    "text", ["", None, float("nan"), "24/7", " 全天 ", "24小时", "00:00-24:00"]
)
def test_without_hours_a_gate_is_always_open(text):
    assert all(Hours.parse(text).open_at(f"{hour:02}:30") for hour in range(24))


@pytest.mark.parametrize(
    "text",
    [
        "0６：00－22：00",
        "06:00～22:00",
        "06:00—22:00",
        "06:00–22:00",
        "06:00至22:00",
        "每天06:00-22:00",
        "Mo-Su 06:00-22:00",
        " 6:00 - 22:00 ",
    ],
)
def test_other_ways_of_writing_the_same_hours(text):
    assert Hours.parse(text) == Hours(((360, 1320),))


@pytest.mark.parametrize("sign", ["，", "、", "；", ";", ", "])
def test_commas_of_any_writing_part_the_spans(sign):
    hours = Hours.parse(f"06:00-12:00{sign}14:00-18:00")

    assert hours.spans == ((360, 720), (840, 1080))


@pytest.mark.parametrize(
    "text",
    ["早上", "06-22", "25:00-26:00", "06:60-22:00", "24:00-06:00", "06:00-24:01", "06:00-", ",",
     "Mo-Fr 06:00-22:00", "06:00-22:00 off"],
)  # fmt: skip
def test_what_says_no_hours_is_refused(text):
    with pytest.raises(InputError, match="cannot be read; write HH:MM-HH:MM"):
        Hours.parse(text)


@pytest.mark.parametrize("at", ["24:00", "10", "ten", "", "10:60", "-1:00"])
def test_an_hour_that_is_no_time_of_day_is_refused(at):
    with pytest.raises(OptionError, match="time of day"):
        Hours.parse("06:00-22:00").open_at(at)
    with pytest.raises(OptionError, match="time of day"):
        open_now([], at)


def test_many_texts_are_read_at_once_and_the_unreadable_count_as_open():
    open_, unreadable = open_now(["06:00-09:00", None, "sunrise", "09:00-11:00", np.nan], "10:00")

    assert open_.tolist() == [False, True, True, True, True]
    assert unreadable.tolist() == [False, False, True, False, False]


minutes = st.integers(0, 1439)


@given(minutes, minutes, minutes)
def test_a_span_and_the_rest_of_the_day_part_the_day(start, end, at):
    def clock(minute):
        return f"{minute // 60:02}:{minute % 60:02}"

    one = Hours.parse(f"{clock(start)}-{clock(end)}").open_at(clock(at))
    rest = Hours.parse(f"{clock(end)}-{clock(start)}").open_at(clock(at))

    assert one != rest if start != end else one and rest
