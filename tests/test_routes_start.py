"""The start page: nobody is told anything before signing in; tests/browser has the rest."""

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from api.store import Project
from tests.people import BY

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def folder(tmp_path):
    for name in ("甲", "b&c"):
        Project.create(tmp_path / f"{name}.gpkg", name=f"{name} {HOSTILE}").close()
    return tmp_path


def serving(path, **settings):
    return TestClient(create_app(Settings(project=str(path), **settings)))


def test_the_projects_of_a_folder_are_listed_and_one_is_shown(folder):
    with serving(folder) as client:
        page = client.get("/")
        assert "/?project=%E7%94%B2" in page.text
        assert "b&amp;c" in page.text
        shown = client.get("/", params={"project": "甲"}).text
        assert "<iframe" in shown
        assert "&lt;img" in shown
        assert "<img" not in shown
        assert "退出" not in shown  # nobody has signed in, so nobody signs out


def test_the_list_shows_their_own_names_and_what_one_may_do(folder):
    (folder / "broken.gpkg").write_bytes(b"no project")
    with serving(folder, login="on") as client:
        office = client.app.state.office
        wang = office.add_person("wang", shown_as="王工", by=BY)
        for name, role in (("甲", "planner"), ("broken", "viewer")):
            office.set_role(name, wang.id, role, by=BY)
        token = office.add_session(wang.id, kind="token", label="t", hours=1, by=BY)
        signed = {"authorization": f"Bearer {token}"}
        page = client.get("/", headers=signed).text

        assert "甲 &lt;img src=x onerror=alert(1)&gt;<span" in page
        assert "甲 · 规划 planner" in page
        assert ">broken<span" in page
        assert "查看 viewer" in page
        assert "b&amp;c" not in page
        assert 'id="leave"' in page
        assert "<img" not in page
        with Project.open(folder / "甲.gpkg") as project:
            before = (project.name, project.profile)
            project.change_description(name="乙", profile=before[1], expected=before)
            # What was written still lies beside the file.
            assert ">乙<span" in client.get("/", headers=signed).text
        assert ">乙<span" in client.get("/", headers=signed).text


def test_before_signing_in_there_is_a_form_and_no_name(folder):
    with serving(folder, login="on") as client:
        page = client.get("/")
        assert page.status_code == 401
        assert 'type="password"' in page.text
        assert "甲" not in page.text
        assert "/api/session/oidc" not in page.text
        policy = page.headers["content-security-policy"]
        assert "script-src 'sha256-" in policy
        assert "connect-src 'self'" in policy


def test_a_failure_at_the_provider_is_told(folder):
    settings = {"login": "on", "public_url": "https://plan.example.cn"}
    settings |= {"oidc_issuer": "https://id.example.cn", "oidc_client_id": "lianpian"}
    with serving(folder, **settings, oidc_client_secret="secret") as client:
        page = client.get("/?sign-in=refused", headers={"host": "plan.example.cn"})
        assert "没有登录成功" in page.text
        assert "/api/session/oidc" in page.text
        assert "refused" not in page.text
