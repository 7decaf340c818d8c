"""Accounts and keys for the tests of the login; hashing is made cheap."""

import pytest

from acsnet.server.auth import accounts as accounts_module
from acsnet.server.auth.accounts import Accounts
from acsnet.server.identity import Role

PASSWORD = "correct horse battery"


@pytest.fixture
def cheap(monkeypatch):
    """Hashes that take no time: the same code at the least cost."""
    monkeypatch.setattr(accounts_module, "COST_LOG2", 4)
    monkeypatch.setattr(accounts_module, "PARALLEL", 1)


@pytest.fixture
def accounts(tmp_path, cheap):
    """One account of each role, named for it, all with one password."""
    one = Accounts(tmp_path / "accounts.json")
    for role in (Role.ANNOTATOR, Role.REVIEWER, Role.ADMIN):
        one.put(role.word, role, PASSWORD)
    return one


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()
