"""What all tests share: strict mode, the reference data, and how hypothesis is run.

``LIANPIAN_STRICT=1`` (set by ``.ci/run``) is for a machine that must have everything: a test that
lacks a browser, a font, ogrinfo or the reference data fails there, and so does every other skip.
Anywhere else such a test is skipped with a word.

Nothing here touches numba: loops compiled with ``cache=True`` are kept beside their module in
``__pycache__`` (in the user's cache folder where that is read-only), so only the first run of a
checkout waits for the compiler.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
STRICT = os.environ.get("LIANPIAN_STRICT", "") not in ("", "0")
NO_SKIPS = "strict mode (LIANPIAN_STRICT=1) allows no skipped test"

# Never a time limit for one example: the machine may be busy. In strict mode always the same
# examples, so that a change lands or fails on its own merit.
hypothesis.settings.register_profile("lianpian", deadline=None, derandomize=STRICT)
hypothesis.settings.load_profile("lianpian")

pytest_plugins = ["pytester", "tests.postgres"]


@pytest.fixture(scope="session")
def need() -> Callable[[object, str], None]:
    """A function that skips the test unless something is there; in strict mode it fails it."""

    def need_or_skip(condition: object, word: str) -> None:
        if condition:
            return
        if STRICT:
            pytest.fail(f"{word}, and strict mode (LIANPIAN_STRICT=1) needs it", pytrace=False)
        pytest.skip(word)

    return need_or_skip


@pytest.fixture(scope="session")
def shared_data(need: Callable[[object, str], None]) -> Path:
    """The reference data: ``../shared/data`` beside the checkout, or LIANPIAN_SHARED_DATA."""
    beside = ROOT.parent / "shared" / "data"
    folder = Path(os.environ.get("LIANPIAN_SHARED_DATA") or beside)
    need(folder.is_dir(), f"no reference data in {folder}")
    return folder


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the benchmarks out unless they are asked for by name."""
    benchmarks = collection_path == ROOT / "tests" / "benchmarks"
    if benchmarks and not any("benchmarks" in argument for argument in config.args):
        return True
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one in strict mode; an expected failure stays one."""
    report = yield
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{NO_SKIPS}: {_reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself as a whole."""
    report = yield
    if STRICT and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{NO_SKIPS}: {_reason(report.longrepr)}"
    return report


def _reason(longrepr: object) -> object:
    """Take the word out of (file, line, word)."""
    return longrepr[2] if isinstance(longrepr, tuple) else longrepr
