"""A real browser without a network: Chromium, headless, driven by Playwright.

Every page is offline, so a map that would fetch something from outside shows here as it does on a
closed network; what it asked for is listed by the fixture ``requests``.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

# No telephoning home (on a closed network each try only costs time), and the software renderer by
# name, because silent fallback to it is to be removed from Chromium.
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)


PATIENCE_MS = 240_000


@pytest.fixture(scope="session")
def chromium(need: Callable[[object, str], None]) -> str:
    """Path of the browser."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    need(path, "no chromium")
    return str(path)


@pytest.fixture(scope="session")
def chinese_font(need: Callable[[object, str], None]) -> str:
    """Names of the fonts with Chinese glyphs; for tests that look at drawn text."""
    listed = ""
    if shutil.which("fc-list"):
        command = ["fc-list", ":lang=zh-cn", "family"]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    need(listed, "no Chinese font")
    return listed


# Not for the whole session: while Playwright runs, its event loop keeps asyncio.run() from working
# in tests of other folders.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for the tests of a file."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium, headless=True, args=list(FLAGS)
        )
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page, 1280 x 800, with the network off (files open all the same)."""
    context = browser.new_context(
        offline=True, viewport={"width": 1280, "height": 800}, locale="zh-CN"
    )
    # How long a busy machine takes says nothing of the page: no test waits for a time.
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.fixture
def requests(page: Page) -> list[str]:
    """Addresses that the page asks for, the page's own among them, in order."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


@pytest.fixture
def page_errors(page: Page) -> list[str]:
    """What went wrong in the page: uncaught errors and errors on its console."""
    errors: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors
