"""The routes of jobs: who may ask, what is answered, and streams that keep nobody."""

import asyncio
import http.client
import json
import socket
import threading
import time

import pytest
import uvicorn
from fastapi.testclient import TestClient

from api.app import create_app
from api.jobs import QueueFullError
from api.serving.server import Server
from api.settings import Settings
from api.store import Author, Project
from api.store.office import Office

PATIENCE_S = 60.0
CUSTOM = {"X-Lianpian": "1"}
ADMIN = Author("admin", "test")
JOBS = "/api/projects/town/jobs"

WORKS = """
import time
from pathlib import Path

def quick(project, options, progress):
    (Path(options["_folder"]) / "表 1.html").write_text("<b>made</b>", "utf-8")
    return {"file": "表 1.html", "walker": options["walker"], "unknown": float("inf")}

def patient(project, options, progress):
    while True:
        progress(0.1, "walking")
        time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("projects")
    for name in ("town", "city", "云溪 1"):
        Project.create(made / f"{name}.gpkg", name=name).close()
    (made / "tests_works.py").write_text(WORKS, "utf-8")
    return made


@pytest.fixture(scope="module")
def app(folder):
    # Two made-up works under the names of two that are known.
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        works = {"coverage": "tests_works:quick", "step_free": "tests_works:patient"}
        patch.setattr("api.analyses.work.WORK", works)
        yield create_app(Settings(project=str(folder), jobs=2, jobs_stop_s=0.0))


@pytest.fixture(scope="module")
def client(app):
    with TestClient(app, headers=CUSTOM) as running:
        yield running


@pytest.fixture
def patient(client):
    """A job that never ends by itself, running; cancelled at the end of the test."""
    job = client.post(JOBS, json={"work": "step_free"}).json()
    wait_for(lambda: client.get(f"{JOBS}/{job['id']}").json()["message"] == "walking")
    yield job["id"]
    client.delete(f"{JOBS}/{job['id']}")
    client.get(f"{JOBS}/{job['id']}/events")


@pytest.fixture(scope="module")
def done(client):
    """A job that was asked for and watched to its end: the answer, and the events."""
    asked = client.post(JOBS, json={"work": "coverage", "options": {"walker": "frail"}})
    return asked, client.get(asked.headers["Location"] + "/events")


def wait_for(question):
    until_s = time.monotonic() + PATIENCE_S
    while not (answer := question()):
        assert time.monotonic() < until_s, "waited in vain"
        time.sleep(0.01)
    return answer


def events_in(text):
    """Events of a stream: the number and the job of each."""
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    pairs = [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]
    return [(int(pair["id"]), json.loads(pair["data"])) for pair in pairs]


def test_a_job_is_asked_for_and_watched_to_its_end(client, done):
    asked, stream = done
    assert asked.status_code == 202
    queued = asked.json()
    assert (queued["work"], queued["who"], queued["state"]) == ("coverage", "local", "queued")
    # What was not said is filled in, so that it is on record.
    assert (queued["options"]["walker"], queued["options"]["at"]) == ("frail", "10:00")

    assert stream.headers["Content-Type"].startswith("text/event-stream")
    assert stream.headers["Cache-Control"] == "no-cache"
    assert stream.headers["X-Accel-Buffering"] == "no"
    events = events_in(stream.text)
    numbers = [number for number, _ in events]
    assert numbers == sorted(set(numbers))
    last = events[-1][1]
    assert (last["state"], last["progress"]) == ("done", 1.0)
    assert last["result"] == {"file": "表 1.html", "walker": "frail", "unknown": None}
    assert client.get(asked.headers["Location"]).json() == last


def test_the_works_are_listed_with_what_they_take(client):
    works = {one["work"]: one for one in client.get("/api/projects/town/works").json()["works"]}
    assert {"coverage", "districts", "sites"} <= set(works)
    districts = works["districts"]
    assert districts["what"] == "Estates grouped into districts within bounds."
    assert districts["example"]["sizes"]["people"] == [5000, 12000]
    assert "sizes" in districts["options"]["properties"]


def test_the_document_says_what_each_work_takes(client):
    document = client.get("/api/openapi.json").json()
    asked = document["components"]["schemas"]["JobIn"]
    by_work = {one["properties"]["work"]["const"]: one for one in asked["oneOf"]}
    assert set(by_work) == {example["work"] for example in asked["examples"]}
    sites = by_work["sites"]
    assert sites["required"] == ["work", "options"]
    assert sites["description"] == "Where to put what is missing."
    assert sites["properties"]["options"]["required"] == ["categories"]
    assert by_work["findings"]["required"] == ["work"]


def test_lists_are_of_the_project_and_by_state(client, done, patient):
    job_id = done[0].json()["id"]
    listed = client.get(JOBS).json()["jobs"]

    assert [job["id"] for job in listed][:2] == [patient, job_id]
    assert listed[1]["result"] is None
    assert [j["id"] for j in client.get(f"{JOBS}?state=running").json()["jobs"]] == [patient]
    assert client.get("/api/projects/city/jobs").json() == {"jobs": []}
    assert client.get(f"{JOBS}?state=lost").status_code == 422


def test_a_watcher_that_comes_back_hears_only_what_is_new(client, done):
    asked, stream = done
    url = asked.headers["Location"] + "/events"
    last, job = events_in(stream.text)[-1]

    again = client.get(url, headers={"Last-Event-ID": str(last - 1)})
    assert events_in(again.text) == [(last, job)]
    # It knows all: the answer that makes a browser stop asking.
    nothing = client.get(url, headers={"Last-Event-ID": str(last)})
    assert (nothing.status_code, nothing.content) == (204, b"")
    for odd in ("x", "-1", "9" * 5000, "²"):
        answer = client.get(url, headers={"Last-Event-ID": odd.encode()})
        assert events_in(answer.text) == [(last, job)]


def test_a_file_is_sent_to_be_saved_never_to_be_shown(client, done):
    url = done[0].headers["Location"] + "/files/"
    sent = client.get(url + "表 1.html")

    assert sent.text == "<b>made</b>"
    assert sent.headers["Content-Type"] == "application/octet-stream"
    assert sent.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''%E8%A1%A8")
    for name in ("other", "..%2F..%2Ftown.gpkg", "%2Fetc%2Fpasswd", "%00", "."):
        assert client.get(url + name).status_code == 404, name


def test_a_running_job_is_cancelled_and_an_ended_one_stays(client, done, patient):
    assert client.delete(f"{JOBS}/{patient}").status_code == 200
    last = events_in(client.get(f"{JOBS}/{patient}/events").text)[-1][1]
    assert (last["state"], last["message"]) == ("cancelled", "Cancelled")

    url = done[0].headers["Location"]
    assert client.delete(url).json()["state"] == "done"


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"work": "dance"}, 404, "UnknownNameError"),
        ({"work": "import", "options": {"_path": "/etc/passwd"}}, 404, "UnknownNameError"),
        ({"work": "coverage", "options": {"_folder": "/etc"}}, 422, "OptionError"),
        ({"work": "coverage", "options": {"at": "25:00"}}, 422, "OptionError"),
        ({"work": "coverage", "who": "somebody else"}, 422, "RequestValidationError"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(client, body, status, error):
    answer = client.post(JOBS, json=body)

    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_the_address_of_a_job_is_one_whatever_the_project_is_called(client):
    asked = client.post("/api/projects/云溪 1/jobs", json={"work": "step_free"})
    url = asked.headers["Location"]

    assert url == f"/api/projects/%E4%BA%91%E6%BA%AA%201/jobs/{asked.json()['id']}"
    assert client.delete(url).status_code == 200
    assert client.get(url + "/events").status_code == 200


def test_jobs_of_other_projects_are_not_there(client, done):
    job_id = done[0].json()["id"]
    for url in (f"/api/projects/city/jobs/{job_id}", f"{JOBS}/nobodys"):
        for path in (url, f"{url}/events", f"{url}/files/表 1.html"):
            assert client.get(path).status_code == 404, path
        assert client.delete(url).status_code == 404


def test_too_many_jobs_are_told_to_come_back(client, app, monkeypatch):
    def full(*_):
        raise QueueFullError("100 jobs wait already; try again when some have ended")

    monkeypatch.setattr(app.state.jobs, "submit", full)
    answer = client.post(JOBS, json={"work": "coverage"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    assert answer.json() == {
        "error": "TooManyJobs",
        "message": "100 jobs wait already; try again when some have ended",
    }


def test_viewers_see_reviewers_fetch_planners_ask(folder, tmp_path):
    office = Office.open(tmp_path / "office.db")
    tokens = {}
    for name, role in (("v", "viewer"), ("r", "reviewer"), ("p", "planner"), ("s", None)):
        person = office.add_person(name, by=ADMIN)
        if role:
            office.set_role("town", person.id, role, by=ADMIN)
        tokens[name] = office.add_session(person.id, kind="token", label="t", hours=1, by=ADMIN)
    office.add_job("j1", project="town", work="w", options={}, who="p", server="", beat=1e12)
    office.close()
    settings = Settings(project=str(folder), office=str(tmp_path / "office.db"), login="on")
    url = f"{JOBS}/j1"
    with TestClient(create_app(settings)) as client:

        def status(name, method, path, **body):
            sent = {"Authorization": f"Bearer {tokens[name]}"}
            return client.request(method, path, headers=sent, **body).status_code

        assert [status(name, "GET", url) for name in "vrps"] == [200, 200, 200, 404]
        assert [status(name, "GET", JOBS) for name in "vrps"] == [200, 200, 200, 404]
        assert [status(name, "GET", f"{url}/files/x") for name in "vrps"] == [403, 404, 404, 404]
        asked = {"json": {"work": "dance"}}
        assert [status(name, "POST", JOBS, **asked) for name in "vrps"] == [403, 403, 404, 404]
        assert [status(name, "DELETE", url) for name in "vrsp"] == [403, 403, 404, 200]
        assert client.get(url).status_code == 401
        assert client.get(f"{url}/events").status_code == 401


@pytest.fixture
def server(app, client):
    """The application behind a real socket; the TestClient has started its parts already."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=60)
    running = Server(config)
    thread = threading.Thread(target=running.run, args=([listening],))
    thread.start()
    wait_for(lambda: running.started)
    running.port = listening.getsockname()[1]
    running.thread = thread
    yield running
    running.should_exit = True
    thread.join(PATIENCE_S)
    listening.close()


def stream_of(server, job_id):
    """Open the stream of a job."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    connection.request("GET", f"{JOBS}/{job_id}/events")
    return connection, connection.getresponse()


def test_streams_that_are_left_or_that_outlive_the_server_keep_nobody(
    server, app, client, patient, monkeypatch
):
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.05)
    watching = app.state.jobs._watching
    streams = [stream_of(server, patient) for _ in range(8)]
    for _, stream in streams:
        assert stream.readline().startswith(b"data: {")
    (watched,) = watching._watched.values()
    assert watched.watchers == 8

    # A job that says nothing new is kept alive by comments.
    lines = iter(streams[0][1].readline, b"")
    assert next(line for line in lines if line.startswith(b":")) == b": ping\n"

    # Most go away in the middle; one stays.
    for connection, stream in streams[1:]:
        stream.close()
        connection.close()
    wait_for(lambda: watched.watchers == 1)

    # The server is told to stop, which it does although one still watches.
    server.handle_exit(2, None)
    server.thread.join(PATIENCE_S)
    assert not server.thread.is_alive()
    assert streams[0][1].read().endswith(b"\n")  # whole, to its last chunk
    streams[0][0].close()
    wait_for(lambda: watching._watched == {})
    watching._hung_up = False
    app.state.stopping.clear()
    assert asyncio.all_tasks(watching._loop) == set()
