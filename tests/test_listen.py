"""Sockets: the address is known before anybody is told, and a taken port is one clear error."""

import socket

import pytest

from api.listen import listen_on, url_of
from api.settings import Settings
from gis.errors import OptionError


def test_port_0_gives_a_free_port_that_can_be_told():
    with listen_on(Settings(port=0)) as listening:
        port = listening.getsockname()[1]

        assert port > 0
        assert url_of(listening) == f"http://127.0.0.1:{port}/"


def test_a_taken_port_says_what_to_do():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(OptionError, match=rf"{port}.*--port"), listen_on(Settings(port=port)):
            pass


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(OptionError, match="Cannot listen"), listen_on(Settings(host="192.0.2.1")):
        pass
