"""Sockets that are open before anybody is told of them."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from api.settings import Settings
from gis.errors import OptionError


@contextmanager
def listen_on(settings: Settings) -> Iterator[socket.socket]:
    """Open the socket to serve on.

    Raises
    ------
    OptionError
        The address is not of this machine, or the port is taken or not allowed.
    """
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, proto, _, address = found[0]
        listening = socket.socket(family, kind, proto)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            # From here on who connects is answered, if only when the application is loaded.
            listening.listen()
        except OSError:
            listening.close()
            raise
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "no such address"
        raise OptionError(
            f"Cannot listen on {settings.host}:{settings.port} ({why}); "
            "give another --port (0 picks a free one) or --host"
        ) from error
    with listening:
        yield listening


def url_of(listening: socket.socket) -> str:
    """Return the address a browser on this machine opens."""
    host, port = listening.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
