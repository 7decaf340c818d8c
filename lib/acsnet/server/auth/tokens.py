"""Bearer tokens of an identity provider (OpenID Connect): signed JWTs, checked without asking it.

A token counts when it is signed with a key of the provider by an asymmetric algorithm, is of our
issuer, for our audience and in its time (RFC 7519, RFC 8725). Its roles are what the provider
says.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests

from acsnet.errors import InputError
from acsnet.server.identity import Person, Role
from acsnet.server.web.access_policy import is_loopback
from acsnet.settings import Oidc

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Asymmetric ones only: `none`, and a public key taken for a shared secret, are no signatures."""
REQUIRED = ("exp", "iat", "iss", "aud")
"""Claims that must be there; `nbf` is checked where it is, Keycloak leaves it out."""
LEEWAY_S = 30
REFRESH_S = 60.0
"""Unknown keys do not make us ask the provider more often than this."""
KEEP_S = 3600.0
TIMEOUT_S = 5.0

UNREADABLE = "the keys of the identity provider cannot be read"

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[^\\^=]{1,64}")
"""What may be one part of a DICOM person name."""


class TokenError(ValueError):
    """A token that does not count; its message is fit to show."""


class ProviderError(ValueError):
    """The provider's keys cannot be had: tokens cannot be checked now."""

    def __init__(self) -> None:
        super().__init__(UNREADABLE)


class Tokens:
    """Checks the tokens of one provider. Raises InputError for settings of no use."""

    def __init__(self, settings: Oidc, *, clock: Callable[[], float] = time.monotonic) -> None:
        if not settings.audience or not settings.keys:
            msg = "oidc.issuer needs oidc.audience and oidc.keys, too"
            raise InputError(msg)
        self._settings = settings
        self._keys = Keys(settings.keys, clock=clock)

    def check(self, token: str) -> Person:
        """Whose token it is. Raises TokenError, or ProviderError."""
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
            msg = f"the token does not count: {error}"
            raise TokenError(msg) from error
        if claims.get("typ", "Bearer") != "Bearer":
            msg = "the token does not count: it is no access token"
            raise TokenError(msg)
        return Person(self._name(claims), self._role(claims))

    def _name(self, claims: dict[str, Any]) -> str:
        name = claims.get(self._settings.name_claim)
        if not isinstance(name, str) or not _NAME.fullmatch(name) or not name.isprintable():
            msg = f"the token does not count: its {self._settings.name_claim} must be a name"
            raise TokenError(msg)
        return name

    def _role(self, claims: dict[str, Any]) -> Role:
        found: Any = claims
        for part in self._settings.roles_claim.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        said = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        settings = self._settings
        words = {
            Role.ADMIN: settings.admin,
            Role.REVIEWER: settings.reviewer,
            Role.ANNOTATOR: settings.annotator,
        }
        for role, word in words.items():
            if word in said:
                return role
        msg = f"the token has no role of this server in its {settings.roles_claim}"
        raise TokenError(msg)


class Keys:
    """The provider's public keys, from its address or a file; read again now and then.

    source: https address or file. Raises InputError for an address that is not safe, or no file.
    """

    def __init__(self, source: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._change = threading.Lock()
        self._read_at: float | None = None
        self._known: dict[str, jwt.PyJWK] = {}
        if not self._remote:
            try:
                self._find(None)
            except ProviderError as error:
                msg = f"{UNREADABLE} from {source}"
                raise InputError(msg) from error
        elif urlsplit(source).scheme == "http" and not is_loopback(urlsplit(source).hostname or ""):
            msg = f"oidc.keys must be an https address or a file, got {source}"
            raise InputError(msg)
        elif "@" in urlsplit(source).netloc:
            msg = "oidc.keys must be an address without user and password"
            raise InputError(msg)

    def find(self, kid: str | None) -> jwt.PyJWK:
        """The key of this id. Raises TokenError for none, ProviderError where none can be had."""
        found = self._find(kid)
        if found is None:
            msg = "the token does not count: its key is none of the provider's"
            raise TokenError(msg)
        return found

    @property
    def _remote(self) -> bool:
        return self._source.startswith(("http://", "https://"))

    def _find(self, kid: str | None) -> jwt.PyJWK | None:
        with self._change:
            age = None if self._read_at is None else self._clock() - self._read_at
            if age is None or age > KEEP_S or (kid not in self._known and age > REFRESH_S):
                self._read_at = self._clock()
                try:
                    self._known = self._read()
                except ProviderError:
                    if kid not in self._known:
                        raise
            if not self._known:  # as long as none was ever read, nobody's token is at fault
                raise ProviderError
            return self._known.get(kid or "")

    def _read(self) -> dict[str, jwt.PyJWK]:
        try:
            if self._remote:
                answer = requests.get(self._source, timeout=TIMEOUT_S, allow_redirects=False)
                answer.raise_for_status()
                content = answer.json()
            else:
                content = json.loads(Path(self._source).read_text(encoding="utf-8"))
            keys = jwt.PyJWKSet.from_dict(content).keys
        except (OSError, ValueError, AttributeError, jwt.PyJWTError) as error:
            logger.warning("%s: from %s", UNREADABLE, self._source)
            raise ProviderError from error
        return {key.key_id: key for key in keys if key.key_id and key.key_type != "oct"}
