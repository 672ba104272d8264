"""How a visitor is turned away: 401, 403 or 429, always with one line that says why."""

from __future__ import annotations

import math

from starlette.exceptions import HTTPException


class NotSignedIn(HTTPException):
    """Nobody knows who is asking."""

    def __init__(self, why: str) -> None:
        super().__init__(401, why, headers={"WWW-Authenticate": 'Bearer realm="Lianpian"'})


class NotAllowed(HTTPException):
    """It is known who is asking, but this is not for them, or not in this way."""

    def __init__(self, why: str) -> None:
        super().__init__(403, why)


class TooManyAttempts(HTTPException):
    """Asked too often; the answer says how long to wait."""

    def __init__(self, wait_s: float) -> None:
        seconds = max(1, math.ceil(wait_s))
        why = f"Too many attempts to sign in; wait {seconds} s and try again"
        super().__init__(429, why, headers={"Retry-After": str(seconds)})
