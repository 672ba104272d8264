"""Jobs wait in a bounded queue in which no project starves another."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.jobs.queue import MOST_OF_A_PROJECT, MOST_WAITING, FairQueue, QueueFullError, Waiting


def filled(*jobs):
    """A queue with jobs named like A1: the project and a number."""
    queue = FairQueue()
    for name in jobs:
        queue.put(Waiting(name, name[0], {}))
    return queue


def take(queue):
    job = queue.take()
    return job.id if job else None


def test_the_first_of_a_project_is_the_first_to_be_served():
    queue = filled("A1", "A2", "A3")

    assert [take(queue) for _ in range(3)] == ["A1", "A2", "A3"]


def test_a_project_that_comes_late_does_not_wait_for_all_of_another():
    queue = filled("A1", "A2", "A3", "A4", "B1", "B2")

    # Nothing ends: the project with fewer jobs at work is next.
    assert [take(queue) for _ in range(6)] == ["A1", "B1", "A2", "B2", "A3", "A4"]


def test_projects_take_turns_where_one_job_runs_at_once():
    queue = filled("A1", "A2", "A3", "B1", "B2", "C1")
    served = []
    while queue.waiting():
        job = queue.take()
        served.append(job.id)
        queue.done(job)

    assert served == ["A1", "B1", "C1", "A2", "B2", "A3"]


@given(st.lists(st.sampled_from("ABC"), max_size=30), st.integers(1, 4))
def test_every_job_is_served_once_and_in_the_order_of_its_project(projects, at_once):
    names = [f"{project}{number}" for number, project in enumerate(projects)]
    queue = filled(*names)
    served, running = [], []
    while queue.waiting():
        running.append(queue.take())
        served.append(running[-1].id)
        if len(running) == at_once:
            queue.done(running.pop(0))

    assert sorted(served) == sorted(names)
    for project in "ABC":
        own = [name for name in served if name[0] == project]
        assert own == [name for name in names if name[0] == project]


def test_the_queue_is_bounded_for_a_project_and_in_all():
    queue = filled(*(f"A{number}" for number in range(MOST_OF_A_PROJECT)))
    with pytest.raises(QueueFullError, match="25 jobs of 'A' wait already; cancel some"):
        queue.require_room("A")
    queue.require_room("B")

    for number in range(MOST_WAITING - MOST_OF_A_PROJECT):
        queue.put(Waiting(str(number), f"project {number}", {}))
    with pytest.raises(QueueFullError, match="100 jobs wait already; try again"):
        queue.require_room("B")


def test_a_job_that_waits_can_be_taken_out_once():
    queue = filled("A1", "A2")

    assert queue.remove("A1")
    assert not queue.remove("A1")
    assert queue.waiting() == ("A2",)


def test_who_waits_for_a_job_is_let_go_when_the_queue_is_closed():
    queue = FairQueue()
    got = []
    waiting = threading.Thread(target=lambda: got.append(queue.take()))
    waiting.start()
    queue.close()
    waiting.join(10)

    assert got == [None]
    with pytest.raises(QueueFullError, match="stopping"):
        queue.require_room("A")


def test_closing_tells_who_still_waited():
    assert filled("A1", "B1").close() == ("A1", "B1")
