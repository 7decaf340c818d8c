"""A real server behind its login, asked by strangers, annotators, reviewers and admins."""

import http.client
import json
import socket
import ssl
import time
from urllib.parse import urlsplit

import jwt
import pytest
import requests
from certificates import certificate
from cryptography.hazmat.primitives.asymmetric import rsa

from acsnet.server.auth.roles import rule_of
from acsnet.server.identity import Role

from .conftest import (
    ISSUER,
    PASSWORD,
    RSA,
    SAMPLES,
    add_account,
    slicer_client,
    wait_until_up,
)

TIMEOUT = 120


def token(key=RSA, **changes):
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": "acsnet", "exp": now + 60, "iat": now}
    claims |= {"preferred_username": "olga", "roles": ["reviewer"], "scope": "openid", **changes}
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "one"})


def answer_to(site, value, path="/info/", method="GET"):
    headers = {"Authorization": f"Bearer {value}"}
    return requests.request(method, f"{site.url}{path}", headers=headers, timeout=TIMEOUT)


def every_route(site, people):
    """(method, address) of everything in the server's own description."""
    paths = people["ada"].get(f"{site.url}/openapi.json", timeout=TIMEOUT).json()["paths"]
    for path, methods in paths.items():
        for method in methods:
            filled = path.replace("{path}", "x").replace("{", "").replace("}", "")
            yield method.upper(), filled


def test_no_role_gets_beyond_its_own_on_any_route(site, people):
    seen = 0
    for method, path in every_route(site, people):
        rule = rule_of(method, path)
        assert rule is not None, f"{method} {path} has no role"
        if rule.role is Role.PUBLIC:
            continue
        seen += 1
        url = f"{site.url}{path}"
        assert requests.request(method, url, timeout=TIMEOUT).status_code == 401, (method, path)
        for name, role in (("ana", Role.ANNOTATOR), ("rea", Role.REVIEWER)):
            if role < rule.role:
                answer = people[name].request(method, url, timeout=TIMEOUT)
                assert answer.status_code == 403, (method, path, name)
                assert f"needs the role {rule.role.word}" in answer.text
    assert seen > 30


def test_tokens_of_the_provider_count_and_forged_ones_do_not(site):
    assert answer_to(site, token()).ok
    assert answer_to(site, token(), "/auth/token/valid").json() == {
        "username": "olga",
        "roles": ["reviewer"],
    }
    assert answer_to(site, token(), "/logs/").status_code == 403
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key())
    unsigned = jwt.encode(jwt.decode(token(), options={"verify_signature": False}), None, "none")
    forged = {
        "another's key": token(stranger),
        "expired": token(exp=int(time.time()) - 60),
        "wrong audience": token(aud="other"),
        "wrong issuer": token(iss="https://idp.example.org"),
        "alg none": unsigned,
        "HS256 with the public key": jwt.encode(
            {"iss": ISSUER, "aud": "acsnet", "exp": 9e9, "roles": ["admin"]},
            json.loads(public)["n"],
            algorithm="HS256",
            headers={"kid": "one"},
        ),
        "no role": token(roles=["somebody"]),
    }
    for how, value in forged.items():
        answer = answer_to(site, value)
        assert answer.status_code == 401, how
        assert answer.headers["www-authenticate"] == "Bearer"


def test_slicers_client_logs_in_draws_and_signs_with_its_own_name(site, tmp_path):
    module = slicer_client()
    client = module.MONAILabelClient(site.url, tmpdir=str(tmp_path), client_id="somebody else")
    assert client.auth_enabled() is True
    with pytest.raises(module.MONAILabelClientException):
        client.info()
    with pytest.raises(module.MONAILabelClientException):
        client.auth_token("ana", "a wrong password")
    client.update_auth(client.auth_token("ana", PASSWORD))
    assert client.auth_valid_token() is True
    image = client.next_sample("random", {})["id"]
    file, _ = client.infer("acsnet", image, {})
    answer = client.save_label(image, file, params={"user": "rea"})
    assert (answer["author"], answer["state"]) == ("ana", "draft")
    lines = [json.loads(one) for one in (site.state / "audit.jsonl").read_text().splitlines()]
    done = [(one["event"], one["user"]) for one in lines if one["event"] in ("infer", "save")]
    assert done[-2:] == [("infer", "ana"), ("save", "ana")]
    with pytest.raises(module.MONAILabelClientException) as caught:
        client.save_label(image, file, params={"state": "reviewed"})
    assert "a reviewed label needs the role reviewer; ana is annotator" in caught.value.msg
    with pytest.raises(module.MONAILabelClientException) as caught:
        client.train_start("all", {})
    assert "Status: 403" in caught.value.msg


def test_a_reviewer_reviews_under_their_own_name(site, people, tmp_path):
    image = min(people["ana"].get(f"{site.url}/datastore/?output=all").json()["objects"])
    file = tmp_path / "label.nii.gz"
    answer = people["ana"].post(f"{site.url}/infer/acsnet?image={image}&output=image")
    file.write_bytes(answer.content)
    with file.open("rb") as stream:
        files = {"label": ("label.nii.gz", stream)}
        saved = people["ana"].put(f"{site.url}/datastore/label?image={image}", files=files).json()
    path = f"{site.url}/acsnet/cases/{image}"
    form = {"version": saved["version"], "by": "somebody else", "warnings_shown": saved["warnings"]}
    assert people["ana"].post(f"{path}/accept", data=form).status_code == 403
    assert people["rea"].post(f"{path}/accept", data=form).ok
    newest = people["ana"].get(f"{path}/versions.json").json()[0]
    assert (newest["user"], newest["reviewer"], newest["state"]) == ("ana", "rea", "reviewed")


def raw(site, method, path, headers, body=b""):
    """An answer to a request that no library would send."""
    connection = http.client.HTTPConnection(urlsplit(site.url).netloc, timeout=TIMEOUT)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    given = {"Host": urlsplit(site.url).netloc, "Content-Length": str(len(body)), **headers}
    for key, value in given.items():
        connection.putheader(key, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    answer.read()
    return answer


def test_pages_of_other_sites_get_nothing_unless_they_are_listed(site, people):
    auth = {"Authorization": people["ada"].headers["Authorization"]}
    asked = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    for origin in (
        "https://example.org",
        "null",
        "http://localhost:3000",
        f"{site.url}.example.org",
    ):
        answer = raw(site, "GET", "/info/", {**auth, "Origin": origin})
        assert answer.status == 403
        assert answer.getheader("access-control-allow-origin") is None
        answer = raw(site, "OPTIONS", "/info/", {"Origin": origin, **asked})
        assert answer.status == 403
    listed = {"Origin": "https://viewer.example.org"}
    answer = raw(site, "OPTIONS", "/info/", {**listed, **asked})
    assert (answer.status, answer.getheader("access-control-allow-origin")) == (
        200,
        listed["Origin"],
    )
    answer = raw(site, "GET", "/info/", {**listed, **auth})
    assert answer.getheader("access-control-allow-origin") == listed["Origin"]
    assert answer.getheader("access-control-allow-credentials") is None
    assert raw(site, "GET", "/info/", listed).status == 401


def test_a_host_name_that_is_not_ours_is_refused(site):
    for host in ("rebound.example.org", "127.0.0.1.example.org", "", "a b", "127.0.0.1@x.org"):
        assert raw(site, "GET", "/auth/", {"Host": host}).status in (400, 403)


@pytest.mark.parametrize(
    "next_",
    ["//example.org", "/x%0d%0aSet-Cookie:%20a=b", "https://example.org", "/%5cexample.org"],
)
def test_the_login_leads_nowhere_else_and_adds_no_header(site, next_):
    body = f"name=ana&password={PASSWORD.replace(' ', '+')}&next={next_}".encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": site.url}
    answer = raw(site, "POST", "/acsnet/login", kind, body)
    assert (answer.status, answer.getheader("location")) == (303, "/acsnet/")
    assert len(answer.headers.get_all("set-cookie")) == 1


def test_a_login_form_of_another_site_is_refused(site):
    body = b"name=ana&password=x"
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://example.org"}
    assert raw(site, "POST", "/acsnet/login", kind, body).status == 403


def test_a_page_session_works_without_a_word_of_it_in_the_log(site):
    one = requests.Session()
    listing = f"{site.url}/acsnet/?state=draft"
    asked = one.get(listing, headers={"Accept": "text/html"}, timeout=TIMEOUT)
    assert asked.url.endswith("/acsnet/login?next=%2Facsnet%2F%3Fstate%3Ddraft")
    form = {"name": "rea", "password": PASSWORD, "next": "/acsnet/?state=draft"}
    page = one.post(f"{site.url}/acsnet/login", data=form, timeout=TIMEOUT)
    assert page.url == listing
    assert "rea (reviewer)" in page.text
    kept = one.cookies["acsnet"]
    out = one.post(f"{site.url}/acsnet/logout", headers={"Origin": site.url}, timeout=TIMEOUT)
    assert "<h1>Log in</h1>" in out.text
    again = requests.get(f"{site.url}/info/", cookies={"acsnet": kept}, timeout=TIMEOUT)
    assert again.status_code == 401
    written = site.log.read_text() + (site.state / "audit.jsonl").read_text()
    assert kept not in written
    assert PASSWORD not in written


def test_settings_are_printed_without_secrets(acsnet, site):
    done = acsnet("config", ACSNET_PACS_PASSWORD="hush hush", ACSNET_STATE=str(site.state))
    assert done.returncode == 0
    assert "***" in done.stdout
    assert "hush" not in done.stdout
    done = acsnet("config", ACSNET_PACS_PASWORD="hush hush")
    assert done.returncode == 2
    assert (
        "there is no setting ACSNET_PACS_PASWORD: did you mean ACSNET_PACS_PASSWORD?" in done.stderr
    )
    assert "hush" not in done.stderr


def test_others_are_answered_over_tls_after_a_login(start, port, tmp_path):
    """The server on all addresses of this machine, with a certificate of its own."""
    cert, key = certificate(tmp_path)
    add_account(tmp_path / "state", "ana", "annotator")
    options = ("--host", "0.0.0.0", "--port", port, "--name", "localhost", "--login")
    process, log = start(
        "serve",
        "--studies",
        SAMPLES,
        *options,
        "--tls-cert",
        cert,
        "--tls-key",
        key,
        ACSNET_STATE=str(tmp_path / "state"),
    )
    url = f"https://localhost:{port}"
    wait_until_up(f"{url}/auth/", process, log, verify=str(cert))
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://localhost:{port}/auth/", timeout=TIMEOUT)
    old = ssl.create_default_context(cafile=str(cert))
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("localhost", port)) as line, pytest.raises(ssl.SSLError):
        old.wrap_socket(line, server_hostname="localhost")
    assert requests.get(f"{url}/info/", verify=str(cert), timeout=TIMEOUT).status_code == 401
    answer = requests.post(
        f"{url}/acsnet/login",
        data={"name": "ana", "password": PASSWORD},
        headers={"Origin": url},
        verify=str(cert),
        allow_redirects=False,
        timeout=TIMEOUT,
    )
    assert answer.status_code == 303
    assert answer.headers["set-cookie"].startswith("__Host-acsnet=")
    assert "Secure" in answer.headers["set-cookie"]
