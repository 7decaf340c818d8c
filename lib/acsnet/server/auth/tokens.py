"""Bearer tokens of an identity provider (OpenID Connect): signed JWTs, checked without asking it.

A token counts when it is signed with a strong key of the provider by an asymmetric algorithm, is of
our issuer, for our audience and in its time (RFC 7519, RFC 8725), and when it is an access token
that was given to a client of ours (RFC 9068). Its roles are what the provider says.
"""

import json
import logging
import math
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt

from acsnet.errors import InputError
from acsnet.files.hosts import is_loopback
from acsnet.files.reasons import cause_of
from acsnet.server.identity import Person, Role
from acsnet.settings import Oidc

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Asymmetric ones only: `none`, and a public key taken for a shared secret, are no signatures."""
REQUIRED = ("exp", "iat", "iss", "aud")
"""Claims that must be there; `nbf` is checked where it is, Keycloak leaves it out."""
LEEWAY_S = 30
MAX_VALID_S = 24 * 3600
"""From `iat` to `exp`: a token cannot be called back."""
MIN_RSA_BITS = 2048

TYPES = ("", "jwt", "at+jwt")
"""Of the header: others are of another use, such as `logout+jwt`."""
ID_CLAIMS = ("nonce", "at_hash", "c_hash", "s_hash")
"""What ID tokens have (OpenID Connect Core 2, 3.3.2.11)."""
REFRESH_S = 60.0
"""Unknown keys do not make us ask the provider more often than this."""
KEEP_S = 3600.0
TIMEOUT_S = 5.0

UNREADABLE = "the keys of the identity provider cannot be read"

NO_KEYS = (OSError, ValueError, jwt.PyJWTError)
"""What reading a key set raises."""

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[^\\^=]{1,64}")
"""What may be one part of a DICOM person name."""


class TokenError(ValueError):
    """A token that is refused; the message may be shown."""


class ProviderError(ValueError):
    """The keys of the provider cannot be read, so that no token can be checked now."""

    def __init__(self) -> None:
        super().__init__(UNREADABLE)


class Tokens:
    """Checks the tokens of one provider. Raises InputError for settings that cannot work."""

    def __init__(self, settings: Oidc, *, clock: Callable[[], float] = time.monotonic) -> None:
        if not settings.audience or not settings.keys:
            msg = "oidc.issuer needs oidc.audience and oidc.keys, too"
            raise InputError(msg)
        self._settings = settings
        self._keys = ProviderKeys(settings.keys, clock=clock)

    def check(self, token: str) -> Person:
        """The person of a token. Raises TokenError or ProviderError."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                msg = f"the algorithm of a token must be one of {', '.join(ALGORITHMS)}"
                raise TokenError(msg)
            claims = jwt.decode(
                token,
                self._keys.find(header.get("kid")),
                algorithms=list(ALGORITHMS),
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=LEEWAY_S,
                options={"require": list(REQUIRED)},
            )
        except (jwt.PyJWTError, TypeError) as error:
            msg = f"the token is not accepted: {error}"
            raise TokenError(msg) from error
        if not is_access_token(header, claims):
            msg = "the token is not accepted: it is not an access token"
            raise TokenError(msg)
        self._check_use(claims)
        return Person(self._name(claims), self._role(claims))

    def _check_use(self, claims: dict[str, Any]) -> None:
        """Raise TokenError for a token of another client, and for one that never expires."""
        ours = (self._settings.audience, *self._settings.clients)
        for claim in ("azp", "client_id"):
            if claims.get(claim, ours[0]) not in ours:
                msg = f"the token is not accepted: its {claim} is not in oidc.clients"
                raise TokenError(msg)
        if claims["exp"] - claims["iat"] > MAX_VALID_S:
            msg = (
                f"the token is not accepted: it is valid for more than {MAX_VALID_S // 3600} hours"
            )
            raise TokenError(msg)

    def _name(self, claims: dict[str, Any]) -> str:
        name = claims.get(self._settings.name_claim)
        if not isinstance(name, str) or not _NAME.fullmatch(name) or not name.isprintable():
            msg = f"the token is not accepted: its {self._settings.name_claim} must be a name"
            raise TokenError(msg)
        return name

    def _role(self, claims: dict[str, Any]) -> Role:
        claim: Any = claims
        for part in self._settings.roles_claim.split("."):
            claim = claim.get(part) if isinstance(claim, dict) else None
        granted = [claim] if isinstance(claim, str) else claim if isinstance(claim, list) else []
        settings = self._settings
        words = {
            Role.ADMIN: settings.admin,
            Role.REVIEWER: settings.reviewer,
            Role.ANNOTATOR: settings.annotator,
        }
        for role, word in words.items():
            if word in granted:
                return role
        msg = f"the token has no role of this server in its {settings.roles_claim}"
        raise TokenError(msg)


def is_access_token(header: dict[str, Any], claims: dict[str, Any]) -> bool:
    """Whether a token says that it is an access token, and nothing says that it is another one.

    Providers mark theirs by the type in the header (RFC 9068), by `typ: Bearer` (Keycloak), or by a
    scope (Entra ID, Auth0, Okta, which leave the type out).
    """
    kind = str(header.get("typ") or "").lower().removeprefix("application/")
    if kind not in TYPES or "events" in claims or claims.get("typ", "Bearer") != "Bearer":
        return False
    if kind == "at+jwt" or claims.get("typ") == "Bearer":
        return True
    scoped = any(claims.get(claim) for claim in ("scope", "scp"))
    return scoped and not any(claim in claims for claim in ID_CLAIMS)


def check_key(key: jwt.PyJWK) -> None:
    """Refuse a key of the provider that is no key for signatures, or a weak one.

    Raises:
        TokenError: with the reason.
    """
    members = key._jwk_data  # the library does not look at these members
    reason = None
    if key.key_type == "oct":
        reason = "is a shared secret"
    elif members.get("use", "sig") != "sig" or "verify" not in members.get("key_ops", ["verify"]):
        reason = "is not for signatures"
    elif key.key_type == "RSA" and key.key.key_size < MIN_RSA_BITS:
        reason = f"has fewer than {MIN_RSA_BITS} bits"
    if reason is not None:
        msg = f"the token is not accepted: its key {reason}"
        raise TokenError(msg)


class ProviderKeys(jwt.PyJWKClient):
    """The provider's public keys, from an https address or a file, read again now and then.

    Keys that were read once count on while the provider cannot be asked, which it is at most once
    in `REFRESH_S`. Raises InputError for an address that is not safe, or no file.
    """

    def __init__(self, source: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        address = urlsplit(source)
        self._file = None if address.scheme in ("http", "https") else Path(source)
        if address.scheme == "http" and not is_loopback(address.hostname or ""):
            msg = f"oidc.keys must be an https address or a file, got {source}"
            raise InputError(msg)
        if self._file is None and "@" in address.netloc:
            msg = "oidc.keys must be an address without user and password"
            raise InputError(msg)
        # The library's client takes addresses only: that of a file is never asked.
        uri = source if self._file is None else "https://file.invalid"
        super().__init__(uri, cache_jwk_set=False, timeout=TIMEOUT_S)
        self._clock = clock
        self._change = threading.Lock()
        self._read_at: float | None = None
        self._keys: jwt.PyJWKSet | None = None
        if self._file is not None:
            try:
                self._keys, self._read_at = super().get_jwk_set(), clock()
            except NO_KEYS as error:
                msg = f"{UNREADABLE} from {source}: {_cause(error)}"
                raise InputError(msg) from error

    def find(self, kid: str | None) -> jwt.PyJWK:
        """The key with an id. Raises TokenError for an unknown id, ProviderError without keys."""
        try:
            key = self.get_signing_key(kid or "")
        except jwt.PyJWKClientError as error:
            msg = "the token is not accepted: its key is not one of the provider's"
            raise TokenError(msg) from error
        check_key(key)
        return key

    def fetch_data(self) -> Any:
        """The key set as the provider, or the file, has it."""
        if self._file is None:
            return super().fetch_data()
        return json.loads(self._file.read_text(encoding="utf-8"))

    def get_jwk_set(self, refresh: bool = False) -> jwt.PyJWKSet:
        """The key set; refresh: the cached one lacks the key that is needed."""
        with self._change:
            age = math.inf if self._read_at is None else self._clock() - self._read_at
            if age > (REFRESH_S if refresh or self._keys is None else KEEP_S):
                self._read_at = self._clock()
                try:
                    self._keys = super().get_jwk_set()
                except NO_KEYS as error:
                    source = self._file or self.uri
                    logger.warning("%s from %s: %s", UNREADABLE, source, _cause(error))
                    if refresh:
                        raise ProviderError from error
            if self._keys is None:  # as long as none was ever read, nobody's token is at fault
                raise ProviderError
            return self._keys


def _cause(error: Exception) -> str:
    return cause_of(error) if isinstance(error, OSError) else str(error)
