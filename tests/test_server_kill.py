"""A server killed at any moment, in the middle of edits, imports and jobs: nothing acknowledged is
lost, the file opens, jobs say so, and no process is left over.

``LIANPIAN_KILLS=50`` kills it that often.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from shapely import LineString, box

from api.store import Project
from tests.layers import layer
from tests.serving import Running, start_server

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")

KILLS = int(os.environ.get("LIANPIAN_KILLS", "3"))
ESTATES = 40
PATIENCE_S = 60.0
ROOT = "/api/projects/town"


@dataclass
class Told:
    """What the server has acknowledged, and what was sent since then without an answer.

    Of what was not answered each may have been written or not.
    """

    edits: int = 0
    names: dict[str, str] = field(default_factory=dict)
    sent: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    imported: set[str] = field(default_factory=set)
    jobs: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "town.gpkg"
    boxes = [box(100 * i, 0, 100 * i + 80, 60) for i in range(ESTATES)]
    with Project.create(path, name="镇") as made:
        street = layer("streets", [LineString([(0, -5), (100 * ESTATES, -5)])])
        made.write_layers([(layer("estates", boxes, people=[500] * ESTATES), None), (street, None)])
    return path


def edit(client: httpx.Client, told: Told, turn: int) -> None:
    """Give estates one name after another."""
    uid = f"estates-{turn % ESTATES}"
    address = f"{ROOT}/layers/estates/rows/{uid}"
    seen = client.get(address)
    if seen.status_code != 200:
        told.faults.append(seen.text)
        return
    name = f"name {turn}"
    told.sent[uid].add(name)
    change = {"properties": {"name": name}}
    answer = client.patch(address, json=change, headers={"If-Match": seen.headers["etag"]})
    if answer.status_code == 200:
        told.names[uid] = name
        told.sent[uid].clear()
        told.edits += 1
    else:
        told.faults.append(answer.text)


def bring(client: httpx.Client, told: Told, turn: int) -> None:
    """Import a few gates from a file."""
    rows = [f"g{turn}-{i},{114.0 + i / 1e4:.6f},28.9" for i in range(5)]
    sent = client.post(
        f"{ROOT}/uploads", params={"name": f"{turn}.csv"}, content="\n".join(["uid,lon,lat", *rows])
    )
    if sent.status_code != 201:
        told.faults.append(sent.text)
        return
    asked = {"upload": sent.json()["upload"], "kind": "gates", "crs": "EPSG:4326"}
    answer = client.post(f"{ROOT}/imports", json=asked)
    if answer.status_code in (200, 201):
        told.imported.update(row.split(",")[0] for row in rows)
    else:
        told.faults.append(answer.text)


def work(client: httpx.Client, told: Told, turn: int) -> None:
    """Start a job now and then."""
    answer = client.post(f"{ROOT}/jobs", json={"work": "coverage", "options": {}})
    if answer.status_code == 202:
        told.jobs.add(answer.json()["id"])
    elif answer.status_code != 429:
        told.faults.append(answer.text)
    time.sleep(0.3)


def busy(url: str, told: Told, do: Callable[[httpx.Client, Told, int], None], first: int) -> None:
    with httpx.Client(base_url=url, headers={"X-Lianpian": "1"}, timeout=PATIENCE_S) as client:
        turn = first
        while True:
            try:
                do(client, told, turn)
            except httpx.TransportError:
                return  # the server has gone
            turn += 1


def session_of(pid: int) -> list[int]:
    """Processes that a server has started, and itself: they share its session."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if entry.name.isdigit() and int(fields[3]) == pid and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def wait_until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def check(project: Path, told: Told) -> None:
    with contextlib.closing(sqlite3.connect(project)) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with Project.open(project) as opened:
        estates = opened.read_layer("estates").frame
        names = dict(zip(estates["uid"], estates["name"], strict=True))
        for uid, name in told.names.items():
            assert names[uid] in {name, *told.sent[uid]}
        assert told.imported <= opened.uids("gates")
        assert opened.verify_audit().ok


def killed_once(project: Path, told: Told, dice: random.Random, first: int) -> Running:
    server = start_server(project, settings={"jobs": "2", "log": "off"})
    threads = [
        threading.Thread(target=busy, args=(server.url, told, do, first), daemon=True)
        for do in (edit, bring, work)
    ]
    before = (told.edits, len(told.imported), len(told.jobs))
    for thread in threads:
        thread.start()
    # Each of the three is under way when the server dies.
    wait_until(
        lambda: all(
            now > then
            for now, then in zip(
                (told.edits, len(told.imported), len(told.jobs)), before, strict=True
            )
        ),
        f"too little was acknowledged: {told}",
    )
    time.sleep(dice.random() * 2)
    server.kill()
    for thread in threads:
        thread.join(PATIENCE_S)
    return server


def test_a_server_killed_at_any_moment_loses_nothing(project: Path) -> None:
    dice, told = random.Random(7), Told()
    for number in range(KILLS):
        server = killed_once(project, told, dice, first=number * 10_000)
        wait_until(lambda pid=server.pid: not session_of(pid), "a process was left over")
        check(project, told)
    assert told.faults == []
    assert told.imported
    last = start_server(project, settings={"log": "off"})
    try:
        with httpx.Client(base_url=last.url, timeout=PATIENCE_S) as client:
            states = [client.get(f"{ROOT}/jobs/{job}").json()["state"] for job in told.jobs]
        assert "running" not in states
        assert "queued" not in states
        assert "interrupted" in states
    finally:
        last.stop()
    check(project, told)
