"""The projects of a server: found by their names, opened once, let go; no name leads elsewhere."""

import shutil
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS

from api.live import Projects, projects
from api.live.names import LONGEST, file_stem, is_plain
from api.settings import Settings
from api.store import Project, RowChange
from gis.errors import OptionError, ProjectError, UnknownNameError
from tests.ogc_town import town


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "镇", "b"):
        town(tmp_path / f"{name}.gpkg")
    return tmp_path


@pytest.fixture
def served(folder):
    opened = Projects(Settings(project=str(folder)))
    yield opened
    opened.close()


def test_a_single_file_is_the_only_project(folder):
    served = Projects(Settings(project=str(folder / "镇.gpkg")))

    assert (served.single, served.names()) == ("镇", ["镇"])
    assert served.live("镇").project.name == "镇"
    with pytest.raises(UnknownNameError):
        served.live("a")
    with pytest.raises(OptionError, match="serve a folder"):
        served.create("another")
    served.close()


def test_a_folder_has_the_projects_in_it_without_hidden_files_and_others(folder, served):
    (folder / ".lianpian-office.db").touch()
    shutil.copy(folder / "a.gpkg", folder / ".hidden.gpkg")
    (folder / "notes.txt").touch()
    (folder / "sub.gpkg").mkdir()

    assert served.single is None
    assert served.names() == ["a", "b", "镇"]


def test_a_project_is_opened_once(served):
    assert served.live("a") is served.live("a")


@pytest.mark.parametrize(
    "name",
    ["../a", "..", ".", "", "a.gpkg", "./a", "a/../a", "/etc/passwd", ".hidden", "a\x00", "sub\\a",
     "a\n", "x" * 5000, "A*", "\udc80"],
)  # fmt: skip
def test_no_name_leads_out_of_the_folder(folder, served, name):
    shutil.copy(folder / "a.gpkg", folder / ".hidden.gpkg")

    with pytest.raises(UnknownNameError):
        served.live(name)


def test_letters_are_the_same_however_the_disk_writes_them(folder, served):
    apart = unicodedata.normalize("NFD", "élan")
    shutil.copy(folder / "a.gpkg", folder / f"{apart}.gpkg")

    assert "élan" in served.names()
    assert served.live("élan") is served.live(apart)


def test_a_file_that_is_no_project_is_told_of_when_it_is_opened(folder, served):
    (folder / "odd.gpkg").write_bytes(b"no project")

    assert "odd" in served.names()
    with pytest.raises(ProjectError, match="not a GeoPackage"):
        served.live("odd")


def test_a_file_that_was_taken_away_is_gone(folder, served):
    live = served.live("a")
    live.layer("estates")
    (folder / "a.gpkg").unlink()

    with pytest.raises(UnknownNameError):
        served.live("a")


def test_a_single_file_that_was_taken_away_is_an_error(folder):
    served = Projects(Settings(project=str(folder / "a.gpkg")))
    served.live("a")
    (folder / "a.gpkg").unlink()

    with pytest.raises(ProjectError):
        served.live("a")
    served.close()


def test_a_file_put_in_the_place_of_another_is_opened_anew(folder, served):
    assert len(served.live("a").layer("estates")) == 5
    with Project.open(folder / "b.gpkg") as other:
        other.edit_rows("estates", [RowChange("delete", "E1")])
    (folder / "b.gpkg").replace(folder / "a.gpkg")

    assert len(served.live("a").layer("estates")) == 4


def test_only_some_projects_are_open_and_those_let_go_still_work(served, monkeypatch):
    monkeypatch.setattr(projects, "MOST_OPEN", 2)
    first = served.live("a")
    assert [served.live(name).name for name in ("b", "镇")] == ["b", "镇"]

    assert served.live("镇") is served.live("镇")
    assert served.live("a") is not first
    assert len(first.layer("estates")) == 5
    first.close()


def test_a_project_is_made_under_a_safe_name(folder, served):
    live = served.create("../旧改 2026/一期?", title="旧改", crs=CRS.from_epsg(4547))

    assert (live.name, live.project.name) == ("旧改-2026-一期", "旧改")
    assert (folder / "旧改-2026-一期.gpkg").is_file()
    assert served.live("旧改-2026-一期") is live
    with pytest.raises(ProjectError, match="exists already"):
        served.create("旧改-2026-一期")


@pytest.mark.parametrize(
    ("title", "stem"),
    [("张庄 / 李庄", "张庄-李庄"), ("CON", "CON_"), ("nul.txt", "nul.txt_"),
     (".hidden.", "hidden"), ("a\u202eb\x00c", "a-b-c"), ("50%", "50"), ("  一  ", "一")],
)  # fmt: skip
def test_a_title_becomes_the_name_of_a_file(title, stem):
    assert file_stem(title) == stem


@pytest.mark.parametrize("title", ["", "...", "///", "\x00", "- ."])
def test_a_title_without_a_letter_is_none(title):
    with pytest.raises(OptionError, match="no letter or digit"):
        file_stem(title)


@given(st.text(max_size=400))
def test_whatever_the_title_the_name_is_plain_and_stays_itself(title):
    try:
        stem = file_stem(title)
    except OptionError:
        return
    assert is_plain(stem)
    assert len(stem.encode()) <= LONGEST
    assert file_stem(stem) in (stem, f"{stem}_")


def test_the_address_of_a_project_opens_it(folder, served):
    assert served.address("a") == str(folder / "a.gpkg")
    with pytest.raises(UnknownNameError):
        served.address("none")


def test_a_database_is_one_project_called_by_its_schema():
    assert Projects(Settings(project="postgresql://u:p@h/city?schema=old")).single == "old"
    served = Projects(Settings(project="postgresql://u:p@h/city"))
    assert served.names() == ["city"]
