"""Signing in with an identity provider: a made-up one on this machine, honest and not."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from api.auth.oidc import Provider
from api.settings import Settings
from api.store.office import Office
from gis.errors import OptionError
from tests.people import BY, OURS, make_app

CLIENT = "lianpian-test"
SECRET = "a-secret-of-the-client"


class FakeIssuer:
    """An identity provider: ``claims`` is what its next token says besides the usual."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "one"})
        self.signing: Any = self.key
        self.header: dict[str, Any] = {"alg": "ES256", "kid": "one"}
        self.claims: dict[str, Any] = {}
        self.issuer: str | None = None
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self._challenges: dict[str, str] = {}
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append((self.path, {}))
                found = {
                    "/.well-known/openid-configuration": issuer.discovery,
                    "/keys": lambda: KeySet([issuer.key]).as_dict(),
                }[self.path]()
                self._tell(200, found)

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                form = parse_qs(self.rfile.read(length).decode())
                issuer.asked.append((self.path, form))
                self._tell(*issuer.exchange(form, self.headers.get("authorization", "")))

            def _tell(self, status: int, body: Any) -> None:
                told = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer or self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }

    def agree(self, url: str, **claims: Any) -> dict[str, str]:
        """Do what the provider does once the person has agreed; return the return parameters."""
        asked = {key: value[0] for key, value in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["redirect_uri"] == "https://plan.example.cn/api/session/oidc/return"
        now = int(time.time())
        self.claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "7",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        } | claims
        code = f"code-{len(self._challenges)}"
        self._challenges[code] = asked["code_challenge"]
        return {"state": asked["state"], "code": code}

    def exchange(self, form: dict[str, list[str]], authorization: str) -> tuple[int, Any]:
        expected = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        verifier = form["code_verifier"][0]
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            authorization != f"Basic {expected}"
            or self._challenges.pop(form["code"][0], None) != challenge
        ):
            return 400, {"error": "invalid_grant"}
        said = {key: value for key, value in self.claims.items() if value is not None}
        token = jwt.encode(self.header, said, self.signing, algorithms=[self.header["alg"]])
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": token}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office.open(tmp_path / "office.db")
    yield opened
    opened.close()


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    made = FakeIssuer()
    yield made
    made.stop()


@pytest.fixture
def app(office: Office, issuer: FakeIssuer) -> FastAPI:
    return make_app(
        office,
        public_url="https://plan.example.cn",
        oidc_issuer=issuer.url,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
    )


def browse(app: FastAPI) -> TestClient:
    return TestClient(
        app,
        headers=OURS,
        base_url="https://plan.example.cn",
        follow_redirects=False,
        client=("10.0.0.7", 1),
    )


def begin(client: TestClient) -> str:
    answer = client.get("/api/session/oidc")
    assert answer.status_code == 303
    return str(answer.headers["location"])


def come_back(client: TestClient, **params: str) -> str:
    answer = client.get("/api/session/oidc/return", params=params)
    assert answer.status_code == 303
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.headers["location"])


def test_a_person_signs_in_and_may_see_nothing_before_a_role(
    app: FastAPI, issuer: FakeIssuer, office: Office
) -> None:
    client = browse(app)
    assert client.get("/api/session").json()["oidc"] is True
    returned = issuer.agree(begin(client), preferred_username="Wang.Li", name="王丽")

    assert come_back(client, **returned) == "/"

    told = client.get("/api/session").json()
    assert (told["person"]["name"], told["person"]["shown_as"]) == ("wang.li", "王丽")
    assert (told["person"]["admin"], told["roles"]) == (False, {})
    (account,) = office.people()
    assert (account.subject, account.has_password) == (f"{issuer.url}|7", False)
    assert [line.what for line in office.audit_lines()] == ["signed in", "person added"]


def test_the_same_person_comes_back_and_an_equal_name_is_somebody_else(
    app: FastAPI, issuer: FakeIssuer, office: Office
) -> None:
    office.add_person("chief", admin=True, by=BY)
    for subject in ("7", "8", "7"):
        client = browse(app)
        returned = issuer.agree(begin(client), preferred_username="chief", sub=subject)
        assert come_back(client, **returned) == "/"
        assert client.get("/api/session").json()["person"]["admin"] is False

    names = [account.name for account in office.people()]
    assert names[0] == "chief"
    assert len(names) == len(set(names)) == 3


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-application"},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"iat": int(time.time()) + 3600},
        {"iss": "https://evil.example"},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\u0000b"},
        {"sub": "x" * 256},
        {"sub": 7},
    ],
    ids=str,
)
def test_a_token_that_does_not_hold_lets_nobody_in(
    app: FastAPI, issuer: FakeIssuer, office: Office, claims: dict[str, Any]
) -> None:
    client = browse(app)

    assert come_back(client, **issuer.agree(begin(client), **claims)) == "/?sign-in=refused"

    assert client.get("/api/session").json()["person"] is None
    assert office.people() == []
    assert office.audit_lines()[0].what == "sign-in failed"


def test_a_token_signed_by_another_key_lets_nobody_in(app: FastAPI, issuer: FakeIssuer) -> None:
    client = browse(app)
    issuer.signing = ECKey.generate_key("P-256", {"kid": "one"})

    assert come_back(client, **issuer.agree(begin(client))) == "/?sign-in=refused"


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
def test_a_token_signed_by_what_everybody_knows_lets_nobody_in(
    app: FastAPI, issuer: FakeIssuer, algorithm: str
) -> None:
    client = browse(app)
    issuer.header = {"alg": algorithm, "kid": "one"}
    public = json.dumps(issuer.key.as_dict(private=False)).encode()
    issuer.signing = OctKey.import_key(public)
    returned = issuer.agree(begin(client))
    if algorithm == "none":
        issuer.exchange = lambda *_: (  # type: ignore[method-assign]
            200,
            {"access_token": "a", "token_type": "Bearer", "id_token": unsigned(issuer.claims)},
        )

    assert come_back(client, **returned) == "/?sign-in=refused"


def unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none"}, claims)
    packed = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts]
    return ".".join(part.rstrip(b"=").decode() for part in packed) + "."


def test_a_provider_that_has_changed_its_keys_is_asked_for_them_again(
    app: FastAPI, issuer: FakeIssuer
) -> None:
    passed = [0.0]
    app.state.door.provider._ticks = lambda: passed[0]
    first, second = browse(app), browse(app)
    assert come_back(first, **issuer.agree(begin(first))) == "/"
    passed[0] = 120.0
    issuer.key = issuer.signing = ECKey.generate_key("P-256", {"kid": "two"})
    issuer.header = {"alg": "ES256", "kid": "two"}

    assert come_back(second, **issuer.agree(begin(second))) == "/"


def test_a_return_address_works_once(app: FastAPI, issuer: FakeIssuer) -> None:
    client = browse(app)
    returned = issuer.agree(begin(client))
    cookie = client.cookies["__Secure-lianpian-oidc"]
    assert come_back(client, **returned) == "/"
    asked = len(issuer.asked)
    client.cookies.set("__Secure-lianpian-oidc", cookie)

    assert come_back(client, **returned) == "/?sign-in=refused"
    assert len(issuer.asked) == asked  # the code is not even shown to the provider again


def test_a_return_address_sent_to_somebody_else_leads_nowhere(
    app: FastAPI, issuer: FakeIssuer
) -> None:
    attacker, victim = browse(app), browse(app)
    returned = issuer.agree(begin(attacker))
    begin(victim)

    assert come_back(victim, **returned) == "/?sign-in=refused"
    assert victim.get("/api/session").json()["person"] is None


@pytest.mark.parametrize("returned", [{}, {"state": "x", "code": "y"}, {"error": "access_denied"}])
def test_a_return_that_nobody_began_lets_nobody_in(
    app: FastAPI, issuer: FakeIssuer, returned: dict[str, str]
) -> None:
    assert come_back(browse(app), **returned) == "/?sign-in=refused"
    assert issuer.asked == []


def test_a_sign_in_that_took_too_long_is_over(app: FastAPI, issuer: FakeIssuer) -> None:
    passed = [0.0]
    app.state.door.provider._ticks = lambda: passed[0]
    client = browse(app)
    returned = issuer.agree(begin(client))
    passed[0] = 601.0

    assert come_back(client, **returned) == "/?sign-in=refused"


def test_an_answer_of_another_provider_is_refused(app: FastAPI, issuer: FakeIssuer) -> None:
    client = browse(app)
    returned = issuer.agree(begin(client))

    assert come_back(client, iss="https://evil.example", **returned) == "/?sign-in=refused"


def test_who_was_made_inactive_cannot_come_back(
    app: FastAPI, issuer: FakeIssuer, office: Office
) -> None:
    client = browse(app)
    come_back(client, **issuer.agree(begin(client)))
    office.change_person(office.people()[0].id, active=False, by=BY)

    assert client.get("/api/session").json()["person"] is None
    assert come_back(client, **issuer.agree(begin(client))) == "/?sign-in=refused"


def test_secrets_stand_in_no_address(app: FastAPI, issuer: FakeIssuer) -> None:
    client = browse(app)
    url = begin(client)
    returned = issuer.agree(url)
    come_back(client, **returned)

    (exchanged,) = (form for path, form in issuer.asked if path == "/token")
    assert SECRET not in url
    assert exchanged["code_verifier"][0] not in url
    assert client.cookies["__Host-lianpian"] not in url
    assert {path for path, _ in issuer.asked} == {
        "/.well-known/openid-configuration",
        "/token",
        "/keys",
    }


def test_a_provider_with_another_name_or_none_is_not_asked_to_sign_in(
    app: FastAPI, issuer: FakeIssuer
) -> None:
    issuer.issuer = "https://evil.example"
    assert begin(browse(app)) == "/?sign-in=unavailable"

    issuer.stop()
    app.state.door.provider._found = None
    assert begin(browse(app)) == "/?sign-in=unavailable"
    issuer._server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    issuer._thread = threading.Thread(target=issuer._server.serve_forever, args=(0.01,))
    issuer._thread.start()


@pytest.mark.parametrize(
    "settings",
    [
        {"oidc_issuer": "http://id.example.cn"},
        {"oidc_client_id": None},
        {"public_url": None},
    ],
)
def test_settings_that_are_not_safe_or_not_whole_begin_nothing(
    office: Office, issuer: FakeIssuer, settings: dict[str, Any]
) -> None:
    whole = {
        "public_url": "https://plan.example.cn",
        "oidc_issuer": issuer.url,
        "oidc_client_id": CLIENT,
    }
    client = browse(make_app(office, **(whole | settings)))

    assert begin(client) == "/?sign-in=unavailable"


@pytest.mark.parametrize("name", ["issuer", "token_endpoint", "jwks_uri"])
def test_nothing_is_sent_where_others_can_listen(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked: list[str] = []
    safe = "https://id.example.cn"
    provider = Provider(
        Settings(
            login="on",
            oidc_issuer=safe.replace("https", "http") if name == "issuer" else safe,
            oidc_client_id=CLIENT,
            public_url="https://plan.example.cn",
        )
    )
    found = {"issuer": safe, "authorization_endpoint": safe, "token_endpoint": safe}
    found |= {"jwks_uri": safe} | {name: "http://id.example.cn"}
    monkeypatch.setattr(provider, "_read", lambda url: (asked.append(url), found)[1])

    with pytest.raises(OptionError, match="no https address"):
        provider.begin("10.0.0.7")

    assert asked == ([] if name == "issuer" else [f"{safe}/.well-known/openid-configuration"])


def test_without_the_setting_there_is_no_such_way(office: Office) -> None:
    client = browse(make_app(office))

    assert client.get("/api/session").json()["oidc"] is False
    assert client.get("/api/session/oidc").status_code == 404
    assert client.get("/api/session/oidc/return").status_code == 404


def test_who_begins_again_and_again_pushes_nobody_else_out(
    app: FastAPI, issuer: FakeIssuer
) -> None:
    client = browse(app)
    returned = issuer.agree(begin(client))
    provider = app.state.door.provider

    for _ in range(100):
        provider.begin("10.6.6.6")

    assert len(provider._begun) == 1 + 20
    assert come_back(client, **returned) == "/"
