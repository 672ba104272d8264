"""Files that are not what they say, or would take all memory, are refused before they are read."""

import struct
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gis.errors import FileError
from gis.io import read_layer
from gis.io.trust import require_what_it_says

VRT = b"""<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/etc/passwd</SrcDataSource>
</OGRVRTLayer></OGRVRTDataSource>"""


@pytest.mark.parametrize("name", ["a.geojson", "a.json", "a.fgb", "a.gpkg", "a.GEOJSON"])
def test_the_reader_of_every_command_refuses_a_list_of_other_files(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(VRT)
    with pytest.raises(FileError, match="not what its name says"):
        read_layer(path, "estates", target=None)


def zipped(path: Path, entries: dict[str, bytes], *, mode: int = 0o100644) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return path


def test_a_zip_bomb_is_refused(tmp_path):
    bomb = zipped(tmp_path / "a.zip", {"a.shp": bytes(20_000_000)})
    with pytest.raises(FileError, match="bomb"):
        require_what_it_says(bomb, ratio=100)


def test_many_small_entries_that_unpack_to_much_are_a_bomb_too(tmp_path):
    bomb = zipped(tmp_path / "a.zip", {f"{i}.shp": bytes(2_000_000) for i in range(8)})
    with pytest.raises(FileError, match="bomb"):
        require_what_it_says(bomb, ratio=100)


def test_a_link_in_a_zip_is_refused(tmp_path):
    linked = zipped(tmp_path / "a.zip", {"a.shp": b"/etc/passwd"}, mode=0o120777)
    with pytest.raises(FileError, match="link"):
        require_what_it_says(linked, ratio=100)


def test_a_path_out_of_a_zip_is_refused(tmp_path):
    with pytest.raises(FileError, match="outside"):
        require_what_it_says(zipped(tmp_path / "a.zip", {"../a.shp": b"x"}), ratio=100)


@pytest.fixture
def workbook(tmp_path):
    path = tmp_path / "plain.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["name", "people"])
    book.active.append(["甲", 3])
    book.save(path)
    return path


def rewritten(path: Path, name: str, change) -> Path:
    """The same workbook, with what is in its sheet changed, and the sheet called otherwise."""
    target = path.with_name("changed.xlsx")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as out:
        for entry in source.infolist():
            data = source.read(entry)
            if "sheet1" in entry.filename:
                out.writestr(name or entry.filename, change(data))
            else:
                out.writestr(entry, data)
    return target


FAR = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
IMPLIED = b'<row r="900000">' + b"<c><v>1</v></c>" * 100 + b"</row>"


def with_end(extra: bytes):
    return lambda data: data.replace(b"</sheetData>", extra + b"</sheetData>")


def test_a_plain_workbook_may_come_in(workbook):
    require_what_it_says(workbook, ratio=100)


@pytest.mark.parametrize("name", ["", "xl/other.bin", "xl/drawing.vml"])
@pytest.mark.parametrize(
    "change",
    [
        with_end(FAR),
        with_end(FAR.replace(b'"', b"'")),
        with_end(IMPLIED),
        with_end(b"<broken attribute=no>" + FAR),
        lambda data: b"\xff\xfe" + with_end(FAR)(data).decode().encode("utf-16-le"),
    ],
    ids=["far", "quotes", "implied", "broken", "utf-16"],
)
def test_a_workbook_that_would_take_all_memory_is_refused(workbook, change, name):
    with pytest.raises(FileError):
        require_what_it_says(rewritten(workbook, name, change), ratio=100)


def test_comments_that_are_no_xml_do_no_harm(workbook):
    with zipfile.ZipFile(workbook, "a") as archive:
        archive.writestr("xl/drawings/vmlDrawing1.vml", "<xml><br>a comment</xml>")
        archive.writestr("xl/media/image1.png", b"\x89PNG\r\n")
    require_what_it_says(workbook, ratio=100)


def test_a_table_that_repeats_one_value_for_ever_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    one = pa.repeat(1, 1_000_000)
    with pq.ParquetWriter(path, pa.schema([("a", pa.int64())])) as writer:
        for _ in range(101):
            writer.write_table(pa.table({"a": one}))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(FileError, match="101000000 rows"):
        require_what_it_says(path, ratio=100)


def test_a_damaged_table_is_told(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1" + struct.pack("<i", 2**31 - 1) + b"PAR1")
    with pytest.raises(FileError, match="damaged"):
        require_what_it_says(path, ratio=100)
