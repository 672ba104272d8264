"""Strict mode lets no test slip away; anywhere else a missing thing is skipped with a word."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = (Path(__file__).parent / "conftest.py").read_text(encoding="utf-8")

LACKING = """
import pytest

def test_needs_what_is_not_there(need):
    need(False, "no browser")

def test_needs_what_is_there(need):
    need("/usr/bin/true", "no true")
"""

SKIPPING = """
import pytest

@pytest.mark.skip(reason="not today")
def test_marked():
    assert False

def test_in_its_body():
    pytest.skip("changed my mind")

@pytest.mark.xfail(reason="known", strict=True)
def test_known_to_fail():
    assert False
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Run a test file under our conftest, strict or not, and count the outcomes."""

    def run_file(text: str, *, strict: bool) -> dict[str, int]:
        monkeypatch.setenv("LIANPIAN_STRICT", "1" if strict else "0")
        pytester.makeconftest(CONFTEST.replace('pytest_plugins = ["pytester"]', ""))
        pytester.makepyfile(text)
        result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist")
        return result.parseoutcomes()

    return run_file


def test_what_is_missing_is_skipped(run) -> None:
    assert run(LACKING, strict=False) == {"passed": 1, "skipped": 1}


def test_what_is_missing_fails_in_strict_mode(run) -> None:
    assert run(LACKING, strict=True) == {"passed": 1, "failed": 1}


def test_skips_are_skips(run) -> None:
    assert run(SKIPPING, strict=False) == {"skipped": 2, "xfailed": 1}


def test_skips_fail_in_strict_mode(run) -> None:
    assert run(SKIPPING, strict=True) == {"failed": 1, "errors": 1, "xfailed": 1}


def test_a_module_that_skips_itself_fails_in_strict_mode(run) -> None:
    text = 'import pytest\npytest.importorskip("no_such_module_anywhere")\ndef test(): pass\n'
    assert run(text, strict=False) == {"skipped": 1}
    assert run(text, strict=True) == {"errors": 1}


def test_missing_reference_data_fail_in_strict_mode(run, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("LIANPIAN_SHARED_DATA", str(tmp_path / "nowhere"))
    text = "def test_uses_it(shared_data): pass\n"
    assert run(text, strict=False) == {"skipped": 1}
    assert run(text, strict=True) == {"errors": 1}


def test_reference_data_are_where_the_variable_says(run, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("LIANPIAN_SHARED_DATA", str(tmp_path))
    text = f"def test_uses_it(shared_data): assert str(shared_data) == {str(tmp_path)!r}\n"
    assert run(text, strict=True) == {"passed": 1}
