"""Whatever a client sends, made up from the OpenAPI document, no answer is a fault of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from shapely import LineString, box

from api.store import Project
from tests.layers import layer
from tests.serving import Running, server_of

HEADERS = {"X-Lianpian": "1"}
EXAMPLES = 6


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path = tmp_path_factory.mktemp("town") / "town.gpkg"
    with Project.create(path, name="镇") as made:
        made.write_layers(
            [
                (
                    layer(
                        "estates", [box(x, 0, x + 80, 60) for x in (0, 100, 200)], people=[9] * 3
                    ),
                    None,
                ),
                (layer("streets", [LineString([(0, -5), (400, -5)])]), None),
            ]
        )
    with server_of(path, log="off", jobs="1") as running:
        yield running


@pytest.fixture(scope="module")
def document(server: Running) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{server.url}/api/openapi.json", timeout=60).json()
    return answer


def faults_of(operation: Any, server: Running) -> list[str]:
    """Ask one operation in made-up ways; return what it answered that it must not."""
    found: list[str] = []

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        answer = case.call(base_url=server.url, headers=HEADERS, timeout=60)
        if answer.status_code >= 500 and answer.status_code != 503:
            found.append(f"{operation.label}: {answer.status_code} {answer.text[:200]}")
        elif answer.status_code >= 400 and not has_the_shape(answer.text):
            found.append(f"{operation.label}: {answer.status_code} {answer.text[:200]!r}")

    ask()
    return found


def has_the_shape(body: str) -> bool:
    try:
        return {"error", "message"} <= set(json.loads(body))
    except ValueError:
        return False


def test_no_answer_is_a_fault(server: Running, document: dict[str, Any]) -> None:
    schema = schemathesis.openapi.from_dict(document)
    operations = [result.ok() for result in schema.get_all_operations()]

    assert len(operations) > 60
    assert [fault for operation in operations for fault in faults_of(operation, server)] == []


def test_the_document_has_an_example_or_a_word_for_everything(document: dict[str, Any]) -> None:
    silent = [
        f"{method} {path}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if not operation.get("summary") or not operation.get("description")
    ]
    assert silent == []


def test_every_operation_has_one_name(document: dict[str, Any]) -> None:
    names = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert sorted(names) == sorted(set(names))


def test_every_answer_has_a_shape(document: dict[str, Any]) -> None:
    shapeless = [
        f"{method} {path}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for status, answer in operation["responses"].items()
        if status in ("200", "201", "202")
        and answer.get("content", {}).get("application/json", {"schema": 1}).get("schema") == {}
    ]
    assert shapeless == []
