"""Data and assets are found in a checkout and in an installed wheel, or a remedy is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from gis import resources
from gis.errors import FileError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place that resources takes for the installed gis package."""
    place = tmp_path / "gis"
    place.mkdir()
    monkeypatch.setattr(resources, "_PACKAGE", place)
    return place


def test_the_checkout_uses_its_own_assets() -> None:
    static = resources.static_dir()
    assert static.parent.name == "gis"
    assert "Leaflet 1.9.4" in (static / "leaflet.js").read_text(encoding="utf-8")[:200]


def test_every_picture_that_the_style_sheet_names_is_there() -> None:
    static = resources.static_dir()
    style = (static / "leaflet.css").read_text(encoding="utf-8")
    named = {part.split(")")[0].strip("'\"") for part in style.split("url(")[1:]}
    pictures = {name for name in named if not name.startswith("#")}
    assert {"images/layers.png", "images/layers-2x.png", "images/marker-icon.png"} <= pictures
    assert all((static / name).is_file() for name in pictures)


def test_our_own_scripts_are_the_ones_of_the_checkout() -> None:
    ours = sorted((Path(__file__).parent.parent / "web" / "map").glob("*.*"))
    static = resources.static_dir()
    old = [path.name for path in ours if (static / path.name).read_bytes() != path.read_bytes()]
    assert old == [], "run 'make setup'"


def test_the_licence_of_leaflet_travels_with_it() -> None:
    text = (resources.static_dir() / "leaflet.LICENSE").read_text(encoding="utf-8")
    assert "BSD 2-Clause" in text


def test_data_of_the_checkout_come_first(package: Path) -> None:
    checkout = package.parent
    (checkout / "pyproject.toml").touch()
    (checkout / "data").mkdir()
    (package / "_data").mkdir()
    assert resources.data_dir() == checkout / "data"


def test_a_folder_that_happens_to_be_called_data_is_not_ours(package: Path) -> None:
    (package.parent / "data").mkdir()
    (package / "_data").mkdir()
    assert resources.data_dir() == package / "_data"


def test_missing_data_name_the_remedy(package: Path) -> None:
    with pytest.raises(FileError, match=r"_data: .* install lianpian again"):
        resources.data_dir()


def test_assets_that_were_not_built_name_the_remedy(package: Path) -> None:
    (package / "static").mkdir()
    with pytest.raises(FileError, match=r"not built; run 'make setup'"):
        resources.static_dir()
