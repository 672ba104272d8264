"""People at work on a server, as a process of its own: ``python load_people.py < asked.json``.

Asked is one JSON object: ``url``, ``project``, ``seconds``, how many ``viewers``, ``evaluators``
and ``editors``, the ``uids`` that editors may move, the ``box`` of the town in degrees. The answer
is one JSON object: milliseconds of all requests by what was asked, errors, and the processor
seconds that this process itself took. Each person has one connection, kept open, and speaks plain
HTTP over it: a client library would take more of the processors than the server.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import random
import resource
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

VIEW_S, EVALUATE_S, EDIT_S = 2.0, 2.0, 1.0
"""How often a viewer moves the map, an evaluator asks, an editor moves an estate."""
LAYER_S, PAGE_S = 10.0, 30.0
"""How often a viewer asks whether the estates have changed, and the page of the whole map."""
TILES = 6
ZOOMS = (13, 14, 15, 16)
RULES = "gb50180-2018"


@dataclass
class Book:
    """What was measured."""

    took_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    received: int = 0


class Browser:
    """One connection; remembers the ETag of each address like a browser's cache."""

    def __init__(self, url: str, book: Book) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self.book = book
        self.tags: dict[str, str] = {}
        self.pipe: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, what: str, path: str, *, method: str = "GET", tag: str = "", body: Any = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Ask and note how long the whole answer took."""
        sent = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        lines += ["Accept-Encoding: gzip"]
        if method == "GET" and path in self.tags:
            lines.append(f"If-None-Match: {self.tags[path]}")
        if method != "GET":
            lines += ["X-Lianpian: 1", "Content-Type: application/json"]
            lines += [f"Content-Length: {len(sent)}", *([f"If-Match: {tag}"] if tag else [])]
        begun = time.perf_counter()
        try:
            if self.pipe is None:
                self.pipe = await asyncio.open_connection(self.host, self.port, limit=1 << 20)
            reader, writer = self.pipe
            writer.write("\r\n".join([*lines, "", ""]).encode() + sent)
            status, headers, content = await asyncio.wait_for(_answer(reader), 60.0)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            self.book.errors.append(f"{what}: {type(error).__name__} {error}")
            self.pipe = None
            return 0, {}, b""
        self.book.took_ms[what].append((time.perf_counter() - begun) * 1000)
        self.book.statuses[f"{what} {status}"] += 1
        self.book.received += len(content)
        if status >= 400:
            self.book.errors.append(f"{what}: {status} {content[:200]!r}")
        if method == "GET" and "etag" in headers:
            if len(self.tags) > 500:
                self.tags.clear()
            self.tags[path] = headers["etag"]
        return status, headers, content


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    headers = {}
    for line in head[1:-2]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if status in (204, 304):
        return status, headers, b""
    if "content-length" in headers:
        return status, headers, await reader.readexactly(int(headers["content-length"]))
    content = b""
    while size := int((await reader.readline()).strip() or b"0", 16):
        content += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return status, headers, content


def _json(headers: dict[str, str], content: bytes) -> Any:
    packed = headers.get("content-encoding") == "gzip"
    return json.loads(gzip.decompress(content) if packed else content)


@dataclass(frozen=True)
class Work:
    """What people do, until the time is over."""

    asked: dict[str, Any]
    book: Book
    until: float

    async def person(self, name: str, number: int) -> None:
        browser = Browser(self.asked["url"], self.book)
        dice = random.Random(f"{name}{number}")
        step_s = {"viewer": VIEW_S, "evaluator": EVALUATE_S, "editor": EDIT_S}[name]
        # Not all at the same moment.
        at = time.perf_counter() + dice.random() * step_s
        turn = 0
        while at < self.until:
            await asyncio.sleep(max(at - time.perf_counter(), 0.0))
            await getattr(self, name)(browser, dice, turn, number)
            turn += 1
            at = max(at + step_s, time.perf_counter())

    @property
    def base(self) -> str:
        return f"/api/projects/{quote(self.asked['project'])}"

    async def viewer(self, browser: Browser, dice: random.Random, turn: int, _: int) -> None:
        """Move the map: tiles; now and then the layer, and seldom the page, if it has changed."""
        if turn % round(PAGE_S / VIEW_S) == 0 and self.asked["page"]:
            await browser.ask("map page", f"{self.base}/map")
        if turn % round(LAYER_S / VIEW_S) == dice.randrange(round(LAYER_S / VIEW_S)):
            await browser.ask("layer", f"{self.base}/layers/estates")
        west, south, east, north = self.asked["box"]
        lon, lat = dice.uniform(west, east), dice.uniform(south, north)
        z = dice.choice(ZOOMS)
        x, y = tile_at(lon, lat, z)
        for i in range(TILES):
            await browser.ask("tile", tile_path(self.asked["project"], z, x + i % 3, y + i // 3))

    async def evaluator(self, browser: Browser, dice: random.Random, turn: int, _: int) -> None:
        """Look at the plan's metrics and at a page of the table of coverage by turns."""
        if turn % 2:
            await browser.ask(
                "plan metrics", f"{self.base}/plans/drawn/metrics?metric=people&metric=households"
            )
        else:
            start = dice.randrange(190) * 100
            await browser.ask(
                "coverage table",
                f"{self.base}/coverage/estates?rules={RULES}&limit=100&offset={start}",
            )

    async def editor(self, browser: Browser, dice: random.Random, turn: int, number: int) -> None:
        """Move an estate by some metres."""
        mine = self.asked["uids"][number :: max(self.asked["editors"], 1)]
        path = f"{self.base}/layers/estates/rows/{quote(dice.choice(mine))}"
        status, headers, content = await browser.ask("row", path)
        if status == 304:
            status, headers, content = await self._anew(browser, path)
        if status != 200:
            return
        row = _json(headers, content)
        shape = row["geometry"]
        by = dice.uniform(-2e-5, 2e-5)
        rings = [[[x + by, y] for x, y in ring] for ring in shape["coordinates"]]
        change = {"geometry": {"type": shape["type"], "coordinates": rings}}
        await browser.ask("edit", path, method="PATCH", tag=headers["etag"], body=change)

    async def _anew(self, browser: Browser, path: str) -> tuple[int, dict[str, str], bytes]:
        browser.tags.pop(path, None)
        return await browser.ask("row", path)


def tile_at(lon: float, lat: float, z: int) -> tuple[int, int]:
    """Column and row of the tile over a place."""
    level = math.asinh(math.tan(math.radians(lat))) / math.pi
    return int((lon + 180) / 360 * 2**z), int((1 - level) / 2 * 2**z)


def tile_path(project: str, z: int, x: int, y: int) -> str:
    return f"/ogc/{quote(project)}/collections/estates/tiles/WebMercatorQuad/{z}/{y}/{x}"


async def work(asked: dict[str, Any]) -> dict[str, Any]:
    book = Book()
    begun = time.perf_counter()
    todo = Work(asked, book, begun + asked["seconds"])
    people = [
        todo.person(name, number)
        for name in ("viewer", "evaluator", "editor")
        for number in range(asked[f"{name}s"])
    ]
    await asyncio.gather(*people)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "took_ms": book.took_ms,
        "errors": book.errors[:50],
        "error_count": len(book.errors),
        "statuses": book.statuses,
        "received": book.received,
        "seconds": time.perf_counter() - begun,
        "processor_s": used.ru_utime + used.ru_stime,
    }


if __name__ == "__main__":
    json.dump(asyncio.run(work(json.load(sys.stdin))), sys.stdout)
