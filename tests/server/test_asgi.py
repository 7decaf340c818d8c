"""The whole application: what it makes of proxies and of other sites."""

import pytest
from fastapi.testclient import TestClient

from acsnet.server.auth.accounts import Accounts
from acsnet.server.identity import Role

NAME = "acsnet.example.org"
PROXY, STRANGER, FAR = "172.30.8.2", "172.30.8.9", "203.0.113.7"


@pytest.fixture
def build(monkeypatch, tmp_path):
    """Makes the application with settings; it is never started, so only `/auth/` can be asked."""
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path))
    Accounts(tmp_path / "accounts.json").put("ana", Role.ANNOTATOR, "correct horse battery")
    from acsnet.server import asgi

    def make(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(f"ACSNET_{name.upper()}", value)
        application = asgi.build()

        def ask(client, *, scheme="http", path="/auth/", **headers):
            one = TestClient(application, base_url=f"{scheme}://{NAME}", client=(client, 1))
            given = {key.replace("_", "-"): value for key, value in headers.items()}
            return one.get(path, headers=given)

        return ask

    return make


def test_the_proxy_says_where_a_request_comes_from_and_nobody_else_does(build):
    ask = build(
        login_required="true",
        server_names=NAME,
        server_behind_tls_proxy="true",
        server_proxies=PROXY,
    )
    told = {"X_Forwarded_For": FAR, "X_Forwarded_Proto": "https"}
    assert ask(PROXY, **told).json() == {"enabled": True}
    assert ask(PROXY, X_Forwarded_For=FAR).status_code == 403  # not over https
    assert ask(STRANGER, **told).status_code == 403
    assert ask(STRANGER, X_Forwarded_For="127.0.0.1").status_code == 403
    assert ask(PROXY, **told, path="/info/").status_code == 401


def test_without_a_proxy_nothing_that_is_said_of_one_counts(build):
    ask = build(login_required="true", server_names=NAME)
    assert ask(FAR, X_Forwarded_For="127.0.0.1", X_Forwarded_Proto="https").status_code == 403
    assert ask(FAR, scheme="https").status_code == 200


def test_without_a_login_other_machines_get_nothing(build):
    ask = build(server_names=NAME)
    assert ask(FAR, scheme="https").status_code == 403
    assert ask("127.0.0.1").json() == {"enabled": False}


def test_no_site_may_ask_unless_it_is_listed(build):
    site = "https://viewer.example.org"
    answer = build(server_names=NAME)("127.0.0.1", Origin=site)
    assert answer.status_code == 403
    answer = build(server_names=NAME, server_origins=site)("127.0.0.1", Origin=site)
    assert answer.headers["access-control-allow-origin"] == site
    assert "access-control-allow-credentials" not in answer.headers
