"""JSON answers of plain and numpy values."""

import numpy as np

from api.answers import JsonAnswer


def test_unknown_numbers_become_null():
    answer = JsonAnswer({"m": np.array([1.0, np.nan])}, 201)
    assert answer.body == b'{"m": [1.0, null]}'
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"


def test_half_a_letter_does_not_break_an_answer():
    assert JsonAnswer({"name": "a\ud800"}).body == b'{"name": "a?"}'
