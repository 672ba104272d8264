"""Watchers of jobs: each hears what changed; however many there are, one reader asks."""

import asyncio
import threading

import pytest

from api.jobs import Job
from api.jobs.watching import Watching

PATIENCE_S = 60.0


def job_at(rev, state="running"):
    nothing = dict.fromkeys(("started", "ended", "server", "error"))
    return Job("j1", "town", "w", {}, "x", state, 0.0, "", "now", rev=rev, **nothing)


class Office:
    """A made-up office with one job that the test changes."""

    def __init__(self):
        self.job = job_at(1)
        self.asked = []
        self.threads = set()
        self.fails = False

    def changed(self, revs):
        self.asked.append(dict(revs))
        self.threads.add(threading.current_thread())
        if self.fails:
            self.fails = False
            raise OSError("away")
        if self.job is None:
            return dict.fromkeys(revs)
        return {job_id: self.job for job_id, rev in revs.items() if rev != self.job.rev}


@pytest.fixture
def office(monkeypatch):
    monkeypatch.setattr("api.jobs.watching.POLL_S", 0.0)
    return Office()


def patiently(story):
    async def told():
        async with asyncio.timeout(PATIENCE_S):
            await story()

    asyncio.run(told())


def test_a_watcher_hears_of_every_state_and_of_the_end(office):
    async def story():
        heard = []
        async for job in Watching(office.changed).watch("j1"):
            heard.append((job.rev, job.state))
            office.job = job_at(job.rev + 1, "running" if job.rev < 3 else "done")
        assert heard == [(1, "running"), (2, "running"), (3, "running"), (4, "done")]

    patiently(story)


def test_who_knows_the_job_already_hears_only_what_comes_after(office):
    async def story():
        watching = Watching(office.changed)
        stream = watching.watch("j1", after=1)
        first = asyncio.ensure_future(anext(stream))
        while len(office.asked) < 3:
            await asyncio.sleep(0)
        assert not first.done()
        office.job = job_at(7, "failed")
        assert (await first).rev == 7
        assert [job async for job in stream] == []
        assert [job async for job in watching.watch("j1", after=7)] == []

    patiently(story)


def test_many_watchers_share_one_reader_that_ends_with_the_last(office):
    async def story():
        watching = Watching(office.changed)
        streams = [watching.watch("j1") for _ in range(50)]
        assert {(await anext(stream)).rev for stream in streams} == {1}
        waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
        asked = len(office.asked)
        while len(office.asked) < asked + 3:
            await asyncio.sleep(0)
        # All is asked in one question, and never in the thread of the loop.
        assert all(set(question) == {"j1"} for question in office.asked)
        assert threading.main_thread() not in office.threads

        for one in waiting[:-1]:
            one.cancel()
        await asyncio.gather(*waiting[:-1], return_exceptions=True)
        office.job = job_at(2)
        assert (await waiting[-1]).rev == 2
        await streams[-1].aclose()
        await asyncio.sleep(0)
        assert [t for t in asyncio.all_tasks() if t is not asyncio.current_task()] == []

    patiently(story)


def test_hanging_up_from_another_thread_ends_every_stream(office):
    async def story():
        watching = Watching(office.changed)
        streams = [watching.watch("j1") for _ in range(3)]
        for stream in streams:
            await anext(stream)
        waiting = [asyncio.ensure_future(anext(stream, "over")) for stream in streams]
        await asyncio.to_thread(watching.hang_up)
        assert await asyncio.gather(*waiting) == ["over"] * 3
        assert [job async for job in watching.watch("j1")] == []

    patiently(story)


def test_hanging_up_is_harmless_where_nobody_watches_or_the_loop_is_gone(office):
    watching = Watching(office.changed)
    watching.hang_up()
    again = Watching(office.changed)

    async def story():
        await anext(again.watch("j1"))

    patiently(story)
    again.hang_up()


def test_a_job_that_is_removed_ends_its_streams(office):
    async def story():
        stream = Watching(office.changed).watch("j1")
        await anext(stream)
        office.job = None
        assert [job async for job in stream] == []

    patiently(story)


def test_a_reader_that_fails_once_goes_on(office, caplog):
    office.fails = True

    async def story():
        assert (await anext(Watching(office.changed).watch("j1"))).rev == 1

    patiently(story)
    assert "could not be asked" in caplog.text
