"""The browser of these tests has no network, and sees whoever tries to use it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from gis.resources import static_dir


def page_of(folder: Path, body: str) -> str:
    file = folder / "page.html"
    file.write_text(f'<!doctype html><meta charset="utf-8">{body}', encoding="utf-8")
    return file.as_uri()


def test_a_page_that_asks_for_nothing_asks_for_itself_only(
    page: Page, requests: list[str], page_errors: list[str], tmp_path: Path
) -> None:
    address = page_of(tmp_path, "<p>片区</p>")
    page.goto(address)
    assert requests == [address]
    assert page_errors == []
    assert page.inner_text("p") == "片区"


def test_a_script_from_outside_is_seen_and_does_not_come(
    page: Page, requests: list[str], page_errors: list[str], tmp_path: Path
) -> None:
    page.goto(page_of(tmp_path, '<script src="https://outside.invalid/a.js"></script>'))
    assert "https://outside.invalid/a.js" in requests
    assert any("ERR_INTERNET_DISCONNECTED" in error for error in page_errors)


def test_an_error_in_a_script_is_seen(page: Page, page_errors: list[str], tmp_path: Path) -> None:
    page.goto(page_of(tmp_path, "<script>throw new Error('broken')</script>"))
    assert page_errors == ["broken"]


def test_chinese_is_drawn_with_glyphs_of_its_own(
    page: Page, chinese_font: str, tmp_path: Path
) -> None:
    # Without a Chinese font both characters are the same empty box.
    page.goto(page_of(tmp_path, '<b id="a">片</b> <b id="b">区</b>'))
    assert page.locator("#a").screenshot() != page.locator("#b").screenshot()


def test_leaflet_of_the_package_makes_a_map_without_a_network(
    page: Page, requests: list[str], page_errors: list[str], tmp_path: Path
) -> None:
    script = (static_dir() / "leaflet.js").read_text(encoding="utf-8")
    address = page_of(tmp_path, f'<div id="m" style="height:9em"></div><script>{script}</script>')
    page.goto(address)
    page.evaluate("L.map('m').setView([30, 120], 12)")
    assert page.locator("#m.leaflet-container").count() == 1
    assert requests == [address]
    assert page_errors == []
