"""Files that people send: names, sizes, silences, files that are not what they say, bombs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from api import uploads as module
from api.settings import Settings
from api.uploads import READABLE, Uploads, safe_name
from gis.errors import FileError, UnknownNameError

GEOJSON = b'{"type":"FeatureCollection","features":[]}'


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def send(uploads: Uploads, *parts: bytes, name="a.geojson", person=1, **more):
    told = {"name": name, "project": "town", "person": person} | more
    return asyncio.run(uploads.receive(pieces(*parts), **told))


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def uploads(clock):
    made = Uploads(Settings(max_upload_mb=0.1), clock=clock)
    yield made
    made.close()


def files_of(uploads: Uploads) -> list[Path]:
    root = uploads._root
    return [] if root is None else [path for path in root.rglob("*") if path.is_file()]


def test_what_is_sent_is_found_by_who_sent_it_and_by_nobody_else(uploads):
    sent = send(uploads, GEOJSON[:10], GEOJSON[10:])

    assert uploads.find(sent.id, project="town", person=1).path.read_bytes() == GEOJSON
    for project, person in (("town", 2), ("town", None), ("other", 1)):
        with pytest.raises(UnknownNameError):
            uploads.find(sent.id, project=project, person=person)


def test_the_folder_is_closed_to_others(uploads):
    sent = send(uploads, GEOJSON)

    assert sent.path.stat().st_mode & 0o077 == 0
    assert sent.path.parent.stat().st_mode & 0o077 == 0
    assert sent.path.parent.parent.stat().st_mode & 0o077 == 0


def test_ids_cannot_be_guessed(uploads):
    ids = {send(uploads, GEOJSON).id for _ in range(5)}

    assert len(ids) == 5
    assert all(len(one) >= 32 for one in ids)


def test_a_file_goes_after_an_hour_but_not_while_it_is_read(uploads, clock):
    read, idle = send(uploads, GEOJSON), send(uploads, GEOJSON)
    with uploads.hold(read) as path:
        clock.now = 3600.0
        uploads.sweep()
        assert path.exists()
        assert not idle.path.exists()
    uploads.sweep()
    assert files_of(uploads) == []


def test_a_file_is_imported_by_one_at_a_time_and_looked_into_meanwhile(uploads):
    sent = send(uploads, GEOJSON)
    with uploads.hold(sent, alone=True), uploads.hold(sent):
        with pytest.raises(HTTPException) as caught, uploads.hold(sent, alone=True):
            pass
        assert caught.value.status_code == 409
    with uploads.hold(sent, alone=True), uploads.hold(sent):
        pass
    uploads.remove(sent)
    assert files_of(uploads) == []


def test_a_job_has_a_day_to_come_to_its_file(uploads, clock):
    sent = send(uploads, GEOJSON)
    uploads.keep_for_a_job(sent)
    clock.now = 7200.0
    uploads.sweep()
    assert sent.path.exists()


def test_everything_is_removed_at_the_end(uploads):
    sent = send(uploads, GEOJSON)
    root = sent.path.parent.parent
    uploads.close()
    assert not root.exists()


def test_a_length_that_is_too_large_is_refused_before_a_byte_is_read(uploads):
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    with pytest.raises(HTTPException) as caught:
        asyncio.run(
            uploads.receive(
                never(), name="a.geojson", project="town", person=1, length=5_000_000_000
            )
        )
    assert caught.value.status_code == 413


@pytest.mark.parametrize("length", [None, 10])
def test_more_than_is_allowed_is_refused_whatever_was_said_of_its_length(uploads, length):
    with pytest.raises(HTTPException) as caught:
        send(uploads, *[b"{" * 1000] * 101, length=length)
    assert caught.value.status_code == 413
    assert files_of(uploads) == []


def test_a_sender_who_falls_silent_is_given_up(uploads, monkeypatch):
    monkeypatch.setattr(module, "SILENCE_S", 0.01)

    async def stuck() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    with pytest.raises(HTTPException) as caught:
        asyncio.run(uploads.receive(stuck(), name="a.geojson", project="town", person=1))
    assert caught.value.status_code == 408
    assert files_of(uploads) == []


def test_the_oldest_file_of_a_person_makes_room_for_the_eleventh(uploads):
    sent = [send(uploads, GEOJSON) for _ in range(11)]
    other = send(uploads, GEOJSON, person=2)

    with pytest.raises(UnknownNameError):
        uploads.find(sent[0].id, project="town", person=1)
    for kept in sent[1:]:
        assert uploads.find(kept.id, project="town", person=1) is kept
    assert uploads.find(other.id, project="town", person=2) is other


def test_all_files_together_are_bounded(uploads):
    large = b"{" + b" " * 99_000
    for person in range(4):
        send(uploads, large, person=person)
    with pytest.raises(HTTPException) as caught:
        send(uploads, large, person=9)
    assert caught.value.status_code == 503


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("../../x.geojson", "x.geojson"),
        ("C:\\data\\小区.SHP.ZIP", "小区.SHP.zip"),
        ("CON.csv", "_CON.csv"),
        ("com1.tar.gpkg", "_com1.tar.gpkg"),
        ("a\u202egpj.csv", "agpj.csv"),
        ("zero\u200bwidth\x00.csv", "zerowidth.csv"),
        ("a<b>:c|d?.csv", "a_b__c_d_.csv"),
        ("\ud800.csv", "_.csv"),
        (" . .geojson ", "geojson"),
    ],
)
def test_names_are_made_safe(said, kept):
    if "." not in kept:
        with pytest.raises(FileError):
            safe_name(said)
    else:
        assert safe_name(said) == kept


@given(st.text(max_size=300), st.sampled_from(READABLE))
def test_a_safe_name_is_one_short_name_of_a_file(stem, suffix):
    try:
        name = safe_name(stem + suffix)
    except FileError:
        return
    assert Path(name).name == name
    assert name.isprintable()
    assert len(name.encode()) <= 220
    assert safe_name(name) == name


@pytest.mark.parametrize("name", ["a.exe", "a", "a.shp", "a.dbf", "a.vrt", "a.geojson.php"])
def test_other_formats_are_refused_before_they_are_sent(uploads, name):
    with pytest.raises(FileError):
        send(uploads, GEOJSON, name=name)


VRT = b'<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/etc/passwd</SrcDataSource>'


@pytest.mark.parametrize(
    "name", ["a.geojson", "a.json", "a.fgb", "a.gpkg", "a.tif", "a.zip", "a.parquet", "a.xlsx"]
)
def test_a_list_of_other_files_is_refused_whatever_it_is_called(uploads, name):
    with pytest.raises(FileError, match="not what its name says"):
        send(uploads, VRT, name=name)


def test_an_empty_file_is_refused(uploads):
    with pytest.raises(FileError, match="empty"):
        send(uploads)
