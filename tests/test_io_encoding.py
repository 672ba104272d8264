"""The encoding doctor: what it decides, and that the report says so."""

from __future__ import annotations

import struct
from pathlib import Path

import geopandas as gpd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from shapely import Point

from gis.errors import FileError
from gis.io import read_layer
from gis.io.dbf import read_dbf
from gis.io.encoding import decide, decode_cell

ZONE = CRS.from_epsg(4545)
NAMES = ("红旗小区", "胜利家属院", "东风里")
CHINESE = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=4, max_size=9)


def shapefile(
    folder: Path,
    encoding: str,
    *,
    cpg: str | None = None,
    language: int = 0,
    names: tuple[str, ...] = NAMES,
    heading: str = "小区名",
) -> Path:
    """A shapefile of points in any encoding, with exactly the .cpg and language byte wanted."""
    path = folder / "estates.shp"
    points = [Point(500_000 + i, 3_200_000) for i in range(len(names))]
    frame = gpd.GeoDataFrame({heading: names}, geometry=points, crs=ZONE)
    frame.to_file(path, encoding=encoding)
    path.with_suffix(".cpg").unlink(missing_ok=True)
    if cpg is not None:
        path.with_suffix(".cpg").write_text(cpg)
    data = bytearray(path.with_suffix(".dbf").read_bytes())
    data[29] = language
    path.with_suffix(".dbf").write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("written", "cpg", "language", "decided", "because"),
    [
        ("UTF-8", "UTF-8", 0, "utf-8", "the .cpg file says UTF-8"),
        ("GBK", "936", 0, "gbk", "the .cpg file says 936"),
        ("GBK", None, 0x4D, "gbk", "the language byte of the .dbf says gbk"),
        ("GBK", None, 0, "gb18030", "no UTF-8 but valid GB18030"),
        ("GBK", None, 0x57, "gb18030", "no UTF-8 but valid GB18030"),
        ("UTF-8", None, 0, "utf-8", "valid UTF-8"),
        ("GBK", "UTF-8", 0, "gb18030", "says UTF-8, but the bytes are not"),
        ("UTF-8", "GB2312", 0, "utf-8", "the text is valid UTF-8"),
        ("GBK", "ISO-8859-1", 0, "gb18030", "plainly gb18030"),
        ("UTF-8", None, 0x03, "utf-8", "but the bytes are not"),
        ("GBK", "nonsense", 0, "gb18030", "which is no encoding"),
    ],
)
def test_names_come_out_right_and_the_report_says_why(
    tmp_path: Path, written: str, cpg: str | None, language: int, decided: str, because: str
) -> None:
    path = shapefile(tmp_path, written, cpg=cpg, language=language)
    layer, report = read_layer(path, "estates", target=ZONE)
    assert layer.frame["name"].tolist() == list(NAMES)
    assert report.encoding == decided
    finding = next(f for f in report.findings if f.code == "encoding")
    assert because in finding.message
    wrong = "but the bytes" in finding.message or "no encoding" in finding.message
    assert finding.severity == ("warning" if wrong else "info")


def test_european_text_keeps_what_its_cpg_says(tmp_path: Path) -> None:
    names = ("Müller", "Café Zoë", "Straße")
    path = shapefile(
        tmp_path, "ISO-8859-1", cpg="ISO-8859-1", names=names, language=0x57, heading="name"
    )
    layer, report = read_layer(path, "estates", target=ZONE)
    assert layer.frame["name"].tolist() == list(names)
    assert report.encoding == "iso8859-1"


def test_the_encoding_can_be_said(tmp_path: Path) -> None:
    path = shapefile(tmp_path, "GBK")
    layer, report = read_layer(path, "estates", target=ZONE, encoding="gbk")
    assert layer.frame["name"].tolist() == list(NAMES)
    assert report.encoding == "gbk"
    with pytest.raises(FileError, match="not in utf-8; leave --encoding out"):
        read_layer(path, "estates", target=ZONE, encoding="utf-8")
    with pytest.raises(FileError, match="no encoding 'klingon'"):
        read_layer(path, "estates", target=ZONE, encoding="klingon")


def dbf(field: str | bytes, width: int, cells: list[bytes]) -> bytes:
    """A DBF table of one text column."""
    name = field if isinstance(field, bytes) else field.encode()
    size = 1 + width
    head = struct.pack("<BBBBIHH20x", 3, 126, 1, 1, len(cells), 65, size)
    column = struct.pack("<11sc4xBB14x", name, b"C", width, 0)
    return head + column + b"\r" + b"".join(b" " + c.ljust(width) for c in cells) + b"\x1a"


def test_a_name_cut_within_a_character_does_not_spoil_the_rest() -> None:
    cells = [name.encode()[:10] for name in ("红旗小区", "胜利小区")]  # 3 characters and a third
    table = read_dbf(dbf("name", 10, cells), file="x.dbf")
    assert table.columns["name"].tolist() == ["红旗小", "胜利小"]
    assert table.encoding.encoding == "utf-8"
    assert table.cut == {"name": 2}


def test_a_heading_cut_within_a_character_is_still_read() -> None:
    table = read_dbf(dbf("小区名称".encode()[:10], 30, ["红旗".encode()]), file="x.dbf")
    assert list(table.columns) == ["小区名"]


def test_a_heading_cut_at_ten_bytes_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "estates.shp"
    frame = gpd.GeoDataFrame(
        {"people_60p": [12], "floor_area": [30.0], "households": [4]},
        geometry=[Point(500_000, 3_200_000)],
        crs=ZONE,
    )
    frame.to_file(path)
    layer, report = read_layer(path, "estates", target=ZONE)
    assert layer.numbers("people_60plus").tolist() == [12]
    assert layer.numbers("floor_area_m2").tolist() == [30]
    assert "heading-cut" in [f.code for f in report.findings]


def test_deleted_rows_of_a_table_stay_with_their_shapes(tmp_path: Path) -> None:
    path = shapefile(tmp_path, "UTF-8", cpg="UTF-8")
    data = bytearray(path.with_suffix(".dbf").read_bytes())
    start, width = struct.unpack_from("<HH", data, 8)
    data[start + width] = ord("*")  # the second row
    path.with_suffix(".dbf").write_bytes(data)
    layer, report = read_layer(path, "estates", target=ZONE)
    assert layer.frame["name"].tolist() == [NAMES[0], NAMES[2]]
    assert layer.geometries[1].x == 500_002
    assert report.read == 2


def test_numbers_dates_and_truths_of_a_table() -> None:
    fields = [(b"n", b"N", 6), (b"d", b"D", 8), (b"l", b"L", 1)]
    rows = [b"  12.520240501T", b"******        ?"]
    head = struct.pack("<BBBBIHH20x", 3, 126, 1, 1, 2, 32 + 32 * 3 + 1, 16)
    columns = b"".join(struct.pack("<11sc4xBB14x", n, k, w, 0) for n, k, w in fields)
    table = read_dbf(head + columns + b"\r" + b"".join(b" " + r for r in rows), file="x.dbf")
    assert table.columns["n"][0] == 12.5
    assert table.columns["n"][1] != table.columns["n"][1]
    assert table.columns["d"].tolist() == ["2024-05-01", None]
    assert table.columns["l"].tolist() == [True, None]


def test_bytes_of_no_encoding_are_refused() -> None:
    with pytest.raises(FileError, match="neither UTF-8 nor GB18030"):
        decide([(b"\xff\xff\xff\x80", False)], file="x.csv")


@settings(max_examples=50)
@given(texts=st.lists(CHINESE, min_size=1, max_size=5), width=st.integers(4, 40))
def test_a_cut_text_is_always_a_beginning_of_the_text(texts: list[str], width: int) -> None:
    for codec in ("utf-8", "gb18030"):
        for text in texts:
            raw = text.encode(codec)
            cut = decode_cell(raw[:width], codec, full=len(raw) >= width)
            assert text.startswith(cut)
            assert len(cut) >= min(len(text), width // 3)


@settings(max_examples=50)
@given(st.lists(CHINESE, min_size=3, max_size=8))
def test_utf8_is_never_taken_for_anything_else(texts: list[str]) -> None:
    cells = [(text.encode(), False) for text in texts]
    assert decide(cells, file="x").encoding == "utf-8"
