"""Headers, limits, log lines and figures of every request, on small applications of their own."""

import json
import logging
import os
import signal
import subprocess
import sys
import urllib.request

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from starlette.responses import Response, StreamingResponse

from api.errors import add_error_handlers
from api.serving.headers import STRICT, SecurityHeaders
from api.serving.limits import (
    LARGEST_BODY,
    LARGEST_OF_NOBODY,
    LONGEST_QUERY,
    BodyLimit,
)
from api.serving.log import LOGGER, JsonLines, TextLines, start_log
from api.serving.metrics import Metrics, exposition
from api.serving.requests import Requests

SECRET = "sEcReT-token"


@pytest.fixture
def app():
    app = FastAPI()
    app.state.metrics = Metrics()
    add_error_handlers(app)

    @app.get("/s/{token}")
    def share(token: str) -> str:
        return token

    @app.get("/page")
    def page() -> Response:
        return Response("", headers={"Content-Security-Policy": "script-src 'self'"})

    @app.post("/body")
    async def body(request: Request) -> int:
        return len(await request.body())

    @app.post("/api/projects/town/uploads")
    async def uploads(request: Request) -> int:
        return len(await request.body())

    @app.get("/fault")
    def fault() -> None:
        raise RuntimeError(f"secret {SECRET}")

    @app.get("/half")
    def half() -> Response:
        def parts():
            yield b"begun"
            raise RuntimeError(SECRET)

        return StreamingResponse(parts())

    app.add_middleware(BodyLimit)
    app.add_middleware(Requests, metrics=app.state.metrics)
    app.add_middleware(SecurityHeaders, https=True)
    return app


@pytest.fixture
def client(app):
    return TestClient(app)


@pytest.fixture
def lines():
    """What is logged, as JSON lines."""
    found = []

    class Keep(logging.Handler):
        def emit(self, record):
            found.append(self.format(record))

    keep = Keep()
    keep.setFormatter(JsonLines())
    LOGGER.addHandler(keep)
    level, LOGGER.level = LOGGER.level, logging.INFO
    yield found
    LOGGER.removeHandler(keep)
    LOGGER.setLevel(level)


def test_every_answer_bears_the_headers_also_errors(client):
    for path in ("/s/x", "/nowhere", "/fault"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == STRICT
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["strict-transport-security"].startswith("max-age=")


def test_a_page_says_itself_what_it_loads(client):
    assert client.get("/page").headers["content-security-policy"] == "script-src 'self'"


def test_without_https_nothing_is_said_of_it(app):
    plain = FastAPI()
    plain.add_middleware(SecurityHeaders, https=False)
    assert "strict-transport-security" not in TestClient(plain).get("/").headers


def test_a_body_of_just_the_limit_passes_and_one_more_byte_does_not(client):
    assert client.post("/body", content=b"x" * LARGEST_BODY).json() == LARGEST_BODY
    answer = client.post("/body", content=b"x" * (LARGEST_BODY + 1))
    assert answer.status_code == 413
    assert "16384 kB" in answer.json()["message"]


def test_a_body_without_a_length_is_counted_while_it_comes(client):
    def parts():
        for _ in range(LARGEST_BODY // 2**20 + 1):
            yield b"x" * 2**20

    answer = client.post("/body", content=parts())
    assert answer.status_code == 413
    assert answer.json()["error"] == "HTTPException"


def test_files_are_limited_by_their_own_route(client):
    size = LARGEST_BODY + 1
    assert client.post("/api/projects/town/uploads", content=b"x" * size).json() == size
    for path in ("/body/uploads", "/api/projects/uploads", "/api/projects/a/b/uploads"):
        assert client.post(path, content=b"x" * size).status_code == 413
    assert client.patch("/api/projects/a/uploads", content=b"x" * size).status_code == 413


def test_who_brings_nothing_to_be_known_by_may_send_but_little():
    app = FastAPI()

    @app.post("/body")
    async def body(request: Request) -> int:
        return len(await request.body())

    app.add_middleware(BodyLimit, needs_login=True)
    client = TestClient(app)
    most = b"x" * LARGEST_OF_NOBODY
    assert client.post("/body", content=most).json() == len(most)
    answer = client.post("/body", content=most + b"x")
    assert answer.status_code == 413
    assert "sign in" in answer.json()["message"]
    for header in ("cookie", "authorization"):
        sent = client.post("/body", content=most + b"x", headers={header: "a=b"})
        assert sent.json() == len(most) + 1


def test_a_query_without_end_is_refused(client):
    assert client.get("/s/x?q=" + "a" * LONGEST_QUERY).status_code == 414


def test_a_fault_is_told_by_an_id_that_the_log_has_too(client, lines):
    answer = client.get("/fault", headers={"cookie": SECRET})
    body = answer.json()

    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in body["message"]
    assert any(answer.headers["x-request-id"] in line and "traceback" in line for line in lines)
    assert SECRET not in answer.text + "".join(lines)
    assert any("test_serving.py" in line for line in lines)


def test_a_fault_in_the_middle_of_an_answer_is_logged_without_its_words(client, lines):
    with pytest.raises(RuntimeError):
        client.get("/half")
    assert SECRET not in "".join(lines)
    assert any("traceback" in line for line in lines)


def test_the_log_holds_the_template_never_the_address(client, lines):
    client.get(f"/s/{SECRET}?password={SECRET}", headers={"authorization": SECRET})
    client.get(f"/nowhere/{SECRET}")
    told = [json.loads(line) for line in lines]

    assert SECRET not in "".join(lines)
    assert [(line["route"], line["status"]) for line in told] == [
        ("/s/{token}", 200),
        ("(none)", 404),
    ]
    assert all(line["ms"] >= 0 and len(line["request"]) == 16 for line in told)


def test_the_figures_count_by_template(app, client):
    for _ in range(3):
        client.get(f"/s/{SECRET}")
    client.request("X" * 50, f"/nowhere/{SECRET}")
    text = exposition(app.state.metrics)[0].decode()

    assert 'lianpian_requests_total{method="GET",route="/s/{token}",status="200"} 3.0' in text
    assert 'lianpian_requests_total{method="ANY",route="(none)",status="404"} 1.0' in text
    assert SECRET not in text
    assert "lianpian_open_requests 0.0" in text


def test_a_line_for_a_person_cannot_steer_a_terminal():
    record = logging.LogRecord("lianpian", logging.INFO, "", 0, "a\x1b[2Jb\nc", None, None)
    line = TextLines().format(record)
    assert "\x1b" not in line
    assert "\n" not in line


def test_a_line_for_a_program_is_one_line():
    record = logging.LogRecord("lianpian", logging.INFO, "", 0, "a\nb", None, None)
    assert json.loads(JsonLines().format(record))["message"] == "a\nb"
    assert "\n" not in JsonLines().format(record)


def test_a_log_that_is_off_says_nothing(capfd):
    handlers = {name: logging.getLogger(name).handlers for name in ("lianpian", "uvicorn")}
    try:
        start_log("off")
        LOGGER.error("hello")
        start_log("json")
        LOGGER.error("world")
    finally:
        for name, kept in handlers.items():
            logging.getLogger(name).handlers = kept
            logging.getLogger(name).propagate = True
    written = capfd.readouterr().err
    assert "hello" not in written
    assert json.loads(written)["message"] == "world"


SERVER = """
import asyncio, socket, sys, threading
from fastapi import FastAPI
from starlette.responses import StreamingResponse
from api.serving.server import run_server

app = FastAPI()
app.state.stopping = threading.Event()

@app.get("/slow")
async def slow():
    async def parts():
        yield b"begun "
        while not app.state.stopping.is_set():
            await asyncio.sleep(0.01)
        yield b"told to stop"
    return StreamingResponse(parts())

listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
run_server(app, listening)
print("stopped", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGTERM")
def test_a_server_that_is_stopped_lets_open_requests_end():
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/slow", timeout=30) as answer:
            assert answer.read(6) == b"begun "
            server.send_signal(signal.SIGTERM)
            assert answer.read() == b"told to stop"
        assert server.stdout.readline() == b"stopped\n"
        assert server.wait(30) == 0
