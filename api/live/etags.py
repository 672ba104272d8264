"""What a client says it has already, and what it can unpack (RFC 9110, 13.1.2 and 12.5.3)."""

from __future__ import annotations

import re
from typing import Final

_TAG: Final = re.compile(r'(?:W/)?("[^"]*")')


def etag_matches(header: str | None, etag: str) -> bool:
    """Tell whether an If-None-Match names a strong ETag; the comparison is the weak one."""
    if header is None:
        return False
    return header.strip() == "*" or etag in _TAG.findall(header)


def accepts_gzip(header: str | None) -> bool:
    """Tell whether an Accept-Encoding takes gzip."""
    for part in (header or "").lower().split(","):
        coding, _, weight = part.replace(" ", "").partition(";q=")
        if coding in ("gzip", "x-gzip", "*"):
            return not re.fullmatch(r"0(\.0*)?", weight)
    return False
