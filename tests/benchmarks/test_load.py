"""How many people one server carries: 20,000 estates, viewers, evaluators and editors at once.

The server is a process of its own (``lianpian serve``) and so are the people (`load_people`), on
the same machine. ``LIANPIAN_BENCH_ESTATES`` (20,000), ``LIANPIAN_BENCH_SECONDS`` (60) of the mixed
load and ``LIANPIAN_BENCH_RAMP_S`` (10) of each step of the ramp make it shorter. Nothing here
asserts a time; a request that fails does fail the test.
"""

from __future__ import annotations

import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.benchmarks.conftest import machine
from tests.benchmarks.load_people import EDIT_S, RULES, VIEW_S, tile_at, tile_path
from tests.benchmarks.load_town import make_town

ESTATES = int(os.environ.get("LIANPIAN_BENCH_ESTATES", "20000"))
SECONDS = float(os.environ.get("LIANPIAN_BENCH_SECONDS", "60"))
RAMP_S = float(os.environ.get("LIANPIAN_BENCH_RAMP_S", "10"))
STEPS = (50, 100, 200, 400, 800)
SLOW_MS = 300.0
PEOPLE = Path(__file__).with_name("load_people.py")


class Server:
    """A running server of one project."""

    def __init__(self, project: Path) -> None:
        command = [sys.executable, "-c", "from api.cli import main; main()"]
        command += ["serve", str(project), "--port", "0", "--json"]
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        self.url: str = json.loads(self.process.stdout.readline())["url"]
        self.http = httpx.Client(base_url=self.url, timeout=120, headers={"X-Lianpian": "1"})
        while self.http.get("/api/ready").status_code != 200:
            time.sleep(0.05)
        self.ready_s = time.perf_counter() - begun

    def memory_mb(self, which: str) -> float:
        status = Path(f"/proc/{self.process.pid}/status")
        found = re.search(rf"{which}:\s+(\d+)", status.read_text()) if status.exists() else None
        return int(found[1]) / 1000 if found else float("nan")

    def processor_s(self) -> float:
        stat = Path(f"/proc/{self.process.pid}/stat")
        if not stat.exists():
            return float("nan")
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self.http.close()
        self.process.terminate()
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    ready = os.environ.get("LIANPIAN_BENCH_PROJECT")
    project = Path(ready) if ready else tmp_path_factory.mktemp("load") / "load.gpkg"
    if not ready:
        make_town(project, estates=ESTATES)
    running = Server(project)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def base(server: Server) -> str:
    (project,) = server.http.get("/api/projects").raise_for_status().json()["projects"]
    return f"/api/projects/{project['project']}"


def say(capsys: pytest.CaptureFixture[str], *told: str) -> None:
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *told, ""]))


def timed(server: Server, path: str, **more: Any) -> tuple[float, httpx.Response]:
    begun = time.perf_counter()
    answer = server.http.request(more.pop("method", "GET"), path, **more)
    took = (time.perf_counter() - begun) * 1000
    assert answer.status_code < 400, answer.text[:300]
    return took, answer


def spread(took: list[float]) -> str:
    p50, p95, p99 = np.percentile(took, [50, 95, 99])
    return f"{len(took):>7,}{p50:>9.1f}{p95:>9.1f}{p99:>9.1f}{max(took):>10.1f}"


HEAD = f"{'ms':<28}{'number':>7}{'p50':>9}{'p95':>9}{'p99':>9}{'most':>10}"


def box_of(server: Server, base: str) -> tuple[tuple[float, ...], list[str]]:
    """West, south, east and north of the town, and the uids of the estates."""
    rows = server.http.get(f"{base}/layers/estates").raise_for_status().json()["features"]
    corners = np.array([row["geometry"]["coordinates"][0][0] for row in rows])
    return (*corners.min(axis=0), *corners.max(axis=0)), [row["id"] for row in rows]


def test_one_after_another(server: Server, base: str, capsys: pytest.CaptureFixture[str]) -> None:
    first, answer = timed(server, f"{base}/layers/estates")
    again, _ = timed(server, f"{base}/layers/estates")
    size = int(answer.headers["content-length"]) / 1e6
    box, uids = box_of(server, base)
    dice = random.Random(1)
    windows, tiles, edits, firsts = [], [], [], []
    for i in range(240):
        lon, lat = dice.uniform(box[0], box[2]), dice.uniform(box[1], box[3])
        took, _ = timed(server, f"{base}/layers/estates?bbox={lon},{lat},{lon + 0.03},{lat + 0.03}")
        windows.append(took)
        x, y = tile_at(lon, lat, 13 + i % 4)
        took, _ = timed(server, tile_path(base.rpartition("/")[2], 13 + i % 4, x, y))
        tiles.append(took)
    for uid in dice.sample(uids, 60):
        _, row = timed(server, f"{base}/layers/estates/rows/{uid}")
        ring = row.json()["geometry"]["coordinates"][0]
        shape = {"type": "Polygon", "coordinates": [[[x + 1e-5, y] for x, y in ring]]}
        took, _ = timed(
            server, f"{base}/layers/estates/rows/{uid}", method="PATCH",
            json={"geometry": shape}, headers={"If-Match": row.headers["etag"]},
        )  # fmt: skip
        edits.append(took)
        x, y = tile_at(*ring[0], 14)
        took, _ = timed(server, tile_path(base.rpartition("/")[2], 14, x, y))
        firsts.append(took)
    after, _ = timed(server, f"{base}/layers/estates")
    say(
        capsys,
        f"{len(uids):,} estates, one request after another; {machine()}",
        f"ready after {server.ready_s:.1f} s; the whole layer ({size:.1f} MB packed) the first "
        f"time {first / 1000:.2f} s, again {again / 1000:.2f} s, after edits {after / 1000:.2f} s",
        HEAD,
        f"{'window of a layer, warm':<28}{spread(windows[40:])}",
        f"{'tile, warm':<28}{spread(tiles[40:])}",
        f"{'edit of one estate':<28}{spread(edits[5:])}",
        f"{'tile right after its edit':<28}{spread(firsts[5:])}",
        f"memory {server.memory_mb('VmRSS'):,.0f} MB, at most {server.memory_mb('VmHWM'):,.0f} MB",
    )


def load(server: Server, base: str, seconds: float, **people: int) -> dict[str, Any]:
    box, uids = box_of(server, base)
    asked = {"url": server.url, "project": base.rpartition("/")[2], "seconds": seconds}
    asked |= {"box": box, "uids": uids, "page": True, "viewers": 0, "evaluators": 0, "editors": 0}
    begun = server.processor_s()
    done = subprocess.run(
        [sys.executable, str(PEOPLE)], input=json.dumps(asked | people), capture_output=True,
        text=True, timeout=seconds + 200, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"server_s": server.processor_s() - begun}


def told(found: Mapping[str, Any]) -> list[str]:
    kinds = [f"{what:<28}{spread(took)}" for what, took in sorted(found["took_ms"].items())]
    every = [ms for took in found["took_ms"].values() for ms in took]
    seconds = found["seconds"]
    requests, megabytes = len(every) / seconds, found["received"] / 1e6 / seconds
    server, people = (100 * found[whose] / seconds for whose in ("server_s", "processor_s"))
    return [
        HEAD,
        *kinds,
        f"{'all':<28}{spread(every)}",
        f"{requests:.0f} requests and {megabytes:.1f} MB a second; {found['error_count']} errors",
        f"of one processor the server took {server:.0f} %, the people {people:.0f} %",
    ]


def test_people_at_once(server: Server, base: str, capsys: pytest.CaptureFixture[str]) -> None:
    timed(server, f"{base}/plans/drawn/metrics?metric=people&metric=households")
    timed(server, f"{base}/coverage/estates?rules={RULES}&limit=100")
    begun = time.perf_counter()
    page = server.http.get(f"{base}/map")
    took = time.perf_counter() - begun
    there = page.status_code == 200
    found = load(server, base, SECONDS, viewers=50, evaluators=10, editors=2, page=there)
    say(
        capsys,
        f"{ESTATES:,} estates; 50 viewers, 10 evaluators, 2 editors for {found['seconds']:.0f} s; "
        f"{machine()}",
        f"the map page: {page.status_code} after {took:.1f} s"
        + ("" if there else f" ({page.text[:120]}), so that no viewer asks for it"),
        *told(found),
        f"memory {server.memory_mb('VmRSS'):,.0f} MB, at most {server.memory_mb('VmHWM'):,.0f} MB",
    )
    assert not found["errors"]


def test_more_and_more_viewers(
    server: Server, base: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = []
    for viewers in STEPS:
        found = load(server, base, RAMP_S, viewers=viewers, evaluators=10, editors=2, page=False)
        every = [ms for took in found["took_ms"].values() for ms in took]
        p95 = float(np.percentile(every, 95))
        share = 100 / found["seconds"]
        rows.append(
            f"{viewers:>8}{len(every) / found['seconds']:>14.0f}{statistics.median(every):>9.1f}"
            f"{p95:>9.1f}{found['error_count']:>8}{found['server_s'] * share:>10.0f}"
            f"{found['processor_s'] * share:>10.0f}"
        )
        assert not found["errors"]
        if p95 > SLOW_MS:
            break
    say(
        capsys,
        f"Viewers until 95 of 100 answers take more than {SLOW_MS:.0f} ms: each moves the map "
        f"every {VIEW_S:g} s (6 tiles); 10 evaluators, 2 editors every {EDIT_S:g} s; {machine()}",
        f"{'viewers':>8}{'requests / s':>14}{'p50 ms':>9}{'p95 ms':>9}{'errors':>8}"
        f"{'server %':>10}{'people %':>10}",
        *rows,
    )
