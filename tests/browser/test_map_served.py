"""The served map and start page in a real browser, under the policy that they are sent with."""

from __future__ import annotations

import pytest

from tests.serving import server_of
from tests.town import HOSTILE, TOWN, made_town

READY = "window.lianpianReady === true"


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with server_of(made_town(tmp_path_factory.mktemp("town") / "town.gpkg"), log="off") as running:
        yield running.url


@pytest.fixture
def online(page):
    """The page, which may reach the server on this machine."""
    page.context.set_offline(False)
    return page


def test_the_map_works_under_its_policy_and_asks_for_nothing(online, requests, page_errors, town):
    online.goto(f"{town}{TOWN}/map")
    online.wait_for_function(READY)

    assert online.text_content("#panel h1") == f"镇 {HOSTILE}"
    online.check('input[value="plain"]')
    assert requests == [f"{town}{TOWN}/map"]
    assert page_errors == []


def test_the_policy_lets_no_other_script_run(online, page_errors, town):
    online.goto(f"{town}{TOWN}/map")
    online.wait_for_function(READY)
    online.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.hacked = 1';"
        " document.body.append(s); document.body.insertAdjacentHTML('beforeend',"
        " '<img src=x onerror=\"window.hacked = 1\">') }"
    )

    assert online.evaluate("window.hacked") is None
    assert page_errors != []
    assert all("Content Security Policy" in told or "violates" in told for told in page_errors)


def test_the_start_page_shows_the_map_in_its_frame(online, page_errors, town):
    online.goto(f"{town}/")
    frame = online.frames[1]
    frame.wait_for_function(READY)

    assert online.text_content("h1") == f"镇 {HOSTILE}"
    assert frame.text_content("#panel h1") == f"镇 {HOSTILE}"
    assert page_errors == []
