"""Where a request comes from: the address of the machine, and the page that sent it.

Addresses named in a header are believed only from proxies that the settings name; a page elsewhere
that lets a browser send something is told by what the browser itself adds.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from api.auth.refusals import NotAllowed
from api.settings import Settings
from gis.errors import OptionError

HEADER: Final = "X-Lianpian"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
UNKNOWN: Final = "unknown"
_FORWARDED: Final = ("x-forwarded-for", "forwarded", "x-real-ip")
_MOST_PROXIES: Final = 10
_TEST_CLIENT: Final = "testclient"
"""What starlette's TestClient calls itself; no socket has such an address."""

Address = IPv4Address | IPv6Address


def address_of(request: Request, settings: Settings) -> str:
    """Return the address of the machine that asks, behind the proxies that the settings trust."""
    peer = request.client.host if request.client is not None else UNKNOWN
    proxies = trusted(settings.trusted_proxies)
    if not proxies:
        return peer
    # Each proxy adds whom it heard at the end; what stands before was only claimed.
    claimed = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    heard = [peer, *reversed([part.strip() for part in claimed][-_MOST_PROXIES:])]
    for place, text in enumerate(heard):
        address = _address(text)
        if address is None:
            return heard[max(0, place - 1)]
        if not any(address in network for network in proxies):
            return str(address)
    return heard[-1]


def key_of(address: str) -> str:
    """Return what attempts from an address count under: of IPv6 the network of a household."""
    found = _address(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return str(found or address)


def require_local(request: Request) -> None:
    """Refuse whoever does not sit at this machine.

    Raises
    ------
    NotAllowed
        The request came over the network, or through a proxy.
    """
    host = request.client.host if request.client is not None else UNKNOWN
    address = _address(host)
    if host != _TEST_CLIENT and (address is None or not address.is_loopback):
        raise NotAllowed(
            "Nobody signs in here, so only this machine is let in; set LIANPIAN_LOGIN=on and add "
            "people with: lianpian users add PROJECT NAME --admin"
        )
    if any(name in request.headers for name in _FORWARDED):
        raise NotAllowed(
            "Nobody signs in here, so nothing is taken through a proxy; set LIANPIAN_LOGIN=on"
        )


def require_own_page(request: Request, settings: Settings) -> None:
    """Refuse a change that another site may have made a browser send.

    Raises
    ------
    NotAllowed
        The header that only our own page can set is missing, or the browser names another page.
    """
    if request.method in SAFE_METHODS:
        return
    if request.headers.get(HEADER) != "1":
        raise NotAllowed(
            f"The header '{HEADER}: 1' is missing; it shows that no other site sent this"
        )
    sent_by = request.headers.get("sec-fetch-site", "same-origin")
    if sent_by not in ("same-origin", "none"):
        raise NotAllowed("The browser says that another site sent this; open the page of Lianpian")
    origin = request.headers.get("origin")
    if origin is not None and not _is_ours(origin, request, settings):
        raise NotAllowed(
            "The page that sent this has another address; open Lianpian by one address only, and "
            "set LIANPIAN_PUBLIC_URL where a proxy is in between"
        )


@lru_cache(maxsize=8)
def trusted(proxies: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks of the proxies that are believed.

    Raises
    ------
    OptionError
        One is no address or network.
    """
    try:
        return tuple(ip_network(part.strip()) for part in proxies.split(",") if part.strip())
    except ValueError as error:
        raise OptionError(
            f"LIANPIAN_TRUSTED_PROXIES: {error}; give addresses or networks, comma between"
        ) from None


def _is_ours(origin: str, request: Request, settings: Settings) -> bool:
    if settings.public_url is not None and origin == origin_of(settings.public_url):
        return True
    return origin == f"{request.url.scheme}://{request.headers.get('host', '')}"


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address, as browsers write them."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
