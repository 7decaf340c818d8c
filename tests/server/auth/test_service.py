"""What the login remembers of who came in, and of who has logged out."""

import pytest
from starlette.exceptions import HTTPException

from acsnet.server.auth import service
from acsnet.server.auth.service import Login
from acsnet.server.auth.sessions import LIMITS
from acsnet.settings import read_settings

from .conftest import PASSWORD


@pytest.fixture
def login(accounts, monkeypatch, tmp_path):
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path))
    return Login(read_settings())


def test_right_passwords_are_never_slowed_down(login):
    for _ in range(max(LIMITS.values()) + 1):
        assert login.begin("admin", PASSWORD, address="10.0.0.7")


def test_tokens_that_were_logged_out_count_no_more_and_the_oldest_are_forgotten(login, monkeypatch):
    monkeypatch.setattr(service, "MAX_ENDED", 2)
    for name in "abc":
        login.end_header(f"Bearer {name}.payload.signature")
    for name, reason in (("a", "log in again"), ("b", "has logged out"), ("c", "has logged out")):
        with pytest.raises(HTTPException, match=reason):
            login.by_header(f"bearer {name}.payload.signature", address="10.0.0.7")
