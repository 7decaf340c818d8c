"""The login service: identifies people by password, session or token."""

import base64
import hashlib
import hmac
import math
import secrets
from collections import OrderedDict
from typing import NoReturn

from starlette.exceptions import HTTPException

from acsnet.annotations import audit_log
from acsnet.errors import InputError
from acsnet.server.auth.accounts import Account, Accounts
from acsnet.server.auth.hashing_places import HashingPlaces
from acsnet.server.auth.sessions import Attempts, Sessions
from acsnet.server.auth.tokens import REFRESH_S, ProviderError, TokenError, Tokens
from acsnet.server.identity import Person
from acsnet.server.state.paths import audit_log_file
from acsnet.settings import Settings

CHALLENGE = {"WWW-Authenticate": "Bearer"}
"""Not Basic: a browser would ask for the password by itself, and keep it."""

MAX_ENDED = 100_000
"""Tokens that were logged out: each counts for a day at most, even by its provider."""


class Login:
    """Accounts, sessions and tokens. Raises InputError if nobody could log in with the settings.

    All methods raise HTTPException: 401 for who is not known, 429 for who has to wait, 503 where
    the identity provider's keys cannot be had.
    """

    def __init__(self, settings: Settings) -> None:
        self._accounts = Accounts(settings.accounts_file)
        self._tokens = Tokens(settings.oidc) if settings.oidc.issuer else None
        if not self._accounts.all() and self._tokens is None:
            msg = (
                "a login is required, but there is no account: `acsnet accounts add NAME --role "
                "admin`, or set oidc.issuer"
            )
            raise InputError(msg)
        login = settings.login
        self._sessions = Sessions(hours=login.session_hours, idle_minutes=login.idle_minutes)
        self._attempts = Attempts()
        self.places = HashingPlaces()
        self._ended: OrderedDict[bytes, None] = OrderedDict()
        self._secret = secrets.token_bytes(32)
        self._checked: dict[str, tuple[Account, bytes]] = {}

    def begin(self, name: str, password: str, *, address: str) -> str:
        """Log in by password; returns the id of the new session."""
        account = self._by_password(name, password, address)
        audit_log.record(audit_log_file(), "login", user=account.name)
        return self._sessions.begin(account)

    def end(self, session: str) -> None:
        """Log out."""
        self._sessions.end(session)

    def end_header(self, header: str) -> None:
        """Log out who comes with an Authorization header: that token counts no more."""
        scheme, _, value = header.partition(" ")
        if scheme.lower() != "bearer":
            return
        value = value.strip()
        self._sessions.end(value)
        if "." in value:
            self._ended[_digest(value)] = None
            while len(self._ended) > MAX_ENDED:
                self._ended.popitem(last=False)

    def by_session(self, session: str) -> Person | None:
        """The person of a session; None if it has ended or the account has changed."""
        holder = self._sessions.find(session)
        if isinstance(holder, Account):
            if self._accounts.all().get(holder.name) != holder:
                self._sessions.end(session)
                return None
            return holder.person
        return holder

    def hashes(self, header: str) -> bool:
        """Whether a password has to be hashed to tell who an Authorization header is of."""
        scheme, _, value = header.partition(" ")
        return scheme.lower() == "basic" and self._known_basic(value.strip()) is None

    def by_header(self, header: str, *, address: str) -> Person:
        """The person of an Authorization header: `Bearer` with session id or JWT, or `Basic`."""
        scheme, _, value = header.partition(" ")
        value = value.strip()
        if scheme.lower() == "basic":
            return self._by_basic(value, address)
        if scheme.lower() != "bearer":
            refuse("log in with Bearer or Basic")
        # A session's id has no dots, a JWT has two.
        if _digest(value) in self._ended:
            refuse("the token is not accepted: its owner has logged out")
        if "." in value and self._tokens is not None:
            try:
                return self._tokens.check(value)
            except TokenError as error:
                refuse(str(error))
            except ProviderError as error:
                again = {"Retry-After": str(round(REFRESH_S))}
                raise HTTPException(503, str(error), headers=again) from error
        person = self.by_session(value)
        if person is None:
            refuse("the token is not accepted: log in again")
        return person

    def _by_basic(self, value: str, address: str) -> Person:
        account = self._known_basic(value)
        if account is None:
            name, password = _pair(value)
            account = self._by_password(name, password, address)
            self._checked[name] = account, self._keyed(password)
        return account.person

    def _known_basic(self, value: str) -> Account | None:
        """Whose name and password these are, if they were checked before.

        A program sends them with each request: the slow hash is needed for the first one only.
        """
        name, password = _pair(value)
        account, checked_hash = self._checked.get(name, (None, b""))
        is_same = hmac.compare_digest(self._keyed(password), checked_hash)
        return account if is_same and self._accounts.all().get(name) == account else None

    def _keyed(self, password: str) -> bytes:
        return hashlib.blake2b(password.encode(), key=self._secret).digest()

    def _by_password(self, name: str, password: str, address: str) -> Account:
        wait = self._attempts.begin(name, address)
        if wait > 0:
            seconds = math.ceil(wait)
            msg = f"too many attempts: wait {seconds} s"
            raise HTTPException(429, msg, {"Retry-After": str(seconds)})
        account = self._accounts.check(name, password)
        if account is None:
            # A name that is none may be a password, typed into the wrong field.
            known = name if name in self._accounts.all() else ""
            audit_log.record(
                audit_log_file(), "login_refused", user=known, details={"address": address}
            )
            refuse("name or password is wrong")
        self._attempts.succeeded(name, address)
        return account


def _pair(value: str) -> tuple[str, str]:
    """Name and password of HTTP Basic (RFC 7617). Raises HTTPException 401."""
    try:
        content = base64.b64decode(value, validate=True)
    except ValueError:
        refuse("the Authorization header cannot be read")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # clients may choose; some send this where it is enough
    name, _, password = text.partition(":")
    return name, password


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def refuse(reason: str) -> NoReturn:
    """Raise HTTP 401."""
    raise HTTPException(401, reason, CHALLENGE)
