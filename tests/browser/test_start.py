"""The start page in a browser: sign in, look at a project, sign out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from shapely import box

from api.auth.passwords import Passwords
from api.store import Author, Project
from api.store.office import Office
from tests.layers import layer
from tests.serving import Running, server_of

BY = Author("test", "here")
PASSWORD = "green tea on tuesday"
HOSTILE = "<script>document.title='taken'</script>"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("office")
    with Project.create(folder / "town.gpkg", name=f"镇 {HOSTILE}") as made:
        made.write_layers([(layer("estates", [box(0, 0, 80, 60)], name=[HOSTILE]), None)])
    office = Office.open(folder / ".lianpian-office.db")
    person = office.add_person("wang", password_hash=Passwords().hash(PASSWORD), by=BY)
    office.set_role("town", person.id, "viewer", by=BY)
    office.close()
    with server_of(folder, login="on", log="off") as running:
        yield running


@pytest.fixture
def tab(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
    context.set_default_timeout(60_000)
    page, errors = context.new_page(), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            errors.append(message.text)
            if message.type == "error" and "401" not in message.text
            else None
        ),
    )
    yield page, errors
    context.close()


def test_who_knows_the_password_comes_in_and_goes_out(
    server: Running, tab: tuple[Page, list[str]]
) -> None:
    page, errors = tab
    page.goto(server.url)
    page.fill("input[name=name]", "wang")
    page.fill("input[name=password]", "wrong password")
    page.click("button")
    page.wait_for_selector("[role=alert]:not(:empty)")
    assert "密码不对" in page.inner_text("[role=alert]")

    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.click("text=town")
    page.wait_for_selector("iframe")
    assert "镇" in page.inner_text("h1")
    assert page.title() != "taken"
    frame = page.frame_locator("iframe")
    frame.locator(".leaflet-container").wait_for()

    page.click("#leave")
    page.wait_for_selector("input[name=password]")
    assert page.goto(f"{server.url}/?project=town").status == 401  # type: ignore[union-attr]
    assert errors == []
