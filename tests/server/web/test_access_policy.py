"""The door of the server: this machine only, names only."""

import asyncio
from dataclasses import replace

import pytest
from starlette.datastructures import Headers

from acsnet.server.web.access_policy import AccessPolicyMiddleware, Policy, refusal


def refused(
    *,
    policy=Policy(),  # noqa: B008 # frozen
    client="127.0.0.1",
    scheme="http",
    method="GET",
    path="/info/",
    query="",
    host="127.0.0.1:8000",
    **headers,
):
    given = {"host": host, **{key.replace("_", "-"): value for key, value in headers.items()}}
    return refusal(
        policy,
        client=client,
        scheme=scheme,
        headers=Headers(given),
        method=method,
        path=path,
        query=query,
    )


def test_requests_of_this_machine_pass():
    assert refused() is None
    assert refused(client="::1", host="[::1]:8000") is None
    assert refused(origin="http://127.0.0.1:8000") is None
    assert refused(host="localhost", origin="http://localhost:80") is None
    assert refused(path="/datastore/label", query="label=scan+1&tag=final") is None


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"client": "192.168.1.4"}, "its own machine only"),
        ({"client": ""}, "its own machine only"),
        ({"host": "rebound.example.org"}, "under this host name"),
        ({"host": ""}, "under this host name"),
        ({"host": "127.0.0.1:8000/x"}, "under this host name"),
        ({"host": "user@127.0.0.1"}, "under this host name"),
        ({"origin": "https://example.org"}, "its own pages only"),
        ({"origin": "http://localhost:3000"}, "its own pages only"),
        ({"origin": "https://127.0.0.1:8000"}, "its own pages only"),
        ({"origin": "http://127.0.0.1:8000.example.org"}, "its own pages only"),
        ({"origin": "null"}, "its own pages only"),
        ({"origin": ""}, "its own pages only"),
    ],
)
def test_other_machines_and_their_pages_are_refused(request_, reason):
    status, said = refused(**request_)
    assert status == 403
    assert reason in said


OPEN = Policy(
    to_others=True,
    names=frozenset({"acsnet.example.org"}),
    origins=frozenset({"https://viewer.example.org"}),
)


def test_with_a_login_others_are_answered_over_tls_under_our_name():
    far = {"policy": OPEN, "client": "10.0.0.7", "host": "ACSNET.example.org"}
    assert refused(**far, scheme="https") is None
    assert refused(**far, scheme="https", origin="https://acsnet.example.org") is None
    assert refused(**far, scheme="https", origin="https://viewer.example.org") is None
    assert refused(**far, scheme="https", origin="https://other.example.org")[0] == 403
    assert "over https only" in refused(**far)[1]
    assert refused(**{**far, "host": "other.example.org"}, scheme="https")[0] == 403
    assert refused(**{**far, "policy": replace(OPEN, plain=True)}) is None


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_whoever_watches_the_server_by_address_and_without_tls_is_told_of_its_health(path):
    probe = {"client": "10.0.0.2", "host": "10.0.0.7:8000"}
    assert refused(policy=OPEN, path=path, **probe) is None
    assert refused(policy=OPEN, path=path, **probe, method="HEAD") is None
    assert refused(policy=OPEN, path=path, **probe, method="POST")[0] == 403
    assert refused(policy=OPEN, path=f"{path}/", **probe)[0] == 403
    assert refused(policy=OPEN, path="/metrics", **probe)[0] == 403
    assert refused(path=path, **probe)[0] == 403  # nobody has to log in: for this machine alone


BEHIND = replace(OPEN, behind_proxy=True)
SITE = "https://acsnet.example.org"


@pytest.mark.parametrize(
    "request_",
    [
        {"host": "acsnet.example.org", "origin": SITE},  # a proxy here that sends no scheme
        {"host": "acsnet.example.org"},
        {"origin": SITE},  # nor the host
        {"origin": f"{SITE}:8443"},
        {"client": "10.0.0.2", "host": "acsnet.example.org"},  # elsewhere, or not in the settings
        {"client": "10.0.0.2", "host": "acsnet:8000"},
        {"client": "10.0.0.2", "host": ""},
        {"client": "10.0.0.2", "host": "127.0.0.1:8000"},
    ],
)
@pytest.mark.parametrize("origins", [(), (SITE,)])
def test_what_a_reverse_proxy_leaves_out_is_told(request_, origins):
    """Also where that was taken for another site, and set in server.origins."""
    status, said = refused(policy=replace(BEHIND, origins=frozenset(origins)), **request_)
    assert status == 403
    assert "must pass on Host and send X-Forwarded-Proto: https, and server.proxies must" in said


def test_behind_a_reverse_proxy_this_machine_and_what_comes_by_it_pass():
    assert refused(policy=BEHIND) is None  # such as the health check of a container
    assert refused(policy=BEHIND, origin="http://127.0.0.1:8000") is None
    by_proxy = {"client": "10.0.0.7", "scheme": "https", "host": "acsnet.example.org"}
    assert refused(policy=BEHIND, **by_proxy, origin=SITE) is None
    said = refused(policy=BEHIND, **{**by_proxy, "host": "acsnet:8000"})[1]
    assert "see server.names, and let the reverse proxy pass on Host" in said
    plain = replace(BEHIND, plain=True)
    assert refused(policy=plain, client="10.0.0.7", host="acsnet.example.org") is None


@pytest.mark.parametrize(
    "query", ["tag=..%2F..", "image=%2Fetc%2Fpasswd", "label=a&tag=", "id=..", "image=a&image=%2Fb"]
)
def test_paths_in_the_query_are_refused(query):
    assert refused(path="/datastore/label", query=query)[0] == 400


def test_addresses_that_climb_are_refused():
    assert refused(path="/session/../x")[0] == 400


def test_a_refused_request_never_reaches_the_application():
    sent = []

    async def application(scope, receive, send):
        sent.append("reached")

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": "/info/",
        "query_string": b"tag=../..",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 1),
    }
    middleware = AccessPolicyMiddleware(application, Policy())
    asyncio.run(middleware(scope, None, send))
    assert sent[0]["status"] == 400
    assert b"tag must be" in sent[1]["body"]
    asyncio.run(middleware({**scope, "query_string": b"tag=final"}, None, send))
    assert sent[2:] == ["reached"]
