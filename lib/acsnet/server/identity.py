"""The person behind a request and their role, set by the login, read for every record."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from starlette.exceptions import HTTPException


class Role(IntEnum):
    """Roles; each includes the rights of those before it."""

    PUBLIC = 0
    ANNOTATOR = 1
    REVIEWER = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The name in files, options and messages."""
        return self.name.lower()


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in.

    in_browser: by a cookie, which the login of the next person replaces while a page is open.
    """

    name: str
    role: Role
    in_browser: bool = False


_person: ContextVar[Person | None] = ContextVar("person", default=None)


def logged_in() -> Person | None:
    """The person behind the current request; None where nobody has to log in."""
    return _person.get()


def login_name() -> str:
    """The name of the login; empty where nobody has to log in."""
    person = logged_in()
    return "" if person is None else person.name


@contextmanager
def request_of(person: Person) -> Iterator[None]:
    """Set the person behind the requests inside the block."""
    token = _person.set(person)
    try:
        yield
    finally:
        _person.reset(token)


def signed(info: Mapping[str, Any]) -> dict[str, Any]:
    """A client's parameters with its names replaced by that of the login."""
    person = logged_in()
    return dict(info) if person is None else {**info, "user": person.name, "client_id": person.name}


def signed_on_page(name: str) -> str:
    """Who sends what a page of ours sends: the person of the login, else who the page names.

    name: who has opened the page; empty where it does not say. Raises HTTP 409 where somebody else
    has logged in in the same browser since: what one person did is not stored as another's.
    """
    person = logged_in()
    if person is None:
        return name
    if person.in_browser and name.strip() not in ("", person.name.strip()):
        msg = f"opened by {name.strip()}; you are {person.name}: open the case again"
        raise HTTPException(409, msg)
    return person.name


def require(role: Role, what: str) -> None:
    """Raise HTTP 403 for a person without the role; without a login everybody has it."""
    person = logged_in()
    if person is not None and person.role < role:
        raise HTTPException(403, denied(person, role, what))


def denied(person: Person, role: Role, what: str) -> str:
    """The sentence of a refusal."""
    return f"{what} needs the role {role.word}; {person.name} is {person.role.word}"
