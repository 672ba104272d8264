"""OGC API as real programs read it: GDAL of two versions, OWSLib, and QGIS where it is installed.

GDAL holds Python's lock while it waits for an answer, so it runs in a process of its own.
"""

import json
import os
import shutil
import subprocess
import sys
from contextlib import closing

import pytest
from owslib.ogcapi.features import Features

from api.store.audit import Author
from api.store.office import Office
from api.store.office.address import office_address
from gis.model import KINDS
from tests.ogc_town import NAMES, PHONE, serving, town

PATIENCE_S = 240

READ = """
import json, sys, pyogrio
source, options = sys.argv[1], json.loads(sys.argv[2])
options["bbox"] = tuple(options["bbox"]) if "bbox" in options else None
frame = pyogrio.read_dataframe(source, **options)
rows = [
    {"uid": uid, "name": name, "corner": None if shape is None else list(shape.bounds[:2])}
    for uid, name, shape in zip(
        frame["uid"], frame.get("name", frame["uid"]), frame.geometry.to_numpy()
    )
]
info = pyogrio.read_info(source, layer=options["layer"])
told = {
    "rows": rows, "crs": frame.crs.to_epsg(), "columns": list(frame),
    "types": dict(zip(info["fields"].tolist(), info["dtypes"].tolist())),
    "people": frame["people"].tolist() if "people" in frame else [],
}
print(json.dumps(told).replace("NaN", "null"))
"""

TILES = """
import json, sys, warnings, pyogrio
warnings.simplefilter("ignore")
frame = pyogrio.read_dataframe(sys.argv[1], layer="Zoom level 1")
print(json.dumps({"uids": sorted(set(frame.uid)), "crs": frame.crs.to_epsg()}))
"""

QGIS = """
import json, os, sys
from qgis.core import QgsApplication, QgsFeatureRequest, QgsRectangle, QgsVectorLayer
QgsApplication.setPrefixPath("/usr", True)
app = QgsApplication([], False)
app.initQgis()
found = QgsVectorLayer(f"url='{sys.argv[1]}' typename='estates'", "estates", "OAPIF")
rows = sorted((feature["uid"], feature["name"]) for feature in found.getFeatures())
window = QgsFeatureRequest(QgsRectangle(114.0103, 28.9, 114.0104, 29))
near = sorted(feature["uid"] for feature in found.getFeatures(window))
types = {field.name(): field.typeName() for field in found.fields()}
print("@" + json.dumps({"valid": found.isValid(), "rows": rows, "near": near, "types": types}))
sys.stdout.flush()
os._exit(0)
"""


def run(command, **options):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, **options
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def gdal(source, **options):
    return json.loads(run([sys.executable, "-c", READ, source, json.dumps(options)]))


def _qgis():
    """The Python of the system, where it knows QGIS."""
    python = shutil.which("python3", path="/usr/bin:/bin")
    if python is None:
        return None
    known = subprocess.run([python, "-c", "import qgis.core"], capture_output=True, check=False)
    return python if known.returncode == 0 else None


CLIENTS = [
    name for name, there in (("qgis", _qgis()), ("ogrinfo", shutil.which("ogrinfo"))) if there
]
"""Programs of the system that are here; GDAL and OWSLib come with Python's packages."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    path = town(tmp_path_factory.mktemp("clients") / "town.gpkg")
    with serving(project=str(path)) as address:
        yield f"{address}/ogc"


def test_gdal_reads_rows_in_the_system_of_the_project_with_types(server):
    found = gdal(f"OAPIF:{server}", layer="estates")

    assert [row["uid"] for row in found["rows"]] == ["E1", "E2", "E3", "E4", "E5"]
    assert [row["name"] for row in found["rows"]] == NAMES
    assert found["crs"] == 4547
    assert found["rows"][1]["corner"] == pytest.approx([501_000, 3_200_000], abs=1e-3)
    assert found["people"] == [10, None, 30, 40, 50]
    # From the schema: of the households nothing is known, yet they are numbers.
    assert (found["types"]["households"], found["types"]["cost_yuan"]) == ("int32", "float64")
    assert set(found["columns"]) == {"id", *KINDS["estates"].column_names, "geometry"}
    assert PHONE not in json.dumps(found)


@pytest.mark.parametrize(
    ("crs", "corner"),
    [("EPSG:4326", [114.0102546, 28.9163678]), ("EPSG:4490", [114.0102546, 28.9163678]),
     ("EPSG:3857", [12691563.49, 3365005.84])],
)  # fmt: skip
def test_gdal_reads_rows_in_any_system(server, crs, corner):
    found = gdal(f"OAPIF:{server}", layer="estates", CRS=crs)

    assert found["rows"][1]["corner"] == pytest.approx(corner, abs=0.01 if crs[-1] == "7" else 1e-7)


def test_gdal_reads_all_pages(server):
    found = gdal(f"OAPIF:{server}", layer="estates", PAGE_SIZE=2)

    assert [row["uid"] for row in found["rows"]] == ["E1", "E2", "E3", "E4", "E5"]


def test_gdal_asks_for_a_window_and_for_what_a_column_holds(server):
    window = [501_010, 3_200_010, 501_020, 3_200_020]
    near = gdal(f"OAPIF:{server}", layer="estates", bbox=window)
    named = gdal(f"OAPIF:{server}", layer="estates", where="name = '丙里'")

    assert [row["uid"] for row in near["rows"]] == ["E2"]
    assert [row["uid"] for row in named["rows"]] == ["E3"]


def test_gdal_reads_rows_without_a_place(server):
    found = gdal(f"OAPIF:{server}", layer="projects")

    assert [row["corner"] is None for row in found["rows"]] == [False, False, True, False]


def test_gdal_reads_the_vector_tiles(server):
    command = [sys.executable, "-c", TILES, f"OGCAPI:{server}/collections/estates"]
    found = json.loads(run(command))

    assert found["crs"] == 3857
    # All five are in one cell of the grid of so small a scale: one stands for them.
    assert len(found["uids"]) == 1
    assert found["uids"][0] in {"E1", "E2", "E3", "E4", "E5"}


def test_owslib_reads_the_documents_and_the_rows(server):
    client = Features(server)

    assert client.feature_collections() == ["estates", "facilities", "projects"]
    assert client.api()["openapi"] == "3.0.3"
    assert any(
        uri.endswith("features-1/1.0/conf/core") for uri in client.conformance()["conformsTo"]
    )
    near = client.collection_items("estates", bbox=[114.0103, 28.9, 114.0104, 29], limit=1)
    assert [feature["id"] for feature in near["features"]] == ["E2"]
    assert client.collection_item("estates", "E3")["properties"]["name"] == "丙里"
    assert client.collection_schema("estates")["title"] == "小区 Estates"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A town where people sign in, and a token of somebody who may look."""
    path = town(tmp_path_factory.mktemp("guarded") / "town.gpkg")
    by = Author("test", "test")
    with closing(Office.open(office_address(str(path)))) as office:
        person = office.add_person("wang", by=by)
        office.set_role("town", person.id, "viewer", by=by)
        token = office.add_session(person.id, kind="token", label="GDAL", hours=1, by=by)
    with serving(project=str(path), login="on") as address:
        yield f"{address}/ogc", token


def test_gdal_signs_in_with_a_token_as_its_password(guarded):
    address, token = guarded
    command = [sys.executable, "-c", READ, f"OAPIF:{address}", json.dumps({"layer": "estates"})]

    found = json.loads(run(command, env=os.environ | {"GDAL_HTTP_USERPWD": f"wang:{token}"}))

    assert [row["uid"] for row in found["rows"]] == ["E1", "E2", "E3", "E4", "E5"]
    if "ogrinfo" in CLIENTS:
        read = ["ogrinfo", "-ro", "-so", f"OAPIF:{address}", "estates", "--config"]
        assert "Feature Count: 5" in run([*read, "GDAL_HTTP_USERPWD", f"wang:{token}"])
        header = f"Authorization: Bearer {token}"
        assert "Feature Count: 5" in run([*read, "GDAL_HTTP_HEADERS", header])


@pytest.mark.parametrize("program", CLIENTS)
def test_a_program_of_the_system_reads_the_rows(server, program, tmp_path):
    if program == "ogrinfo":
        told = run(["ogrinfo", "-ro", "-al", f"OAPIF:{server}", "estates"])
        assert "Feature Count: 5" in told
        assert "name (String) = 戊里" in told
        assert PHONE not in told
        return
    tmp_path.chmod(0o700)
    surroundings = {
        "QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
    }  # fmt: skip
    told = run([_qgis(), "-c", QGIS, server], env=surroundings)
    found = json.loads(told.partition("@")[2])
    assert found["valid"]
    assert found["rows"] == [[f"E{i + 1}", name] for i, name in enumerate(NAMES)]
    assert found["near"] == ["E2"]
