"""Local accounts: name, role and password hash, in one file that only its owner reads.

Passwords are kept as scrypt hashes (RFC 7914) of a random salt each; the cost is among those that
the OWASP Password Storage Cheat Sheet recommends (N = 2^15, r = 8, p = 3: 32 MiB).
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from acsnet.errors import InputError
from acsnet.files.owners import check_owner
from acsnet.files.reasons import cause_of
from acsnet.server.auth.roles import ROLE_WORDS
from acsnet.server.errors import AccountsError
from acsnet.server.identity import Person, Role
from acsnet.server.state.paths import state_folder
from acsnet.server.state.schema import check_state
from acsnet.storage import DAMAGED, make_folder, write_json

COST_LOG2, BLOCK, PARALLEL = 15, 8, 3
MIN_PASSWORD, MAX_PASSWORD = 12, 200
"""Characters once in one form (NFKC); beyond them no rules, as NIST SP 800-63B asks."""
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?")
"""At most 64 characters, as a DICOM person name has."""


@dataclass(frozen=True)
class Account:
    """An account; `password` is its hash."""

    name: str
    role: Role
    password: str

    @property
    def person(self) -> Person:
        """The person of the account."""
        return Person(self.name, self.role)


class Accounts:
    """The accounts in a file; changes by other processes take effect at once.

    cost_log2, parallel: of the hashes of new passwords.
    """

    def __init__(self, file: Path, *, cost_log2: int = COST_LOG2, parallel: int = PARALLEL) -> None:
        self.file = file
        self._cost_log2, self._parallel = cost_log2, parallel
        self._seen: tuple[int, int, int] | None = None
        self._known: dict[str, Account] = {}

    def all(self) -> dict[str, Account]:
        """Name -> account; none where there is no file. Raises AccountsError for a damaged file."""
        try:
            stat = self.file.stat()
            stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if stamp != self._seen:
                self._known, self._seen = _read(self.file.read_text(encoding="utf-8")), stamp
        except FileNotFoundError:
            return {}
        except DAMAGED as error:
            cause = cause_of(error) if isinstance(error, OSError) else error
            msg = f"accounts file {self.file} cannot be read: {cause}"
            raise AccountsError(msg) from error
        return self._known

    def check(self, name: str, password: str) -> Account | None:
        """The account if the password is right; takes as long for a name that does not exist."""
        account = self.all().get(name)
        right = is_password(password, account.password if account else _NOBODYS)
        return account if right else None

    def put(self, name: str, role: Role, password: str) -> None:
        """Add or change an account. Raises InputError for a name or password not allowed."""
        if not NAME.fullmatch(name):
            msg = f"name must be up to 64 letters, digits, '.', '_', '@' or '-', got {name!r}"
            raise InputError(msg)
        if not MIN_PASSWORD <= len(_in_one_form(password)) <= MAX_PASSWORD:
            msg = f"password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters"
            raise InputError(msg)
        with self._lock():
            hash_ = hashed(password, cost_log2=self._cost_log2, parallel=self._parallel)
            self._write({**self.all(), name: Account(name, role, hash_)})

    def remove(self, name: str) -> None:
        """Remove an account; its sessions end. Raises InputError where there is none."""
        with self._lock():
            left = dict(self.all())
            if left.pop(name, None) is None:
                msg = f"there is no account {name!r}"
                raise InputError(msg)
            self._write(left)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """For one change of the file.

        Raises InputError where it cannot be written, or by root, and as `check_state` where it lies
        in the state folder.
        """
        state = state_folder()
        if self.file.is_relative_to(state):
            check_state(state)
        # The file is made anew, and the account that has the state is the one that must read it.
        for path in (state, self.file.parent, self.file):
            check_owner(path)
        lock = self.file.with_name(f".{self.file.name}.lock")
        try:
            make_folder(self.file.parent)
            with FileLock(lock, mode=0o600):
                yield
        except OSError as error:
            msg = f"no account was changed: {self.file} cannot be written: {cause_of(error)}"
            raise InputError(msg) from error

    def _write(self, accounts: dict[str, Account]) -> None:
        records = {
            name: {"role": account.role.word, "password": account.password}
            for name, account in sorted(accounts.items())
        }
        write_json(self.file, {"accounts": records}, private=True)


def hashed(password: str, *, cost_log2: int = COST_LOG2, parallel: int = PARALLEL) -> str:
    """The hash of a password: `scrypt$log2 N$r$p$salt$hash`."""
    salt = secrets.token_bytes(16)
    digest = _scrypt(_in_one_form(password), salt, cost_log2, BLOCK, parallel)
    return f"scrypt${cost_log2}${BLOCK}${parallel}${_text(salt)}${_text(digest)}"


def is_password(password: str, kept: str) -> bool:
    """Whether a password has this hash, in constant time."""
    _, *costs, salt, expected = kept.split("$")
    log2, block, parallel = map(int, costs)

    def fits(text: str) -> bool:
        derived = _scrypt(text[:MAX_PASSWORD], base64.b64decode(salt), log2, block, parallel)
        return hmac.compare_digest(derived, base64.b64decode(expected))

    # As it was sent, too: so earlier versions hashed it.
    return any(fits(text) for text in dict.fromkeys((_in_one_form(password), password)))


_NOBODYS = f"scrypt${COST_LOG2}${BLOCK}${PARALLEL}${'A' * 22}==${'A' * 43}="
"""Compared with where there is no such account: no answer is faster than the others."""


def _scrypt(password: str, salt: bytes, log2: int, block: int, parallel: int) -> bytes:
    memory = 128 * block * (2**log2 + parallel + 2)
    return hashlib.scrypt(
        password.encode(), salt=salt, n=2**log2, r=block, p=parallel, maxmem=memory, dklen=32
    )


def _in_one_form(password: str) -> str:
    """The same text for what looks the same: keyboards send an umlaut as one character or two."""
    return unicodedata.normalize("NFKC", password)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _read(text: str) -> dict[str, Account]:
    accounts = {}
    for name, record in json.loads(text)["accounts"].items():
        if record["role"] not in ROLE_WORDS:
            msg = f"role of {name!r} must be one of {', '.join(ROLE_WORDS)}"
            raise ValueError(msg)
        accounts[name] = Account(name, Role[record["role"].upper()], record["password"])
    return accounts
