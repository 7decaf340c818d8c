"""What pages of other sites, and files that are opened as pages, can learn and do."""

import pytest
from starlette.datastructures import Headers

from acsnet.server.web.access_policy import Policy, refusal
from acsnet.server.web.headers import DATA_POLICY, PAGE_POLICY, VIEWER_POLICY

LISTED = "https://viewer.example.org"


def is_refused(headers, *, method="GET", path="/acsnet/cases/1.2.3/montage.png"):
    found = refusal(
        Policy(origins=frozenset({LISTED})),
        client="127.0.0.1",
        scheme="http",
        headers=Headers({"host": "127.0.0.1:8000", **headers}),
        method=method,
        path=path,
        query="",
    )
    return found is not None and found[0] == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("mode", "dest"), [("no-cors", "image"), ("no-cors", "script"), ("navigate", "iframe")]
)
def test_an_image_of_another_page_does_not_tell_which_patients_there_are(site, mode, dest):
    headers = {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
    assert is_refused(headers)
    assert is_refused(headers, method="HEAD")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
        {"sec-fetch-site": "same-origin", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {
            "sec-fetch-site": "cross-site",
            "sec-fetch-mode": "navigate",
            "sec-fetch-dest": "document",
        },
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors", "origin": LISTED},
    ],
    ids=["a program", "an address typed in", "an own page", "a link", "a listed site"],
)
def test_who_may_ask_still_may(headers):
    assert not is_refused(headers)


def test_another_page_learns_nothing_from_a_server_without_a_login(web):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    for image in (web.series, "no-such-patient"):
        answer = web.client.get(f"/datastore/image?image={image}", headers=headers)
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("path", "policy"),
    [
        ("/acsnet/", PAGE_POLICY),
        ("/acsnet/cases/nobody", PAGE_POLICY),
        ("/acsnet/style.css", PAGE_POLICY),
        ("/ohif/", VIEWER_POLICY),
        ("/info/", DATA_POLICY),
        ("/datastore/", DATA_POLICY),
        ("/datastore/image?image=phantom-2", DATA_POLICY),
        ("/dicomweb/studies", DATA_POLICY),
        ("/dicomweb/none", DATA_POLICY),
        ("/openapi.json", DATA_POLICY),
        ("/healthz", DATA_POLICY),
        ("/nothing/here", DATA_POLICY),
    ],
)
def test_every_answer_has_its_headers(web, path, policy):
    headers = web.client.get(path).headers
    assert headers.get_list("content-security-policy") == [policy]
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers["cross-origin-resource-policy"] == "same-origin"
    if not path.startswith(("/ohif/", "/acsnet/style.css")):
        assert headers["cache-control"] == "no-store"


def test_a_refusal_has_them_too(locked):
    for answer in (
        locked.client.get("/datastore/"),
        locked.client.get("/info/", headers={"Host": "evil.example.org"}),
        locked.client.put("/session/", headers={"Content-Length": "999999999999"}),
    ):
        assert answer.status_code in (401, 403, 413)
        assert answer.headers["content-security-policy"] == DATA_POLICY
        assert answer.headers["cache-control"] == "no-store"


def test_nothing_runs_in_data_that_is_opened_as_a_page():
    assert "sandbox" in DATA_POLICY
    assert "default-src 'none'" in DATA_POLICY
    assert "script-src 'self';" in PAGE_POLICY
    assert "unsafe" not in PAGE_POLICY
