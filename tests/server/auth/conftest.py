"""Accounts and keys for the tests of the login; hashing is made cheap."""

import pytest

from acsnet.server.auth.accounts import Accounts
from acsnet.server.identity import Role

PASSWORD = "correct horse battery"


@pytest.fixture
def accounts(tmp_path):
    """One account of each role, named for it, all with one password."""
    one = Accounts(tmp_path / "accounts.json", cost_log2=4, parallel=1)
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
