"""The person behind a request and their role, set by the login, read for every record."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from starlette.exceptions import HTTPException


class Role(IntEnum):
    """Each may do what those before it may."""

    PUBLIC = 0
    ANNOTATOR = 1
    REVIEWER = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """As it is written in files, options and messages."""
        return self.name.lower()


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in."""

    name: str
    role: Role


_person: ContextVar[Person | None] = ContextVar("person", default=None)


def logged_in() -> Person | None:
    """Whose request this is; None where nobody has to log in."""
    return _person.get()


@contextmanager
def request_of(person: Person) -> Iterator[None]:
    """While a request of this person is answered."""
    token = _person.set(person)
    try:
        yield
    finally:
        _person.reset(token)


def signed(info: Mapping[str, Any]) -> dict[str, Any]:
    """What a client says, under the name of who is logged in, whatever name it claims."""
    person = logged_in()
    return dict(info) if person is None else {**info, "user": person.name, "client_id": person.name}


def require(role: Role, what: str) -> None:
    """HTTP 403 for a person of a lesser role; where nobody has to log in, anybody may."""
    person = logged_in()
    if person is not None and person.role < role:
        raise HTTPException(403, denied(person, role, what))


def denied(person: Person, role: Role, what: str) -> str:
    """Why somebody may not do something."""
    return f"{what} needs the role {role.word}; {person.name} is {person.role.word}"
