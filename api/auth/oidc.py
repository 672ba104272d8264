"""Signing in with the identity provider of the organisation (OpenID Connect).

Authorization code with PKCE. What belongs to one sign-in (state, nonce, verifier) stays here for
ten minutes, is used once, and is tied to the browser that began by a cookie: a return address that
somebody else sends leads nowhere. Only the code and the state ever stand in an address.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from api.auth.origins import key_of
from api.settings import LOOPBACK, Settings
from api.store.office.sessions import hash_of
from gis.errors import LianpianError, OptionError

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import OAuth2Client
    from joserfc.jwk import KeySet

RETURN_PATH: Final = "/api/session/oidc/return"
LASTS_S: Final = 600.0
MOST_BEGUN: Final = 1000
MOST_FROM_ONE: Final = 20
TIMEOUT_S: Final = 10.0
LEEWAY_S: Final = 60
DISCOVERED_S: Final = 3600.0
KEYS_AGAIN_S: Final = 60.0
LONGEST_SUBJECT: Final = 255
LARGEST_TOKEN: Final = 64 * 1024
# Only what is signed with a key that the provider alone has; never "none", never a shared secret.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
                     "ES512", "Ed25519", "EdDSA")  # fmt: skip


class ProviderError(LianpianError):
    """The identity provider, or what came back from it, is not as it should be."""


@dataclass(frozen=True)
class Begun:
    """A sign-in that was begun: where to send the browser, and what to leave with it."""

    url: str
    browser: str


@dataclass(frozen=True)
class Outsider:
    """Whom the provider vouches for: "issuer|sub", and what they may be called."""

    subject: str
    names: tuple[str, ...]
    shown_as: str


@dataclass(frozen=True)
class _Pending:
    browser_hash: str
    nonce: str
    verifier: str
    until: float
    origin: str


class Provider:
    """The identity provider that the settings name.

    Parameters
    ----------
    settings
        With ``oidc_issuer``, ``oidc_client_id`` and ``public_url``.
    clock, ticks
        Give the time, and seconds that only go forward.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = (settings.oidc_issuer or "").rstrip("/")
        self._settings = settings
        self._clock, self._ticks = clock, ticks
        self._lock = threading.Lock()
        self._begun: OrderedDict[str, _Pending] = OrderedDict()
        self._found: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    @staticmethod
    def is_set(settings: Settings) -> bool:
        """Whether people can sign in with an identity provider."""
        return settings.needs_login and settings.oidc_issuer is not None

    def begin(self, address: str) -> Begun:
        """Begin a sign-in for a browser at an address.

        Raises
        ------
        OptionError
            A setting is missing, or the parts for it are not installed.
        ProviderError
            The provider cannot be reached, or is not the one that was meant.
        """
        endpoint = str(self._discovered()["authorization_endpoint"])
        state, nonce, browser = (secrets.token_urlsafe(32) for _ in range(3))
        verifier = secrets.token_urlsafe(48)
        origin = key_of(address)
        url = self._url(endpoint, state=state, nonce=nonce, verifier=verifier)
        pending = _Pending(hash_of(browser), nonce, verifier, self._ticks() + LASTS_S, origin)
        with self._lock:
            self._make_room(origin)
            self._begun[hash_of(state)] = pending
        return Begun(url, browser)

    def finish(self, *, state: str, code: str, browser: str, issuer: str | None) -> Outsider:
        """Return whom the provider vouches for, from what came back with the browser.

        Raises
        ------
        ProviderError
            The state is unknown, used or too old, or another browser's; the code or the token that
            it is exchanged for is not good.
        """
        with self._lock:
            pending = self._begun.pop(hash_of(state), None)
        if pending is None or pending.until < self._ticks():
            raise ProviderError("This sign-in is unknown, used already, or too old; begin again")
        if not hmac.compare_digest(pending.browser_hash, hash_of(browser)):
            raise ProviderError("This sign-in was begun in another browser; begin again")
        if issuer is not None and issuer.rstrip("/") != self._issuer:
            raise ProviderError("The answer is from another identity provider; begin again")
        claims = self._claims(self._id_token(code, pending.verifier), pending.nonce)
        return _outsider(str(self._discovered()["issuer"]), claims)

    def _make_room(self, origin: str) -> None:
        now = self._ticks()
        for key in [key for key, begun in self._begun.items() if begun.until < now]:
            del self._begun[key]
        same = [key for key, begun in self._begun.items() if begun.origin == origin]
        for key in same[: max(0, len(same) + 1 - MOST_FROM_ONE)]:
            del self._begun[key]
        while len(self._begun) >= MOST_BEGUN:
            self._begun.popitem(last=False)

    def _url(self, endpoint: str, *, state: str, nonce: str, verifier: str) -> str:
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        return str(
            prepare_grant_uri(
                endpoint,
                self._client_id,
                "code",
                redirect_uri=self._return_url,
                scope="openid profile",
                state=state,
                nonce=nonce,
                code_challenge=create_s256_code_challenge(verifier),
                code_challenge_method="S256",
            )
        )

    @property
    def _client_id(self) -> str:
        return _setting(self._settings.oidc_client_id, "LIANPIAN_OIDC_CLIENT_ID")

    @property
    def _return_url(self) -> str:
        return _setting(self._settings.public_url, "LIANPIAN_PUBLIC_URL").rstrip("/") + RETURN_PATH

    def _client(self) -> OAuth2Client:
        from authlib.integrations.httpx_client import OAuth2Client

        secret = self._settings.oidc_client_secret
        return OAuth2Client(
            client_id=self._client_id,
            client_secret=secret.get_secret_value() if secret is not None else None,
            token_endpoint_auth_method=self._auth_method(),
            redirect_uri=self._return_url,
            timeout=TIMEOUT_S,
            follow_redirects=False,
        )

    def _auth_method(self) -> str:
        if self._settings.oidc_client_secret is None:
            return "none"
        known = self._discovered().get("token_endpoint_auth_methods_supported")
        if known and "client_secret_basic" not in known and "client_secret_post" in known:
            return "client_secret_post"
        return "client_secret_basic"

    def _discovered(self) -> Mapping[str, Any]:
        """Return what the provider says of itself, asked again after an hour."""
        if self._found is not None and self._found[0] > self._ticks():
            return self._found[1]
        _require_safe(self._issuer, "LIANPIAN_OIDC_ISSUER")
        found = self._read(f"{self._issuer}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != self._issuer:
            raise ProviderError("The identity provider calls itself by another name; check it")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            _require_safe(str(found.get(name, "")), f"{name} of the identity provider")
        self._found = (self._ticks() + DISCOVERED_S, found)
        return found

    def _read(self, url: str) -> dict[str, Any]:
        _require_installed()
        import httpx

        try:
            answer = httpx.get(url, timeout=TIMEOUT_S, follow_redirects=False)
            answer.raise_for_status()
            found = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise ProviderError(
                f"The identity provider cannot be asked ({type(error).__name__}); try again later"
            ) from None
        if not isinstance(found, dict):
            raise ProviderError("The identity provider answered with something else than asked")
        return found

    def _id_token(self, code: str, verifier: str) -> str:
        endpoint = str(self._discovered()["token_endpoint"])
        import httpx
        from authlib.common.errors import AuthlibBaseError

        try:
            with self._client() as client:
                told = client.fetch_token(
                    endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                )
        except (AuthlibBaseError, httpx.HTTPError, ValueError) as error:
            raise ProviderError(
                f"The identity provider refused the code ({type(error).__name__}); begin again"
            ) from None
        token = told.get("id_token")
        if not isinstance(token, str) or len(token) > LARGEST_TOKEN:
            raise ProviderError("The identity provider sent no identity token")
        return token

    def _claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        """Return what the token says, once its signature and all that it is for were checked."""
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError, JoseError

        client_id = self._client_id
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self._clock()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": str(self._discovered()["issuer"])},
            aud={"essential": True, "value": client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            try:
                decoded = jwt.decode(token, self._key_set(), algorithms=ALGORITHMS)
            except InvalidKeyIdError:  # the provider has changed its keys
                decoded = jwt.decode(token, self._key_set(again=True), algorithms=ALGORITHMS)
            claims: Mapping[str, Any] = decoded.claims
            registry.validate(decoded.claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderError(
                f"The identity token does not hold ({type(error).__name__}); begin again"
            ) from None
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else client_id) != client_id:
            raise ProviderError("The identity token was made for another application")
        return claims

    def _key_set(self, *, again: bool = False) -> KeySet:
        from joserfc.jwk import KeySet

        now = self._ticks()
        kept = self._keys
        if kept is not None and kept[0] > now - (KEYS_AGAIN_S if again else DISCOVERED_S):
            return kept[1]
        keys: KeySet = KeySet.import_key_set(self._read(str(self._discovered()["jwks_uri"])))  # type: ignore[arg-type]  # what is no key is refused there
        self._keys = (now, keys)
        return keys


def _outsider(issuer: str, claims: Mapping[str, Any]) -> Outsider:
    subject = claims["sub"]
    fit = isinstance(subject, str) and 0 < len(subject) <= LONGEST_SUBJECT
    if not fit or not subject.isprintable():
        raise ProviderError("The identity token names nobody")
    told = [claims.get(key) for key in ("preferred_username", "email", "name")]
    names = tuple(name for name in told if isinstance(name, str) and name)
    shown = claims.get("name")
    shown_as = shown if isinstance(shown, str) else (names[0] if names else "")
    return Outsider(f"{issuer}|{subject}", names, shown_as)


def _setting(value: str | None, name: str) -> str:
    if not value:
        raise OptionError(f"Signing in with an identity provider needs {name}; set it")
    return value


def _require_safe(url: str, what: str) -> None:
    """Refuse addresses that others can listen to; on this machine nobody can."""
    parts = urlsplit(url)
    here = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or here):
        raise OptionError(f"{what} is no https address; give one that begins with https://")


def _require_installed() -> None:
    if find_spec("authlib") is None or find_spec("httpx") is None:
        raise OptionError(
            "Signing in with an identity provider needs more parts; install 'lianpian[oidc]'"
        )
