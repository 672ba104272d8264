"""The map of chosen sites in a real browser: click, switch between then and today, phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from gis.maps import render_map
from gis.model import Study
from gis.rules import own_rule
from gis.sample import make_city
from gis.sites import Ask, SitePlan, plan_sites

READY = "window.lianpianReady === true"
MAP = "const m = window[Object.keys(window).find(k => /^map_[0-9a-f]{32}$/.test(k))];"


@pytest.fixture(scope="module")
def city() -> Study:
    return make_city(seed=3, estates=40)


@pytest.fixture(scope="module")
def plan(city: Study) -> SitePlan:
    return plan_sites(city, [own_rule("elderly_station", metres=300)], Ask(count=2))


@pytest.fixture
def opened(
    page: Page, requests: list[str], page_errors: list[str], city: Study, plan: SitePlan,
    tmp_path: Path,
) -> Iterator[Page]:  # fmt: skip
    """The page, opened; when the test is over nothing was asked for and nothing went wrong."""
    file = tmp_path / "map.html"
    text = render_map(city, coverage=None, plan=None, sites=plan, title="选址", date="2026-11-21")
    file.write_text(text, "utf-8")
    page.goto(file.as_uri())
    page.wait_for_function(READY)
    yield page
    assert set(requests) == {file.as_uri()}
    assert page_errors == []


def legend(page: Page) -> list[int]:
    """Estates within reach, and those with a gap."""
    numbers: list[int] = page.eval_on_selector_all(
        "#legend > ul.legend:first-of-type em", "all => all.map(e => parseInt(e.textContent))"
    )
    return numbers


def estates(plan: SitePlan, *, then: bool) -> list[int]:
    coverage = plan.after if then else plan.before
    assert coverage is not None
    status = coverage.items[0].status
    return [int((status == word).sum()) for word in ("covered", "gap")]


def site_on_screen(page: Page, uid: str) -> Any:
    """Where the point of a chosen site is on the screen, after moving there."""
    return page.evaluate(
        f"""(uid) => {{ {MAP}
        const data = JSON.parse(document.getElementById("lianpian-data").textContent);
        const all = Object.values(m._layers).filter(l => l instanceof L.CircleMarker);
        const place = data.overlays.find(l => l.key === "chosen-sites").rows.uid.indexOf(uid);
        const shape = all.filter(l => l.options.radius === 9)[place];
        m.setView(shape.getLatLng(), 17, {{animate: false}});
        const point = m.latLngToContainerPoint(shape.getLatLng());
        const box = m.getContainer().getBoundingClientRect();
        return [point.x + box.left, point.y + box.top]; }}""",
        uid,
    )


def test_a_click_on_a_site_tells_what_it_is_for(opened: Page, plan: SitePlan) -> None:
    site = plan.to_json()["chosen"][0]
    opened.mouse.click(*site_on_screen(opened, site["uid"]))

    text = opened.inner_text(".popup")
    assert (site["name"] or site["uid"]) in text
    for word in ("用途", "老年服务站", "新增覆盖", "取消后失去服务"):
        assert word in text
    assert f"{site['services'][0]['newly_covered']:,.0f} " in text


def test_then_and_today_are_two_pictures_with_counts_of_their_own(
    opened: Page, plan: SitePlan
) -> None:
    assert opened.is_checked('input[name="when"][value="then"]')
    assert legend(opened) == estates(plan, then=True)
    then = opened.locator(".folium-map").screenshot()

    opened.check('input[name="when"][value="today"]')

    assert legend(opened) == estates(plan, then=False)
    assert legend(opened) != estates(plan, then=True)
    assert opened.locator(".folium-map").screenshot() != then


def test_today_keeps_being_shown_in_the_other_language(opened: Page, plan: SitePlan) -> None:
    opened.check('input[name="when"][value="today"]')
    opened.click("button.lang")

    text = opened.inner_text("#panel")
    assert "with these sites" in text
    assert "Sites chosen" in text
    assert opened.is_checked('input[name="when"][value="today"]')
    assert legend(opened) == estates(plan, then=False)
    opened.click("button.lang")
    assert "现状" in opened.inner_text("#panel")


def test_not_coloured_and_back(opened: Page) -> None:
    opened.check('input[value="plain"]')
    assert legend(opened) == []

    opened.check('input[name="when"][value="today"]')

    assert opened.is_checked('input[value="category"]')


def test_the_panel_says_what_the_choice_brings(opened: Page, plan: SitePlan) -> None:
    (service,) = plan.services
    text = opened.inner_text("#panel .sites")
    before, after = service.need.people_before, service.people_after
    assert f"{before:,.0f} → {after:,.0f} (+{after - before:,.0f})" in text
    assert "新增 2 处" in text


def test_a_site_is_found_by_its_name(opened: Page, plan: SitePlan) -> None:
    site = plan.to_json()["chosen"][1]
    opened.fill("#search", site["name"] or site["uid"])
    opened.press("#search", "Enter")

    assert "选址结果" in opened.inner_text(".popup")


def test_the_names_of_sites_go_with_them(opened: Page, plan: SitePlan) -> None:
    names = {site["name"] or site["uid"] for site in plan.to_json()["chosen"]}
    assert set(opened.locator(".label.site").all_inner_texts()) == names

    opened.uncheck('.check input[value="chosen-sites"]')

    assert opened.locator(".label.site").count() == 0


def test_on_a_phone_nothing_is_wider_than_the_screen(opened: Page) -> None:
    opened.set_viewport_size({"width": 360, "height": 740})
    opened.reload()
    opened.wait_for_function(READY)
    opened.click("#toggle")

    assert opened.evaluate("document.documentElement.scrollWidth") <= 360
    assert opened.evaluate("document.getElementById('panel').scrollWidth") <= 360
    opened.check('input[name="when"][value="today"]')
    assert opened.is_checked('input[name="when"][value="today"]')
