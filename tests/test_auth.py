"""Who is let in where: sessions, tokens, roles, the header of our own page, one's own machine."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, select

from api.app import create_app
from api.auth.described import OPEN
from api.auth.origins import key_of, origin_of
from api.settings import Settings
from api.store.office import Office
from api.store.office.schema import PEOPLE, SESSIONS
from tests.people import BY, GOOD, OTHER, OURS, add, browser, make_app, program, quick


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office.open(tmp_path / "office.db")
    yield opened
    opened.close()


# Roles


@pytest.mark.parametrize(
    ("has", "may"),
    [
        ("viewer", [200, 403, 403, 403]),
        ("reviewer", [200, 200, 403, 403]),
        ("planner", [200, 200, 200, 403]),
        ("owner", [200, 200, 200, 200]),
    ],
)
def test_each_role_may_what_those_before_it_may(office: Office, has: str, may: list[int]) -> None:
    add(office, "wang", roles={"town": has})
    client = browser(make_app(office), "wang")

    asked = ["viewer", "reviewer", "planner", "owner"]
    assert [client.get(f"/probe/{role}/town").status_code for role in asked] == may


def test_a_project_that_one_may_not_see_answers_as_one_that_is_not_there(office: Office) -> None:
    add(office, "wang", roles={"town": "owner"})
    app = make_app(office)
    client = browser(app, "wang")

    hidden = client.get("/probe/viewer/village")
    missing = client.get("/probe/viewer/nowhere")

    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.text.replace("village", "nowhere") == missing.text
    assert app.state.projects.opened == []


def test_whoever_administers_people_may_all_in_every_project(office: Office) -> None:
    add(office, "chief", admin=True)

    assert browser(make_app(office), "chief").get("/probe/owner/village").status_code == 200


def test_what_is_written_bears_the_name_and_the_address(office: Office) -> None:
    add(office, "Wang", roles={"town": "viewer"})
    client = browser(make_app(office), "wang", address="10.1.2.3")

    who = client.get("/probe/viewer/town").json()["who"]

    assert who == {"name": "wang", "where": "10.1.2.3"}


def test_nobody_signed_in_is_401_and_says_how(office: Office) -> None:
    answer = browser(make_app(office)).get("/probe/viewer/town")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "sign in" in answer.json()["message"]


def test_a_role_that_is_given_or_taken_counts_at_once(office: Office) -> None:
    person = add(office, "wang", roles={"town": "owner"})
    add(office, "li", roles={"town": "owner"})
    client = browser(make_app(office), "wang")
    assert client.get("/probe/owner/town").status_code == 200

    office.set_role("town", person, "viewer", by=BY)
    assert client.get("/probe/owner/town").status_code == 403

    office.remove_role("town", person, by=BY)
    assert client.get("/probe/viewer/town").status_code == 404


def test_a_change_by_another_process_is_seen_after_three_seconds(
    office: Office, tmp_path: Path
) -> None:
    person = add(office, "wang", roles={"town": "viewer"})
    app = make_app(office)
    now = [100.0]
    app.state.door._ticks = lambda: now[0]
    client = browser(app, "wang")
    assert client.get("/probe/viewer/town").status_code == 200

    other = Office.open(tmp_path / "office.db")
    other.remove_role("town", person, by=BY)
    other.close()
    now[0] += 3.1

    assert client.get("/probe/viewer/town").status_code == 404


def test_a_hundred_requests_ask_the_office_once(office: Office) -> None:
    add(office, "wang", roles={"town": "viewer"})
    app = make_app(office)
    app.state.door._ticks = lambda: 100.0
    client = browser(app, "wang")
    client.get("/probe/viewer/town")
    asked = []
    with office.read() as connection:
        engine = connection.engine
    event.listen(engine, "before_cursor_execute", lambda *told: asked.append(told[2]))

    for _ in range(100):
        assert client.get("/probe/viewer/town").status_code == 200

    assert asked == []


# Sessions and tokens


def test_the_cookie_is_for_our_server_alone_and_no_script_reads_it(office: Office) -> None:
    add(office, "wang")
    plain = browser(make_app(office))
    secure = TestClient(
        make_app(office, public_url="https://plan.example.cn"),
        headers=OURS,
        base_url="https://plan.example.cn",
    )

    told = [
        client.post("/api/session", json={"name": "wang", "password": GOOD}).headers["set-cookie"]
        for client in (plain, secure)
    ]

    assert told[0].startswith("lianpian=")
    assert told[1].startswith("__Host-lianpian=")
    assert [part.strip().lower() for part in told[0].split(";")[1:]] == [
        "httponly",
        "path=/",
        "samesite=lax",
    ]
    assert {part.strip().lower() for part in told[1].split(";")[1:]} == {
        "httponly",
        "path=/",
        "samesite=lax",
        "secure",
    }


def test_neither_token_nor_password_is_in_the_office(office: Office, tmp_path: Path) -> None:
    person = add(office, "wang")
    client = browser(make_app(office), "wang")
    token = office.add_session(person, kind="token", label="t", hours=1, by=BY)
    cookie = client.cookies["lianpian"]
    office.close()

    kept = b"".join(path.read_bytes() for path in tmp_path.glob("office.db*"))

    assert b"wang" in kept
    for secret in (token, cookie, GOOD):
        assert secret.encode() not in kept


def test_a_session_begins_with_a_new_secret_and_ends_the_one_before(office: Office) -> None:
    add(office, "wang")
    app = make_app(office)
    client = browser(app)
    client.cookies.set("lianpian", "chosen-by-somebody-else")

    client.post("/api/session", json={"name": "wang", "password": GOOD})
    first = client.cookies.get("lianpian", domain="testserver.local")
    client.cookies.clear()
    client.cookies.set("lianpian", first)
    answer = client.post("/api/session", json={"name": "wang", "password": GOOD})
    second = answer.cookies["lianpian"]

    assert len({first, second, "chosen-by-somebody-else"}) == 3
    with office.read() as connection:
        assert len(connection.execute(select(SESSIONS)).all()) == 1
    old = TestClient(app, cookies={"lianpian": first})
    assert old.get("/probe").status_code == 401


def test_a_cookie_of_a_session_is_no_token_and_a_token_no_cookie(office: Office) -> None:
    person = add(office, "wang")
    app = make_app(office)
    cookie = browser(app, "wang").cookies["lianpian"]
    token = office.add_session(person, kind="token", label="t", hours=1, by=BY)

    as_bearer = TestClient(app, headers={"Authorization": f"Bearer {cookie}"})
    as_cookie = TestClient(app, cookies={"lianpian": token})

    assert as_bearer.get("/probe").status_code == 401
    assert as_cookie.get("/probe").status_code == 401


@pytest.mark.parametrize(
    "sent", ["Bearer", "Bearer ", "Bearer x", "bearer x", "Bearer " + "x" * 5000]
)
def test_a_wrong_token_is_401_even_beside_a_good_cookie(office: Office, sent: str) -> None:
    add(office, "wang")
    client = browser(make_app(office), "wang")

    answer = client.get("/probe", headers={"Authorization": sent})

    assert answer.status_code == 401
    assert "x" * 100 not in answer.text


def test_what_a_proxy_asks_for_is_no_token(office: Office) -> None:
    add(office, "wang")
    client = browser(make_app(office), "wang")
    basic = {"Authorization": "Basic d2FuZzp4"}

    assert client.get("/probe", headers=basic).status_code == 200
    assert client.post("/probe", headers=basic | {"X-Lianpian": ""}).status_code == 403
    client.cookies.clear()
    assert client.get("/probe", headers=basic).status_code == 401


def basic(name: str, password: str) -> dict[str, str]:
    sent = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {sent}"}


@pytest.mark.parametrize("name", ["wang", "anybody", ""])
def test_a_token_is_taken_as_the_password_of_any_name(office: Office, name: str) -> None:
    person = add(office, "wang", roles={"town": "viewer"})
    app = make_app(office)
    token = office.add_session(person, kind="token", label="t", hours=1, by=BY)
    client = TestClient(app, headers=basic(name, token))

    assert client.get("/probe/viewer/town").json()["who"]["name"] == "wang"
    # A browser repeats a password by itself, also for another site.
    assert client.post("/probe").status_code == 403
    assert client.post("/probe", headers=OURS).status_code == 200
    assert client.get("/api/sessions", headers=OURS).status_code == 403
    assert client.post("/api/tokens", headers=OURS, json={"label": "x"}).status_code == 403


def test_no_other_password_of_basic_lets_in_or_breaks_a_cookie(office: Office) -> None:
    person = add(office, "wang")
    app = make_app(office)
    client = browser(app, "wang")
    ended = office.add_session(person, kind="token", label="t", hours=1, by=BY)
    office.end_session(person, office.sessions_of(person)[0].id, by=BY)
    wrong = [
        basic("wang", GOOD),
        basic("wang", ended),
        basic("wang", client.cookies["lianpian"]),
        basic("wang", "x" * 43),
        {"Authorization": "Basic"},
        {"Authorization": "Basic !"},
        {"Authorization": "Basic /////w=="},
    ]

    for headers in wrong:
        assert client.get("/probe", headers=headers).status_code == 200
        assert TestClient(app).get("/probe", headers=headers).status_code == 401


def test_the_document_says_how_programs_sign_in(tmp_path: Path) -> None:
    app = create_app(Settings(project=str(tmp_path), public_url="https://plan.example.cn"))
    document = app.openapi()

    ways = document["components"]["securitySchemes"]
    assert (ways["bearer"]["scheme"], ways["basic"]["scheme"]) == ("bearer", "basic")
    assert ways["cookie"]["name"] == "__Host-lianpian"
    assert document["security"] == [{"bearer": []}, {"basic": []}, {"cookie": []}]
    asked = {
        f"{method.upper()} {path}": [one["name"] for one in told.get("parameters", [])]
        for path, operations in document["paths"].items()
        for method, told in operations.items()
    }
    assert "X-Lianpian" in asked["POST /api/session"]
    assert "X-Lianpian" in asked["PUT /api/projects/{project}/members"]
    assert not [name for name, has in asked.items() if "GET " in name and "X-Lianpian" in has]
    opened = {
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method, told in operations.items()
        if told.get("security") == []
    }
    assert opened == OPEN
    assert app.openapi() == document


def test_a_session_lives_while_it_is_used_and_a_month_at_most(office: Office) -> None:
    from datetime import timedelta

    from api.store.moments import utc_now

    begun = utc_now()
    passed = [timedelta()]
    office._clock = lambda: begun + passed[0]
    add(office, "wang")
    app = make_app(office, session_hours=10)
    app.state.door._ticks = lambda: passed[0].total_seconds()
    client = browser(app, "wang")

    for hours in (9, 18, 27):  # each within ten hours of the last use
        passed[0] = timedelta(hours=hours)
        assert client.get("/probe").status_code == 200
    passed[0] = timedelta(hours=37.1)
    assert client.get("/probe").status_code == 401

    passed[0] = timedelta(days=2)
    client = browser(app, "wang")
    for hours in range(2 * 24, 32 * 24, 9):
        passed[0] = timedelta(hours=hours)
        assert client.get("/probe").status_code == 200
    passed[0] = timedelta(days=32, minutes=1)
    assert client.get("/probe").status_code == 401


def test_an_inactive_person_is_out_at_once_and_cannot_come_back(office: Office) -> None:
    person = add(office, "wang", roles={"town": "viewer"})
    app = make_app(office)
    client, script = browser(app, "wang"), program(app, office, person)
    assert [c.get("/probe").status_code for c in (client, script)] == [200, 200]

    office.change_person(person, active=False, by=BY)

    assert [c.get("/probe").status_code for c in (client, script)] == [401, 401]
    again = client.post("/api/session", json={"name": "wang", "password": GOOD})
    assert again.status_code == 401


# Whose page sent it


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Lianpian": "1"}, 200),
        ({}, 403),
        ({"X-Lianpian": "0"}, 403),
        ({"X-Lianpian": "1", "Origin": "http://testserver"}, 200),
        ({"X-Lianpian": "1", "Origin": "https://testserver"}, 403),
        ({"X-Lianpian": "1", "Origin": "http://testserver.evil.cn"}, 403),
        ({"X-Lianpian": "1", "Origin": "http://testserver:8080"}, 403),
        ({"X-Lianpian": "1", "Origin": "null"}, 403),
        ({"X-Lianpian": "1", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"X-Lianpian": "1", "Sec-Fetch-Site": "none"}, 200),
        ({"X-Lianpian": "1", "Sec-Fetch-Site": "same-site"}, 403),
        ({"X-Lianpian": "1", "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_a_change_by_cookie_must_come_from_our_page(
    office: Office, headers: dict[str, str], status: int
) -> None:
    add(office, "wang")
    app = make_app(office)
    cookie = browser(app, "wang").cookies["lianpian"]
    client = TestClient(app, cookies={"lianpian": cookie}, headers=headers)

    answer = client.post("/probe")

    assert answer.status_code == status
    assert client.get("/probe").status_code == 200
    if status == 403:
        assert answer.json()["error"] == "NotAllowed"
        assert "\n" not in answer.json()["message"]


def test_behind_a_proxy_the_public_address_is_ours(office: Office) -> None:
    add(office, "wang")
    app = make_app(office, public_url="https://Plan.example.cn/")
    client = TestClient(app, headers=OURS, base_url="https://testserver")
    client.post("/api/session", json={"name": "wang", "password": GOOD})

    def ask(origin: str) -> int:
        return client.post("/probe", headers={"Origin": origin}).status_code

    assert ask("https://plan.example.cn") == 200
    assert ask("https://plan.example.cn.evil.cn") == 403


def test_a_token_needs_no_header_of_ours(office: Office) -> None:
    person = add(office, "wang")

    answer = program(make_app(office), office, person).post("/probe")

    assert answer.status_code == 200


def test_signing_in_needs_the_header_too(office: Office) -> None:
    add(office, "wang")

    answer = TestClient(make_app(office)).post(
        "/api/session", json={"name": "wang", "password": GOOD}
    )

    assert answer.status_code == 403
    assert "X-Lianpian: 1" in answer.json()["message"]
    assert "set-cookie" not in answer.headers


# One's own machine


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("127.5.5.5", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("10.0.0.7", 403),
        ("172.17.0.1", 403),
        ("::ffff:10.0.0.7", 403),
        ("localhost.evil.cn", 403),
    ],
)
def test_where_nobody_signs_in_only_this_machine_is_let_in(
    office: Office, address: str, status: int
) -> None:
    client = TestClient(make_app(office, login="off"), client=(address, 50000))

    answer = client.get("/probe/owner/town")

    assert answer.status_code == status
    if status == 200:
        assert answer.json() == {
            "role": "owner",
            "id": None,
            "who": {"name": "local", "where": address},
        }


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_where_nobody_signs_in_nothing_comes_through_a_proxy(office: Office, header: str) -> None:
    client = TestClient(make_app(office, login="off"), client=("127.0.0.1", 50000))

    answer = client.get("/probe", headers={header: "127.0.0.1"})

    assert answer.status_code == 403
    assert "LIANPIAN_LOGIN=on" in answer.json()["message"]


def test_where_nobody_signs_in_a_change_needs_the_header(office: Office) -> None:
    client = TestClient(make_app(office, login="off"), client=("127.0.0.1", 50000))

    assert client.post("/probe").status_code == 403
    assert client.post("/probe", headers=OURS).status_code == 200
    evil = OURS | {"Origin": "http://evil.cn"}
    assert client.post("/probe", headers=evil).status_code == 403


# Where it comes from


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "where"),
    [
        ("", "10.0.0.7", "1.2.3.4", "10.0.0.7"),
        ("10.0.0.1", "10.0.0.7", "1.2.3.4", "10.0.0.7"),
        ("10.0.0.1", "10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.0/24", "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.1", "10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1", "<script>", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1", ", ".join(["10.0.0.1"] * 5000), "10.0.0.1"),
        ("fd00::/8", "fd00::1", "2001:db8::9", "2001:db8::9"),
        ("10.0.0.1", "::ffff:10.0.0.1", "1.2.3.4", "1.2.3.4"),
    ],
)
def test_an_address_in_a_header_is_believed_from_our_proxies_only(
    office: Office, proxies: str, peer: str, forwarded: str, where: str
) -> None:
    person = add(office, "wang", roles={"town": "viewer"})
    app = make_app(office, trusted_proxies=proxies)
    token = office.add_session(person, kind="token", label="t", hours=1, by=BY)
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": forwarded}
    client = TestClient(app, headers=headers, client=(peer, 1))

    assert client.get("/probe/viewer/town").json()["who"]["where"] == where


def test_attempts_of_one_household_count_together() -> None:
    assert key_of("2001:db8:1:2::3") == key_of("2001:db8:1:2:ffff::9")
    assert key_of("2001:db8:1:2::3") != key_of("2001:db8:1:3::3")
    assert key_of("::ffff:10.0.0.7") == key_of("10.0.0.7") != key_of("10.0.0.8")
    assert key_of("unknown") == "unknown"


def test_an_origin_is_written_as_browsers_write_it() -> None:
    assert origin_of("https://Plan.Example.cn:443/a?b") == "https://plan.example.cn"
    assert origin_of("http://plan.example.cn:8000") == "http://plan.example.cn:8000"
    assert origin_of("http://[::1]:8000/") == "http://[::1]:8000"


# Too often


def test_ten_wrong_passwords_shut_the_name_and_success_opens_it(
    office: Office, tmp_path: Path
) -> None:
    add(office, "wang")
    clients = [browser(make_app(office), address=f"10.0.0.{n}") for n in range(12)]

    def sign_in(client: TestClient, password: str, name: str = "wang") -> int:
        return client.post("/api/session", json={"name": name, "password": password}).status_code

    assert [sign_in(client, "wrong") for client in clients[:9]] == [401] * 9
    assert sign_in(clients[9], GOOD) == 200
    assert [sign_in(client, "wrong", "Ｗａｎｇ") for client in clients[:10]] == [401] * 10
    answer = clients[10].post("/api/session", json={"name": "wang", "password": GOOD})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 900
    assert "wang" not in answer.text

    # It is kept in the office: a new start of the server changes nothing.
    again = Office.open(tmp_path / "office.db")
    assert sign_in(browser(make_app(again)), GOOD) == 429
    again.close()


def test_a_name_that_nobody_has_is_shut_in_the_same_way(office: Office) -> None:
    client = browser(make_app(office))
    asked = {"name": "nobody", "password": "x"}

    answers = [client.post("/api/session", json=asked) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]


def test_an_address_that_tries_many_names_is_shut_though_one_is_right(office: Office) -> None:
    add(office, "wang")
    app = make_app(office)
    client = browser(app)

    def sign_in(name: str, password: str) -> int:
        return client.post("/api/session", json={"name": name, "password": password}).status_code

    for place in range(60):
        assert sign_in(f"name{place}", "x") == 401
        if place == 30:
            assert sign_in("wang", GOOD) == 200
    assert sign_in("another", "x") == 429
    assert browser(app, "wang", address="10.9.9.9").get("/probe").status_code == 200


def test_wrong_name_wrong_password_inactive_and_no_password_answer_alike(office: Office) -> None:
    add(office, "wang")
    gone = add(office, "gone")
    office.change_person(gone, active=False, by=BY)
    office.add_person("outside", subject="https://id.example|7", by=BY)
    app = make_app(office)
    hashes: list[bool] = []
    verify = app.state.door.passwords._hasher.verify_and_update
    app.state.door.passwords._hasher.verify_and_update = lambda *told: (
        hashes.append(True),
        verify(*told),
    )[1]

    answers = [
        browser(app).post("/api/session", json={"name": name, "password": password})
        for name, password in [
            ("wang", "wrong"),
            ("nobody", GOOD),
            ("gone", GOOD),
            ("outside", ""),
            ("wang", "x" * 1025),
            ("a\u0000b", GOOD),
            ("wang\u0000", GOOD),
        ]
    ]

    assert {answer.status_code for answer in answers} - {422} == {401}
    assert len({answer.text for answer in answers if answer.status_code == 401}) == 1
    assert len(hashes) == sum(answer.status_code == 401 for answer in answers)


def test_an_old_hash_is_renewed_when_its_person_signs_in(office: Office) -> None:
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    weak = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=16, parallelism=1),)).hash(GOOD)
    person = office.add_person("wang", password_hash=weak, by=BY)
    client = browser(make_app(office), "wang")

    with office.read() as connection:
        kept = connection.execute(select(PEOPLE.c.password)).scalar()

    assert kept != weak
    assert quick().verify(GOOD, kept) == (True, None)
    assert client.get("/probe").json()["id"] == person.id  # and the session stays


def test_the_setting_of_a_wrong_proxy_says_so(office: Office) -> None:
    client = browser(make_app(office, trusted_proxies="10.0.0.300"))

    answer = client.post("/api/session", json={"name": "wang", "password": OTHER})

    assert answer.status_code == 422
    assert "LIANPIAN_TRUSTED_PROXIES" in answer.json()["message"]


def test_the_settings_say_whether_people_sign_in() -> None:
    assert not Settings(host="127.0.0.1").needs_login
    assert Settings(host="0.0.0.0").needs_login
