"""Grids of heights: cells become spot heights, thinned where there are many, or are refused."""

import struct
import warnings

import numpy as np
import pytest
import rasterio
from pyproj import CRS
from rasterio.enums import ColorInterp

from gis.errors import CrsError, FileError
from gis.io import raster, read_layer
from gis.io.raster import read_heights

ZONE = "EPSG:4547"
CORNER = (500_000, 3_650_000)
"""West and north of the grids."""


def placed(west, north, cell):
    return rasterio.Affine(cell, 0, west, 0, -cell, north)


@pytest.fixture
def dem(tmp_path):
    """A function that writes a grid (rows, columns) and returns its path."""

    def write(z, *, crs=ZONE, place=None, name="dem.tif", unit=None, **options):
        z = np.asarray(z)
        bands = z if z.ndim == 3 else z[None]
        path = tmp_path / name
        profile = {
            "driver": "GTiff", "count": len(bands), "height": z.shape[-2], "width": z.shape[-1],
            "dtype": z.dtype, "crs": crs,
            "transform": place or placed(*CORNER, 10),
        }  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with rasterio.open(path, "w", **(profile | options)) as out:
                out.write(bands)
                if unit:
                    out.units = (unit,)
        return path

    return write


def spots(path, **options):
    """Spot heights as (x, y, z) from the corner, and the findings."""
    layer, report = read_layer(path, "heights", target=CRS.from_user_input(ZONE), **options)
    xy = np.c_[layer.frame.geometry.x, layer.frame.geometry.y] - CORNER
    found = np.c_[xy, layer.numbers("elevation_m")]
    return found, {finding.code: finding.message for finding in report.findings}, report


def test_each_cell_becomes_a_spot_height_in_its_middle(dem):
    found, told, report = spots(dem(np.array([[1, 2, 3], [4, 5, 6]], dtype="float32")))

    assert found.tolist() == [
        [5, -5, 1], [15, -5, 2], [25, -5, 3], [5, -15, 4], [15, -15, 5], [25, -15, 6],
    ]  # fmt: skip
    assert "6 of 3 x 2 cells hold a height" in told["heights-from-grid"]
    assert (report.read, report.accepted, report.crs) == (6, 6, "EPSG:4547")


@pytest.mark.parametrize("dtype", ["int16", "float64", "uint8"])
def test_cells_without_data_are_left_out(dem, dtype):
    found, _, _ = spots(dem(np.array([[7, 255], [255, 9]], dtype=dtype), nodata=255))

    assert found.tolist() == [[5, -5, 7], [15, -15, 9]]


def test_cells_that_are_no_number_are_left_out(dem):
    found, told, _ = spots(dem(np.array([[np.nan, 1], [np.inf, 2]], dtype="float32")))

    assert found[:, 2].tolist() == [1, 2]
    assert "heights-out-of-range" not in told


def test_a_value_for_no_data_that_is_not_declared_is_left_out_and_told(dem):
    found, told, _ = spots(dem(np.array([[-32768, 20], [9001, 30]], dtype="int16")))

    assert found[:, 2].tolist() == [20, 30]
    assert told["heights-out-of-range"].startswith("2 cells below -500 or above 9000 m")


def test_a_turned_grid_lies_where_its_corners_say(dem):
    # A quarter turn: columns run north, rows run east.
    turned = rasterio.Affine(0, 10, CORNER[0], 10, 0, CORNER[1])
    found, _, _ = spots(dem(np.array([[1, 2], [3, 4]], dtype="float32"), place=turned))

    assert found.tolist() == [[5, 5, 1], [5, 15, 2], [15, 5, 3], [15, 15, 4]]


def test_degrees_are_brought_into_the_metres_of_the_project(dem):
    place = placed(114.0, 33.0, 0.0002777)
    found, _, report = spots(dem(np.full((2, 2), 5, dtype="float32"), crs="EPSG:4326", place=place))

    step = np.diff(found[:2, 0])[0]
    assert report.crs == "EPSG:4326"
    assert step == pytest.approx(0.0002777 * 111_320 * np.cos(np.radians(33)), rel=0.003)


def test_the_system_can_be_given_where_the_file_has_none(dem):
    path = dem(np.ones((2, 2), dtype="float32"), crs=None)

    with pytest.raises(CrsError, match=r"dem.tif does not say in which coordinate system"):
        spots(path)
    assert len(spots(path, source_crs=ZONE)[0]) == 4


def test_a_system_with_heights_of_its_own_is_read_as_where_it_is(dem):
    place = placed(114.0, 33.0, 0.001)
    found, _, report = spots(
        dem(np.ones((2, 2), dtype="float32"), crs="EPSG:4326+5773", place=place)
    )

    assert len(found) == 4
    assert report.crs == "EPSG:4326"


def test_feet_become_metres_and_it_is_told(dem):
    found, told, _ = spots(dem(np.full((1, 1), 100, dtype="float32"), unit="ft"))

    assert found[0, 2] == pytest.approx(30.48)
    assert "in feet" in told["heights-in-feet"]


# -- Too many cells


def test_500_by_500_cells_stay_as_they_are_and_one_more_row_halves_them(dem, tmp_path):
    assert raster._stride(500, 500) == 1
    assert raster._stride(500, 501) == 2
    assert raster._stride(10_000, 10_000) == 20
    assert raster._stride(400_000_000, 1) == 1600


def test_squares_of_cells_are_averaged_and_a_slope_stays_what_it_is(dem, monkeypatch):
    monkeypatch.setattr(raster, "MOST_POINTS", 12)
    rows, columns = np.indices((7, 9))
    z = (columns + 0.5) * 1.0 + (rows + 0.5) * 0.1  # 10 % east, 1 % south
    z[0, :2] = -9999
    found, told, _ = spots(dem(z, nodata=-9999))

    # Squares of 3 x 3 make 3 x 3 spots; those at the edge are smaller.
    assert len(found) == 9
    assert found[:, 2] == pytest.approx(found[:, 0] / 10 - found[:, 1] / 100)
    assert "9 x 7 cells: each square of 3 x 3 was averaged" in told["heights-thinned"]


def test_windows_do_not_change_the_averages(dem, monkeypatch):
    z = np.random.default_rng(0).uniform(0, 50, (37, 53))
    monkeypatch.setattr(raster, "MOST_POINTS", 200)
    path = dem(z)
    whole = read_heights(path)
    monkeypatch.setattr(raster, "_ROWS_AT_ONCE", 7)
    monkeypatch.setattr(raster, "_COLUMNS_AT_ONCE", 11)
    cut = read_heights(path)

    assert sorted(whole.columns["elevation_m"]) == pytest.approx(sorted(cut.columns["elevation_m"]))
    # By hand: the first square of 4 x 4.
    assert whole.columns["elevation_m"][0] == pytest.approx(z[:4, :4].mean())


# -- What is refused


def test_a_grid_is_only_read_as_heights(dem):
    with pytest.raises(FileError, match=r"is a grid; only heights are read from one"):
        read_layer(dem(np.ones((2, 2), dtype="uint8")), "gates", target=None)


@pytest.mark.parametrize(
    ("z", "options", "told"),
    [
        (np.ones((3, 2, 2), dtype="uint8"), {}, r"has 3 bands, as a picture has"),
        (np.ones((2, 2), dtype="complex64"), {}, r"holds complex64, not heights"),
        (np.full((2, 2), -1, dtype="float32"), {"nodata": -1}, r"holds no height"),
        (np.ones((2, 2), dtype="uint8"), {"place": rasterio.Affine.identity(), "crs": None},
         r"does not say where it lies"),
        (np.ones((2, 2), dtype="float32"), {"unit": "degree"}, r"is in 'degree'"),
    ],
)  # fmt: skip
def test_what_is_no_grid_of_heights_is_refused(dem, z, options, told):
    with pytest.raises(FileError, match=rf"dem\.tif {told}"):
        read_heights(dem(z, **options))


def test_a_palette_is_a_picture(dem):
    path = dem(np.ones((2, 2), dtype="uint8"))
    with rasterio.open(path, "r+") as grid:
        grid.write_colormap(1, {1: (255, 0, 0, 255)})
        assert grid.colorinterp[0] == ColorInterp.palette

    with pytest.raises(FileError, match="holds colours, not heights"):
        read_heights(path)


def test_a_small_file_that_says_it_is_enormous_is_refused_unread(tmp_path):
    path = tmp_path / "dem.tif"
    options = {"driver": "GTiff", "count": 1, "dtype": "uint8", "crs": ZONE, "tiled": True}
    with rasterio.open(path, "w", width=60_000, height=60_000, blockxsize=4096, blockysize=4096,
                       SPARSE_OK=True, transform=placed(*CORNER, 1), **options):  # fmt: skip
        pass

    assert path.stat().st_size < 100_000
    with pytest.raises(FileError, match=r"60,000 x 60,000 cells, more than 400,000,000"):
        read_heights(path)


def test_one_piece_of_300_mb_is_refused(dem, monkeypatch):
    monkeypatch.setattr(raster, "_LARGEST_BLOCK", 1000)

    with pytest.raises(FileError, match="is packed in one piece"):
        read_heights(dem(np.zeros((40, 40), dtype="float32"), blockysize=40))


def test_a_cut_file_and_a_text_called_tif_are_refused(dem, tmp_path):
    path = dem(np.random.default_rng(0).uniform(0, 9, (300, 300)))
    path.write_bytes(path.read_bytes()[:400_000])
    with pytest.raises(FileError, match=r"dem.tif is cut, damaged or no GeoTIFF"):
        read_heights(path)

    # A virtual grid would be read by GDAL, with whatever files it names.
    dem(np.ones((1, 1), dtype="float32"), name="other.tif")
    text = tmp_path / "text.tif"
    text.write_text(
        '<VRTDataset rasterXSize="1" rasterYSize="1"><GeoTransform>0,1,0,0,0,-1</GeoTransform>'
        '<VRTRasterBand dataType="Float32" band="1"><SimpleSource><SourceFilename '
        'relativeToVRT="1">other.tif</SourceFilename><SourceBand>1</SourceBand></SimpleSource>'
        "</VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(FileError, match=r"text.tif is cut, damaged or no GeoTIFF"):
        read_heights(text)


@pytest.mark.parametrize("size", [0, 1, 8, 100, 250])
def test_a_file_cut_anywhere_in_its_head_is_refused_in_words(dem, size):
    path = dem(np.zeros((2, 2), dtype="float32"))
    path.write_bytes(path.read_bytes()[:size])

    with pytest.raises(FileError, match=r"dem\.tif"):
        read_layer(path, "heights", target=None)


def test_a_head_that_points_nowhere_is_refused(tmp_path):
    path = tmp_path / "odd.tif"
    path.write_bytes(struct.pack("<2sHI", b"II", 42, 2**31) + bytes(100))

    with pytest.raises(FileError, match=r"odd.tif is cut, damaged or no GeoTIFF"):
        read_heights(path)
