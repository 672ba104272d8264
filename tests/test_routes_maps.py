"""The map over HTTP: a closed page, made once, sent again only when something has changed."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.exceptions import HTTPException

from api.routes import maps
from api.routes.once import MOST_WAITING, Made, Once
from gis.errors import UnknownNameError
from tests.town import PHONE, TOWN, made_town, serving, signed_in

MAP = f"{TOWN}/map"


@pytest.fixture
def client(tmp_path):
    with serving(made_town(tmp_path / "town.gpkg")) as running:
        yield running


def test_the_map_is_a_closed_page_in_both_languages(client):
    zh, en = client.get(MAP), client.get(f"{MAP}?lang=en")

    assert '<html lang="zh-CN">' in zh.text
    assert '<html lang="en">' in en.text
    assert zh.headers["etag"] != en.headers["etag"]
    assert client.get(f"{MAP}?lang=xx").status_code == 422
    assert PHONE not in zh.text
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in zh.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert "unsafe-inline" not in policy["script-src"]
    assert "'sha256-" in policy["script-src"]
    assert policy["frame-ancestors"] == "'self'"


def test_the_map_is_made_again_only_when_something_has_changed(client, monkeypatch):
    made = []
    map_of = maps.map_of
    monkeypatch.setattr(maps, "map_of", lambda *a, **k: made.append(1) or map_of(*a, **k))

    first = client.get(MAP)
    assert client.get(MAP).text == first.text
    again = client.get(MAP, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = client.head(MAP)
    assert (head.status_code, head.content) == (200, b"")
    plain = client.get(MAP, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == first.text
    assert len(made) == 1

    row = f"{TOWN}/layers/estates/rows/estates-0"
    etag = client.get(row).headers["etag"]
    client.patch(row, json={"properties": {"people": 11}}, headers={"If-Match": etag})
    changed = client.get(MAP, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert len(made) == 2


def test_an_unknown_plan_is_told(client):
    answer = client.get(f"{MAP}?plan=<script>")
    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "message"}


def test_a_very_large_map_is_a_job(client, monkeypatch):
    monkeypatch.setattr(maps, "MOST_ROWS", 4)
    answer = client.get(MAP)
    assert answer.status_code == 422
    assert "jobs" in answer.json()["message"]


class MadeMaps:
    """The jobs of a project as the map asks for them: those given, and one that is of a file."""

    def __init__(self, *jobs: tuple[str, dict[str, str | None]], folder: Path) -> None:
        self.jobs = [
            SimpleNamespace(id=str(number), work=work, options=options, result={"file": "map.html"})
            for number, (work, options) in enumerate(jobs)
        ]
        self.folder = folder

    def list(self, project: str, *, state: str, limit: int) -> list[SimpleNamespace]:
        assert (project, state) == ("town", "done")
        return self.jobs[:limit]

    def job(self, job_id: str) -> SimpleNamespace:
        return self.jobs[int(job_id)]

    def file(self, job_id: str, name: str) -> Path:
        path = self.folder / f"{job_id}-{name}"
        if not path.exists():
            raise UnknownNameError("gone")
        return path


def test_a_large_map_is_the_newest_that_a_job_made_of_it(client, monkeypatch, tmp_path):
    monkeypatch.setattr(maps, "MOST_ESTATES", 0)
    zh: dict[str, str | None] = {"lang": "zh", "plan": None, "rules": None}
    jobs = MadeMaps(
        ("gap_list", zh), ("map", zh), ("map", zh | {"lang": "en"}), ("map", zh | {"rules": "x"}),
        ("map", zh), ("map", zh), folder=tmp_path,
    )  # fmt: skip
    monkeypatch.setattr(client.app.state, "jobs", jobs)
    monkeypatch.setattr(maps, "map_of", lambda *a, **k: pytest.fail("made in the server"))
    assert client.get(MAP).status_code == 422
    for number in (0, 2, 3, 4, 5):  # of the newest, 1, the file is gone
        (tmp_path / f"{number}-map.html").write_text(f"<script>{number}</script>", "utf-8")
    page = client.get(MAP)
    assert (page.status_code, page.text) == (200, "<script>4</script>")
    assert "'sha256-" in page.headers["content-security-policy"]
    again = client.get(MAP, headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.headers["etag"]) == (304, page.headers["etag"])
    assert client.get(f"{MAP}?lang=en").text == "<script>2</script>"
    (tmp_path / "1-map.html").write_text("newer", "utf-8")
    newer = client.get(MAP, headers={"If-None-Match": page.headers["etag"]})
    assert (newer.status_code, newer.text) == (200, "newer")


def test_only_who_may_see_the_project_sees_its_map(tmp_path):
    with serving(made_town(tmp_path / "town.gpkg"), login="on") as client:
        assert signed_in(client, "zhao", None).get(MAP).status_code == 404


def asked_at_once(once: Once, make, times: int):
    async def all_of_them():
        return await asyncio.gather(*(once.get("key", make) for _ in range(times)))

    return asyncio.run(all_of_them())


def test_what_many_ask_for_at_once_is_made_once():
    made, go, once = [], threading.Event(), Once()
    body = Made(b"x")

    def make():
        made.append(1)
        go.wait(60)
        return body

    async def ask():
        asked = [asyncio.create_task(once.get("key", make)) for _ in range(50)]
        await asyncio.sleep(0)  # until all of them wait
        go.set()
        return await asyncio.gather(*asked)

    assert asyncio.run(ask()) == [body] * 50
    assert asked_at_once(once, make, 1) == [body]
    assert len(made) == 1
    once.close()


def test_while_a_newer_one_is_made_the_one_before_is_given_under_its_own_tag():
    once, go, made = Once(), threading.Event(), []

    def make(number, *, wait=True):
        def page():
            made.append(number)
            assert not wait or go.wait(60)
            return Made(b"page", {"etag": f"{number}"})

        return page

    async def tags(*asked):
        return [(await once.newest("map", n, make(n))).headers["etag"] for n in asked]

    async def edited_all_the_time():
        assert (await once.newest("map", 1, make(1, wait=False))).headers["etag"] == "1"
        begun = asyncio.create_task(once.newest("map", 2, make(2)))
        await asyncio.sleep(0)
        # Version 3 and 4 are there already, but 2 is still being made.
        assert await tags(3, 4, 2) == ["1", "1", "1"]
        go.set()
        assert (await begun).headers["etag"] == "2"
        return await tags(2, 4, 4)

    assert asyncio.run(edited_all_the_time()) == ["2", "4", "4"]
    assert made == [1, 2, 4]
    once.close()


def test_where_none_is_made_yet_all_wait_for_the_one_that_is_begun():
    once, go, made = Once(), threading.Event(), []

    def make():
        made.append(1)
        assert go.wait(60)
        return Made(b"first")

    async def ask():
        asked = [asyncio.create_task(once.newest("map", n, make)) for n in range(4)]
        await asyncio.sleep(0)
        go.set()
        return await asyncio.gather(*asked)

    assert asyncio.run(ask()) == [Made(b"first")] * 4
    assert made == [1]
    once.close()


def test_a_page_that_cannot_be_made_stands_in_nobodys_way():
    once = Once()

    def fail():
        raise ValueError("broken")

    async def ask():
        before = await once.newest("map", 1, lambda: Made(b"x"))
        with pytest.raises(ValueError, match="broken"):
            await once.newest("map", 2, fail)
        after = await once.newest("map", 3, lambda: Made(b"y"))
        return before, after

    assert asyncio.run(ask()) == (Made(b"x"), Made(b"y"))
    once.close()


def test_a_failure_is_told_to_all_who_wait_and_not_kept():
    once = Once()

    def fail():
        raise ValueError("broken")

    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            asked_at_once(once, fail, 3)
    assert asked_at_once(once, lambda: Made(b"x"), 1) == [Made(b"x")]
    once.close()


def test_who_has_waited_long_enough_comes_again_and_finds_it_made():
    once, go = Once(wait_s=0.01), threading.Event()

    def make():
        go.wait(60)
        return Made(b"x")

    with pytest.raises(HTTPException) as caught:
        asked_at_once(once, make, 1)
    assert caught.value.status_code == 503
    assert caught.value.headers["Retry-After"]
    going = once._going["key"]
    go.set()
    going.result(60)
    once.close()
    assert asked_at_once(once, make, 1) == [Made(b"x")]


def test_only_so_much_is_made_at_once():
    once, go = Once(wait_s=0.01), threading.Event()

    async def ask(number):
        return await once.get(number, lambda: go.wait(60) and Made(b"x"))

    async def many():
        return await asyncio.gather(*map(ask, range(MOST_WAITING + 1)), return_exceptions=True)

    told = asyncio.run(many())
    go.set()
    once.close()
    assert "Too much" in told[-1].detail
    assert sum("still" in one.detail for one in told) == MOST_WAITING


def test_the_memory_of_maps_is_bounded():
    once = Once(most=25)
    for key in "abc":
        asyncio.run(once.get(key, lambda: Made(bytes(10))))
    assert list(once._kept) == ["b", "c"]
    asyncio.run(once.get("large", lambda: Made(bytes(100))))
    assert list(once._kept) == ["large"]
    once.close()
