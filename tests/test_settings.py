"""Settings come from the environment, cannot be changed afterwards, and are checked."""

import pydantic
import pytest

from api.settings import Settings


def test_by_default_only_this_machine_is_served():
    assert Settings().host == "127.0.0.1"


def test_the_environment_is_read(monkeypatch):
    monkeypatch.setenv("LIANPIAN_PORT", "8123")

    assert Settings().port == 8123


def test_settings_cannot_be_changed_later():
    with pytest.raises(pydantic.ValidationError):
        Settings().port = 1


def test_a_port_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("LIANPIAN_PORT", "70000")

    with pytest.raises(pydantic.ValidationError):
        Settings()
