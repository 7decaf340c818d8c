"""The door in front of an application that says who came in: cookies, forms, headers."""

import base64
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from acsnet.annotations import audit_log
from acsnet.errors import AcsnetError, InputError
from acsnet.server.auth import login_routes
from acsnet.server.auth.middleware import LoginMiddleware, own_address
from acsnet.server.auth.roles import RULES
from acsnet.server.auth.service import Login
from acsnet.server.auth.sessions import LIMITS
from acsnet.server.identity import Role, logged_in, require, signed
from acsnet.server.state.paths import audit_log_file
from acsnet.server.web.error_responses import acsnet_error
from acsnet.settings import read_settings

PASSWORD = "correct horse battery"
OWN = {"Origin": "http://testserver"}
HTML = {"Accept": "text/html,application/xhtml+xml"}


def application(login):
    """Every address of the table, and what each answers: who came in."""
    app = FastAPI(openapi_url=None)
    app.add_middleware(LoginMiddleware, login=login)
    app.state.login = login
    app.include_router(login_routes.router)
    app.add_exception_handler(AcsnetError, acsnet_error)

    def who():
        return signed({"user": "claimed"})

    for method, path in RULES:
        app.add_api_route(path, who, methods=[method])
    return app


@pytest.fixture
def site(accounts, monkeypatch, tmp_path):
    """client: without a login, makes others by `as_`; accounts: as in conftest."""
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path))
    app = application(Login(read_settings()))

    def client(**options):
        return TestClient(app, follow_redirects=False, **options)

    def as_(name, **options):
        one = client(**options)
        origin = {"Origin": str(one.base_url).rstrip("/")}
        form = {"name": name, "password": PASSWORD}
        answer = one.post("/acsnet/login", data=form, headers=origin)
        assert answer.status_code == 303, answer.text
        return one

    return SimpleNamespace(accounts=accounts, client=client, as_=as_, login=app.state.login)


def log_in(client, name="annotator", password=PASSWORD, **more):
    return client.post("/acsnet/login", data={"name": name, "password": password, **more})


def bearer(client, name):
    answer = client.post("/auth/token", data={"username": name, "password": PASSWORD})
    assert answer.json()["token_type"] == "bearer"
    return {"Authorization": f"bearer {answer.json()['access_token']}"}


def concrete(path):
    return path.replace("{path:path}", "x").replace("{", "").replace("}", "")


@pytest.mark.parametrize("name", ["", "annotator", "reviewer", "admin"])
def test_every_address_opens_for_its_role_and_those_above_only(site, name):
    client = site.client()
    headers = bearer(client, name) if name else {}
    mine = Role[name.upper()] if name else Role.PUBLIC
    for (method, path), rule in RULES.items():
        if path in ("/acsnet/login", "/auth/token", "/acsnet/logout"):
            continue
        answer = client.request(method, concrete(path), headers=headers)
        expected = 200 if mine >= rule.role else 403 if name else 401
        assert answer.status_code == expected, (method, path, answer.text)


def test_what_is_not_listed_is_closed_even_to_admins(site):
    client = site.client()
    headers = bearer(client, "admin")
    assert client.get("/new", headers=headers).status_code == 404
    assert client.delete("/info/", headers=headers).status_code == 404
    assert client.get("/new").status_code == 401


def test_an_address_without_its_last_slash_is_sent_on(site):
    client = site.client()
    answer = client.get("/info", headers=bearer(client, "annotator"))
    assert answer.headers["location"] == "http://testserver/info/"
    assert client.get("/info").status_code == 401


def test_who_is_logged_in_signs_whatever_the_client_claims(site):
    assert site.as_("reviewer").get("/info/").json() == {
        "user": "reviewer",
        "client_id": "reviewer",
    }
    assert logged_in() is None
    require(Role.ADMIN, "anything")  # nobody has to log in


def test_a_browser_is_sent_to_the_login_and_back(site):
    client = site.client()
    answer = client.get("/acsnet/cases/a b?tag=x", headers=HTML)
    assert answer.status_code == 303
    where = answer.headers["location"]
    assert where == "/acsnet/login?next=%2Facsnet%2Fcases%2Fa%2520b%3Ftag%3Dx"
    page = client.get(where)
    assert 'name="next" value="/acsnet/cases/a%20b?tag=x"' in page.text
    answer = log_in(client, next="/acsnet/cases/a%20b?tag=x")
    assert answer.headers["location"] == "/acsnet/cases/a%20b?tag=x"


def test_a_form_sent_after_the_session_ended_is_shown_beside_the_way_to_the_login(site):
    page = {**HTML, "Referer": "http://testserver/acsnet/cases/1"}
    form = {"comment": "apex is missing"}
    answer = site.client().post("/acsnet/cases/1/reject", data=form, headers=page)
    assert answer.status_code == 401
    assert ">apex is missing</textarea>" in answer.text
    assert 'href="/acsnet/login?next=%2Facsnet%2Fcases%2F1"' in answer.text


def test_a_program_is_told_to_log_in(site):
    answer = site.client().get("/info/")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {"detail": "log in first"}


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(site):
    cookie = log_in(site.client()).headers["set-cookie"]
    assert cookie.startswith("acsnet=")
    parts = set(cookie.lower().split("; "))
    assert {"httponly", "samesite=lax", "path=/"} <= parts
    assert "secure" not in parts
    assert not [part for part in parts if part.startswith(("domain", "expires", "max-age"))]


def test_over_tls_the_cookie_is_bound_to_this_host(site):
    cookie = log_in(site.client(base_url="https://testserver")).headers["set-cookie"]
    assert cookie.startswith("__Host-acsnet=")
    assert "Secure" in cookie.split("; ")


def test_a_cookie_that_was_given_before_the_login_is_never_taken_up(site):
    client = site.client()
    client.cookies.set("acsnet", "chosen-by-a-stranger")
    log_in(client)
    stranger = site.client(cookies={"acsnet": "chosen-by-a-stranger"})
    assert stranger.get("/info/").status_code == 401


def test_each_login_has_a_session_of_its_own_and_ends_the_one_before(site):
    client = site.as_("annotator")
    first = client.cookies["acsnet"]
    log_in(client)
    assert client.cookies["acsnet"] != first
    assert site.client(cookies={"acsnet": first}).get("/info/").status_code == 401


def test_after_logout_the_cookie_opens_nothing(site):
    client = site.as_("annotator")
    kept = client.cookies["acsnet"]
    assert client.post("/acsnet/logout", headers=OWN).headers["location"] == "/acsnet/login"
    assert "acsnet" not in client.cookies
    assert site.client(cookies={"acsnet": kept}).get("/info/").status_code == 401


def test_a_form_of_another_page_does_nothing_in_my_name(site):
    client = site.as_("admin")
    for method, path in (("POST", "/train/"), ("PUT", "/datastore/label"), ("DELETE", "/train/")):
        assert client.request(method, path).status_code == 403
        assert client.request(method, path, headers=OWN).status_code == 200
    assert client.post("/acsnet/logout").status_code == 403


@pytest.mark.parametrize("origin", ["https://viewer.testserver", "https://testserver", "null", ""])
def test_a_page_of_another_site_does_nothing_by_my_cookie_even_if_it_is_listed(site, origin):
    answer = site.as_("admin").post("/train/", headers={"Origin": origin})
    assert answer.status_code == 403


def test_a_login_without_a_length_is_an_empty_one(site):
    for address in ("/auth/token", "/acsnet/login"):
        request = site.client().build_request("POST", address)
        del request.headers["content-length"]
        assert site.client().send(request).status_code in (401, 422)


def test_damaged_accounts_let_nobody_in_and_are_told_of_without_their_place(site, caplog):
    client = site.as_("admin")
    site.accounts.file.write_text("damaged")
    token = client.post("/auth/token", data={"username": "admin", "password": PASSWORD})
    for answer in (client.get("/info/"), token, log_in(client)):
        assert answer.status_code == 503
        assert "the server cannot read its accounts" in answer.text
        assert str(site.accounts.file) not in answer.text
    assert str(site.accounts.file) in caplog.text


def test_a_token_needs_no_origin_and_goes_before_the_cookie(site):
    client = site.as_("admin")
    headers = bearer(client, "annotator")
    assert client.get("/info/", headers=headers).json()["user"] == "annotator"
    assert client.post("/train/", headers=headers).status_code == 403
    wrong = {"Authorization": "Bearer made-up"}
    assert client.get("/info/", headers=wrong).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer a.b.c",
        "Basic",
        "Basic ?",
        "Basic /w==",
        "Digest x",
        "bearer\t",
        b"Basic \xff\xfe",
    ],
)
def test_a_header_that_is_no_login_is_refused(site, header):
    answer = site.client().get("/info/", headers={"Authorization": header})
    assert answer.status_code == 401


def basic(name, password=PASSWORD, encoding="utf-8"):
    pair = base64.b64encode(f"{name}:{password}".encode(encoding)).decode()
    return {"Authorization": f"Basic {pair}"}


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_basic_works_with_umlauts_in_either_encoding(site, encoding):
    site.accounts.put("admin", Role.ADMIN, "p\u00e4ssw\u00f6rd 12345")
    header = basic("admin", "p\u00e4ssw\u00f6rd 12345", encoding)
    assert site.client().get("/info/", headers=header).json()["user"] == "admin"


def test_basic_works_for_programs_until_the_password_changes(site):
    client = site.client()
    for _ in range(30):
        assert client.get("/info/", headers=basic("admin")).json()["user"] == "admin"
    assert client.get("/info/", headers=basic("admin", "wrong password")).status_code == 401
    site.accounts.put("admin", Role.ADMIN, "another password")
    assert client.get("/info/", headers=basic("admin")).status_code == 401
    assert client.get("/info/", headers=basic("admin", "another password")).status_code == 200


def test_a_change_of_the_account_ends_its_sessions(site):
    client = site.as_("reviewer")
    token = bearer(client, "reviewer")
    site.accounts.put("reviewer", Role.ADMIN, PASSWORD)
    assert client.get("/info/").status_code == 401
    assert site.client().get("/logs/", headers=token).status_code == 401
    other = site.as_("admin")
    site.accounts.remove("admin")
    assert other.get("/info/").status_code == 401


@pytest.mark.parametrize("path", ["/acsnet/login", "/auth/token"])
def test_who_guesses_has_to_wait(site, path):
    client = site.client()
    form = {"name": "admin", "username": "admin", "password": "a wrong password"}
    for _ in range(LIMITS["both"]):
        answer = client.post(path, data=form)
        assert answer.status_code == 401
        assert "name or password is wrong" in answer.text
    form["password"] = PASSWORD  # the right one, but too late
    answer = client.post(path, data=form)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    assert client.get("/info/", headers=basic("admin")).status_code == 429


def test_a_refused_login_is_on_record_without_what_may_be_a_password(site):
    client = site.client()
    log_in(client, "admin", "a wrong password")
    log_in(client, "my secret password", "")
    log_in(client, "admin")
    found = [(one["event"], one["user"]) for one in audit_log.read(audit_log_file())]
    assert found == [("login_refused", "admin"), ("login_refused", ""), ("login", "admin")]
    assert "secret" not in audit_log_file().read_text()


def test_a_login_page_shows_a_name_as_text(site):
    answer = log_in(site.client(), '"><script>x', "no")
    assert "<script>" not in answer.text
    assert "&#34;&gt;&lt;script&gt;x" in answer.text


@pytest.mark.parametrize(
    "text",
    [
        "//example.org",
        "/\\example.org",
        "\\\\example.org",
        "https://example.org",
        "https:example.org",
        "javascript:alert(1)",
        "/\t/example.org",
        "/x\r\nSet-Cookie: a=b",
        "/x\nLocation: https://example.org",
        "/x\x00",
        "///example.org",
        "/x y",
        "example.org",
        "",
        "/é",
    ],
)
def test_the_login_leads_to_this_server_only_and_adds_no_header(site, text):
    assert own_address(text) == "/acsnet/"
    answer = log_in(site.client(), next=text)
    assert answer.headers["location"] == "/acsnet/"
    assert len(answer.headers.get_list("set-cookie")) == 1
    page = site.client().get("/acsnet/login", params={"next": text})
    assert 'name="next" value="/acsnet/"' in page.text


def test_an_address_of_this_server_is_kept(site):
    for text in ("/", "/ohif/monai-label?StudyInstanceUIDs=1.2&x=%2F%2Fy", "/acsnet/?a=//b"):
        assert own_address(text) == text
        assert log_in(site.client(), next=text).headers["location"] == text


def test_a_login_that_nobody_could_use_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path))
    with pytest.raises(InputError, match="there is no account"):
        Login(read_settings())


def test_where_nobody_has_to_log_in_there_is_no_login():
    client = TestClient(application(None))
    assert client.get("/logs/").json() == {"user": "claimed"}
    assert client.get("/auth/").json() == {"enabled": False}
    assert client.get("/acsnet/login").status_code == 404
    assert log_in(client).status_code == 404
