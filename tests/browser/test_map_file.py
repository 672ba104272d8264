"""The map file in a real browser, from file:// with the network off."""

import pytest

from gis.coverage import measure_coverage
from gis.districts import plan_districts
from gis.maps import render_map
from gis.rules import DEFAULT_PACK, load_pack
from gis.sample import make_city

HOSTILE = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1">{{7*7}}'
READY = "window.lianpianReady === true"


@pytest.fixture(scope="module")
def city():
    return make_city(seed=3, estates=40)


@pytest.fixture(scope="module")
def analysed(city):
    pack = load_pack(DEFAULT_PACK)
    coverage = measure_coverage(city, pack.rules)
    plan = plan_districts(city, sizes={"count": (3, 8)}, time_limit_s=1.0, name="方案一")
    return pack, coverage, plan


@pytest.fixture
def opened(page, requests, page_errors, city, analysed, tmp_path):
    """The page, opened; when the test is over nothing was asked for and nothing went wrong."""
    pack, coverage, plan = analysed
    file = tmp_path / "map.html"
    file.write_text(
        render_map(
            city, coverage=coverage, plan=plan, rules=pack, title=HOSTILE, date="2026-11-20"
        ),
        "utf-8",
    )
    page.goto(file.as_uri())
    page.wait_for_function(READY)
    yield page
    assert set(requests) == {file.as_uri()}
    assert page_errors == []


def test_a_hostile_title_is_shown_as_text(opened):
    assert opened.text_content("#panel h1") == HOSTILE
    assert opened.evaluate("window.hacked") is None


def test_the_panel_names_date_rule_pack_and_source(opened, analysed):
    text = opened.inner_text("#panel")

    assert "2026-11-20" in text
    assert analysed[0].zh in text
    assert "方案一" in text


def test_estates_are_coloured_by_district_by_missing_and_by_category(opened):
    seen = set()
    for mode in ("district", "missing", "category", "plain"):
        opened.check(f'input[value="{mode}"]')
        seen.add(opened.locator(".folium-map").screenshot())

    assert len(seen) == 4


def test_the_legend_of_a_category_adds_up_to_all_estates(opened, city):
    opened.check('input[value="category"]')

    numbers = opened.eval_on_selector_all(
        "#legend > ul.legend:first-of-type em", "all => all.map(e => parseInt(e.textContent))"
    )

    assert sum(numbers) == len(city.layer("estates"))


def test_a_search_opens_the_popup_of_the_estate(opened, city):
    name = str(city.frame("estates")["name"].dropna().iloc[0])

    opened.fill("#search", name)
    opened.press("#search", "Enter")

    assert opened.inner_text(".popup h3") == name
    assert "步行" in opened.inner_text(".popup .items")


MAP = "const m = window[Object.keys(window).find(k => /^map_[0-9a-f]{32}$/.test(k))];"


def place(page, choose):
    """Where on the screen the first visible shape with a popup is that ``choose`` (JS) takes."""
    return page.evaluate(
        f"""() => {{ {MAP}
        const all = Object.values(m._layers).filter(l => l.getPopup && l.getPopup());
        const shape = all.find({choose});
        const at = shape.getCenter ? shape.getCenter() : shape.getLatLng();
        m.setView(at, 17, {{animate: false}});
        const point = m.latLngToContainerPoint(at), box = m.getContainer().getBoundingClientRect();
        return [point.x + box.left, point.y + box.top]; }}"""
    )


def test_a_click_with_the_mouse_opens_the_popup(opened):
    opened.mouse.click(*place(opened, "l => l instanceof L.Polygon"))

    assert opened.is_visible(".popup h3")


def test_a_facility_that_steps_back_does_not_catch_the_click(opened):
    opened.check('input[value="category"]')
    hidden = place(opened, "l => l instanceof L.CircleMarker && l.options.fillOpacity === 0")

    opened.mouse.click(*hidden)

    facility = "Object.values(m._layers).find(l => l.isPopupOpen && l.isPopupOpen())"
    assert opened.evaluate(f"() => {{ {MAP} const l = {facility}; return !l || !l.category; }}")


def test_one_cannot_zoom_into_nothing(opened):
    opened.evaluate(f"() => {{ {MAP} m.setZoom(30, {{animate: false}}); }}")

    assert opened.evaluate(f"() => {{ {MAP} return m.getZoom(); }}") == 20
    assert opened.locator(".leaflet-control-scale-line").bounding_box()["width"] <= 170


def test_the_slash_key_goes_to_the_search(opened):
    opened.keyboard.press("/")

    assert opened.evaluate("document.activeElement.id") == "search"


def test_the_other_language_is_one_click_away(opened):
    opened.click("button.lang")

    assert "Colour estates by" in opened.inner_text("#panel")
    assert opened.evaluate("document.documentElement.lang") == "en"


def test_layers_are_switched_on_and_drawn(opened):
    before = opened.locator(".folium-map").screenshot()

    opened.check('.check input[value="pipelines"]')

    assert opened.locator(".folium-map").screenshot() != before
    assert "燃气" in opened.inner_text("#legend")


def test_on_a_phone_the_map_is_above_and_the_panel_opens(opened):
    opened.set_viewport_size({"width": 360, "height": 740})
    opened.reload()
    opened.wait_for_function(READY)

    assert opened.evaluate("document.documentElement.scrollWidth") <= 360
    folded = opened.locator("#panel").bounding_box()["height"]
    opened.click("#toggle")
    assert opened.locator("#panel").bounding_box()["height"] > folded


def test_a_map_of_2000_estates_is_at_most_3_mb_and_opens(page, page_errors, tmp_path):
    city = make_city(seed=1, estates=2000)
    pack = load_pack(DEFAULT_PACK)
    text = render_map(
        city,
        coverage=measure_coverage(city, pack.rules),
        plan=None,
        rules=pack,
        title="大城市",
        date="2026-11-20",
    )

    assert len(text.encode()) <= 3_000_000

    (tmp_path / "map.html").write_text(text, "utf-8")
    page.goto((tmp_path / "map.html").as_uri())
    page.wait_for_function(READY)
    assert page.inner_text(".boxes b >> nth=0") == "2,000"
    assert page_errors == []
