"""The rows of jobs: their state moves along the arrows only, whoever pushes."""

import threading
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from api.store.office import Office
from api.store.office.jobs import ARROWS, ENDED
from api.store.office.schema import JOB_STATES
from gis.errors import UnknownNameError

ALLOWED = {
    ("queued", "running"),
    ("queued", "failed"),
    ("queued", "cancelled"),
    ("queued", "interrupted"),
    ("running", "done"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("running", "interrupted"),
}


@pytest.fixture(scope="module", params=["file", "server"])
def new_office(request, tmp_path_factory):
    """A function that opens a new office, in a file or on a server."""
    folder, opened, number = tmp_path_factory.mktemp("office"), [], count()
    postgres = request.getfixturevalue("postgres") if request.param == "server" else None
    database = postgres and postgres.database()

    def make(**given):
        file = folder / f"{next(number)}.db"
        opened.append(Office.open(postgres.schema(database) if postgres else file, **given))
        return opened[-1]

    yield make
    for office in opened:
        office.close()
    if postgres:
        postgres.drop(database)


@pytest.fixture(scope="module")
def office(new_office):
    return new_office()


def add(office, job_id, *, project="town", server="here/1/a", beat=0.0, **options):
    office.add_job(
        job_id,
        project=project,
        work="coverage",
        options=options,
        who="王",
        server=server,
        beat=beat,
    )
    return job_id


def state(office, job_id):
    return office.job(job_id).state


def test_the_states_are_those_of_the_table():
    assert tuple(ARROWS) == JOB_STATES
    assert set(ENDED) == {"done", "failed", "cancelled", "interrupted"}


@pytest.mark.parametrize("start", JOB_STATES)
def test_only_allowed_arrows_move_a_job(office, start):
    way = {"queued": [], "running": ["running"], "done": ["running", "done"]}.get(start, [start])
    for push in JOB_STATES:
        job = add(office, f"from {start} to {push}")
        assert all(office.move_job(job, step) for step in way)
        before = office.job(job)
        assert before.state == start

        moved = office.move_job(job, push)

        assert moved == ((start, push) in ALLOWED)
        after = office.job(job)
        assert (after.state, after.rev) == (push if moved else start, before.rev + moved)
        # A job that is over has an end, and nothing changes it any more; nor its progress.
        assert (after.ended is not None) == after.is_over == (after.state in ENDED)
        assert after == before or moved
        office.tell_job(job, 0.5, "half")
        assert (office.job(job).message == "half") == (after.state == "running")


def test_of_many_that_end_a_job_at_once_one_does(office):
    job = add(office, "race")
    office.move_job(job, "running")
    ends = ["done", "failed", "cancelled", "interrupted"] * 2
    won, ready = [], threading.Barrier(len(ends))

    def push(end):
        ready.wait(10)
        if office.move_job(job, end):
            won.append(end)

    threads = [threading.Thread(target=push, args=(end,)) for end in ends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert won == [state(office, job)]


def test_a_job_keeps_what_it_was_given_and_how_it_ended(office):
    job = add(office, "kept", walker="elderly", minutes=15)
    office.move_job(job, "running")
    office.tell_job(job, 0.25, "道路")
    office.move_job(job, "done", result='{"gaps": 3}')

    kept = office.job(job)
    assert (kept.work, kept.who) == ("coverage", "王")
    assert kept.options == {"walker": "elderly", "minutes": 15}
    assert (kept.progress, kept.result, kept.error) == (1.0, {"gaps": 3}, None)
    assert kept.created <= kept.started <= kept.ended


def test_a_failed_job_keeps_how_far_it_was_and_why(office):
    job = add(office, "failed")
    office.move_job(job, "running")
    office.tell_job(job, 0.25, "streets")
    why = {"error": "MissingLayerError", "message": "no streets"}
    office.move_job(job, "failed", message="no streets", error=why)

    assert (office.job(job).progress, office.job(job).error) == (0.25, why)


def test_lists_are_of_one_project_with_the_newest_at_the_front(new_office):
    start = datetime(2026, 1, 31, 8, tzinfo=UTC)
    moments = (start + timedelta(milliseconds=number) for number in count())
    office = new_office(clock=lambda: next(moments))
    for name in ("old", "new"):
        add(office, name, project="listed")
    add(office, "elsewhere", project="other")
    office.move_job("old", "running")
    office.move_job("old", "done", result='"large"')

    assert [job.id for job in office.jobs("listed")] == ["new", "old"]
    assert [job.id for job in office.jobs("listed", limit=1)] == ["new"]
    (done,) = office.jobs("listed", state="done")
    assert (done.id, done.result) == ("old", None)


def test_watchers_are_told_of_changes_only(office):
    first, second = add(office, "watched 1"), add(office, "watched 2")
    office.move_job(first, "running")

    changed = office.changed_jobs({first: 1, second: 1, "gone": 1})

    assert {job_id: job and job.state for job_id, job in changed.items()} == {
        first: "running",
        "gone": None,
    }
    assert office.changed_jobs({first: 2}) == {}


def test_the_wish_to_cancel_is_noted_once_and_only_for_open_jobs(office):
    job = add(office, "wish")

    assert office.ask_to_cancel(job).rev == 2
    assert office.ask_to_cancel(job).rev == 2
    assert office.beat_jobs("here/1/a", [job], beat=None).cancel == {job}
    over = add(office, "over")
    office.move_job(over, "failed")
    assert office.ask_to_cancel(over).rev == 2
    assert office.beat_jobs("here/1/a", [over], beat=None).cancel == frozenset()
    with pytest.raises(UnknownNameError, match="no such job"):
        office.ask_to_cancel("nobody's")


def test_a_server_learns_which_jobs_are_its_own_no_more(office):
    mine, ended = add(office, "mine"), add(office, "mine, ended")
    office.move_job(ended, "interrupted")
    others = add(office, "others", server="there/1/b")

    beat = office.beat_jobs("here/1/a", [mine, ended, others, "never"], beat=5.0)

    assert beat.lost == {ended, others, "never"}


def test_jobs_of_a_server_that_is_gone_are_given_up_and_no_others(new_office):
    office = new_office()
    for name, server in (("a", "gone"), ("b", "gone"), ("c", "gone"), ("d", "alive")):
        add(office, name, server=server, beat=7.0)
    office.move_job("b", "running")
    office.move_job("c", "failed")
    asked = set()

    def is_gone(server, beat):
        asked.add((server, beat))
        return server == "gone"

    assert sorted(office.interrupt_jobs(is_gone, message="gone; ask again")) == ["a", "b"]
    assert asked == {("gone", 7.0), ("alive", 7.0)}
    assert [state(office, name) for name in "abcd"] == [
        "interrupted",
        "interrupted",
        "failed",
        "queued",
    ]
    assert office.job("a").message == "gone; ask again"
    assert office.interrupt_jobs(is_gone, message="again") == ()


def test_a_job_that_beats_while_it_is_judged_is_kept(new_office):
    office = new_office()
    add(office, "late", beat=1.0)

    def is_gone(server, beat):
        # Its server woke up between the reading and the giving up.
        office.beat_jobs(server, ["late"], beat=2.0)
        return True

    assert office.interrupt_jobs(is_gone, message="gone") == ()
    assert state(office, "late") == "queued"


def test_jobs_are_forgotten_when_they_ended_long_ago(new_office):
    office = new_office()
    ended, waiting = add(office, "ended"), add(office, "waiting")
    office.move_job(ended, "cancelled")
    now = datetime.now(UTC)

    assert office.forget_jobs(now - timedelta(days=1)) == 0
    assert office.forget_jobs(now + timedelta(days=1)) == 1
    assert state(office, waiting) == "queued"
    with pytest.raises(UnknownNameError):
        office.job(ended)
