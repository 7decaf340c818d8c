"""Bodies that do not come, that are too long, or of another kind than their route takes."""

import asyncio
import gzip
import json
from pathlib import Path

import httpx
import pytest
from starlette.datastructures import Headers

from acsnet.server.auth.body_limits import PersonalPlaces, body_refusal, rule_of, takes_place
from acsnet.server.auth.roles import BODIES, KILO, MEGA, RULES, UPLOAD
from acsnet.server.errors import VolumesError
from acsnet.server.identity import Person, Role, request_of
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.web.load_limits import CountTraffic, Traffic

MULTIPART = "multipart/form-data; boundary=x"
NIFTI = b'--x\r\nContent-Disposition: form-data; name="file"; filename="x.nii.gz"\r\n\r\n'


def refused(method, path, *, kind, length):
    headers = Headers({"content-type": kind, "content-length": str(length)})
    found = body_refusal(rule_of(method, path), headers, upload_mb=512)
    return None if found is None else found[0]


@pytest.mark.parametrize(
    ("method", "path", "kind", "length", "status"),
    [
        ("POST", "/acsnet/login", MULTIPART, 512 * 2**20, 413),
        ("POST", "/auth/token", "application/x-www-form-urlencoded", 17 * 1024, 413),
        ("POST", "/acsnet/cases/a/accept", MULTIPART, 2**20, 413),
        ("POST", "/infer/acsnet", "application/x-www-form-urlencoded", 2**21, 413),
        ("POST", "/infer/acsnet", "multipart/mixed; boundary=x", 10, 415),
        ("POST", "/infer/acsnet", "multipart/form-datax; boundary=x", 10, 415),
        ("POST", "/batch/infer", MULTIPART, 10, 415),
        ("POST", "/batch/infer", "application/json", 2**21, 413),
        ("POST", "/dicomweb/studies", MULTIPART, 10, 415),
        ("POST", "/dicomweb/studies", "multipart/related; boundary=x", 65 * 2**20, 413),
        ("DELETE", "/session/abc", "application/json", 2**20, 413),
        ("POST", "/infer/acsnet", MULTIPART, 512 * 2**20, None),
        ("PUT", "/datastore/", MULTIPART, 512 * 2**20, None),
        ("POST", "/infer/acsnet", "", 0, None),
        ("POST", "/auth/token", MULTIPART, 200, None),
        ("POST", "/activelearning/first", "application/json; charset=utf-8", 30, None),
        ("POST", "/dicomweb/studies/1.2", 'multipart/related; type="application/dicom"', 99, None),
    ],
)
def test_bodies_are_limited_by_route_and_exact_type(method, path, kind, length, status):
    assert refused(method, path, kind=kind, length=length) == status


def test_uploads_say_their_size_and_keep_to_the_limit():
    rule = rule_of("PUT", "/datastore/image")
    too_long = (413, "an upload may have at most 1 MB")
    for length in (2**20 + 1, "-1"):
        headers = Headers({"content-type": MULTIPART, "content-length": str(length)})
        assert body_refusal(rule, headers, upload_mb=1) == too_long
    headers = Headers({"content-length": str(2**20 + 1)})  # of no type: size is what is wrong
    assert body_refusal(rule, headers, upload_mb=1) == too_long
    headers = Headers({"content-type": MULTIPART, "content-length": str(2**20)})
    assert body_refusal(rule, headers, upload_mb=1) is None


@pytest.mark.parametrize(
    ("method", "path", "refused"),
    [
        ("PUT", "/datastore/image", True),
        ("POST", "/activelearning/first", True),
        ("POST", "/scoring/sum", False),
        ("GET", "/acsnet/", False),
        ("HEAD", "/datastore/image", False),
        ("DELETE", "/train/", False),
    ],
)
def test_a_body_of_unknown_length_is_for_no_route_that_reads_one(method, path, refused):
    """Sent piece by piece (chunked), it could be any size; some clients say so without a body."""
    headers = Headers({"content-type": MULTIPART, "transfer-encoding": "chunked"})
    said = (411, "send the request with its Content-Length") if refused else None
    assert body_refusal(rule_of(method, path), headers, upload_mb=512) == said


def test_a_login_is_small(locked):
    answer = locked.client.post("/auth/token", data={"username": "a", "password": "x" * 20_000})
    assert answer.status_code == 413


def test_plain_fields_do_not_fill_the_memory(web):
    """Four fields of 0.3 MB, and a hundred short ones: of such 512 MB were kept before."""
    for count, size in ((4, 300_000), (100, 1)):
        fields = {f"f{k}": (None, "x" * size) for k in range(count)}
        answer = web.client.post("/infer/acsnet", files=fields)
        assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", {"Content-Length": "1000000"}),
        ("DELETE", {"Content-Length": "5000"}),  # for these no time is set
        ("POST", {"Content-Length": "9", "Transfer-Encoding": "chunked"}),
        ("POST", {"Transfer-Encoding": "chunked"}),
    ],
)
def test_no_long_body_is_read_to_refuse_who_is_not_logged_in(locked, method, headers):
    """Their page shows what was typed into a form; of 900 MB it kept 1800 before."""
    parts = []

    async def body():
        for _ in range(10):
            parts.append(0)
            yield b"comment=" + b"a" * 99_992

    async def attack():
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
        send = Clients(locked.application).client.request
        return await send(method, "/acsnet/nothing", content=body(), headers={**kind, **headers})

    assert asyncio.run(attack()).status_code == 401
    assert parts == []


def test_what_takes_a_place_is_work_and_no_login_no_logout_no_review():
    assert takes_place("POST", "/infer/acsnet")
    assert takes_place("PUT", "/session")
    assert takes_place("POST", "/acsnet/cases/a/segment")
    for path in ("/acsnet/logout", "/acsnet/login", "/auth/token", "/acsnet/cases/a/accept"):
        assert not takes_place("POST", path)
    assert not takes_place("GET", "/acsnet/")


class Clients:
    """Clients of one application that send bodies as they like."""

    def __init__(self, application):
        self._transport = httpx.ASGITransport(application, client=("127.0.0.1", 1))
        self.client = httpx.AsyncClient(transport=self._transport, base_url="http://127.0.0.1:8000")

    def stalled(self, hold):
        """A request of which only the head and a first part come."""

        async def body():
            yield NIFTI
            await hold.wait()
            yield b"--x--\r\n"

        headers = {"Content-Length": "1000000", "Content-Type": MULTIPART}
        return self.client.post("/infer/acsnet", content=body(), headers=headers)


def test_sockets_without_a_byte_shut_nobody_out(web):
    """A hundred of them, where there are 24 places; the honest request is served meanwhile."""
    seen = Traffic()

    async def attack():
        hold = asyncio.Event()
        application = CountTraffic(web.application, seen, takes_place=takes_place, idle_s=1.0)
        clients = Clients(application)
        stalled = [asyncio.ensure_future(clients.stalled(hold)) for _ in range(100)]
        await asyncio.sleep(0.5)
        files = {"file": ("x.nii.gz", gzip.compress(b"no image"))}
        honest = await clients.client.post("/infer/roi", files=files)
        answers = await asyncio.gather(*stalled)
        return honest, answers

    honest, answers = asyncio.run(attack())
    assert honest.status_code == 422  # it was looked at
    assert {answer.status_code for answer in answers} == {408}
    assert (seen.under_way, seen.uploads) == (0, 0)


def test_one_person_has_half_of_the_places(monkeypatch):
    monkeypatch.setenv("ACSNET_LIMITS_WAITING", "0")  # 8 places in all

    async def attack():
        hold = asyncio.Event()

        async def slow(scope, receive, send):
            await hold.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        application = PersonalPlaces(slow)
        clients = Clients(application)
        with request_of(Person("mallory", Role.ANNOTATOR)):
            many = [asyncio.ensure_future(clients.client.post("/infer/roi")) for _ in range(6)]
        await asyncio.sleep(0.1)
        with request_of(Person("ana", Role.ANNOTATOR)):
            honest = asyncio.ensure_future(clients.client.post("/infer/roi"))
        await asyncio.sleep(0.1)
        hold.set()
        return await honest, await asyncio.gather(*many)

    honest, many = asyncio.run(attack())
    assert honest.status_code == 200
    assert sorted(answer.status_code for answer in many) == [200] * 4 + [503] * 2


def test_every_route_that_reads_a_body_says_which(web):
    """The table and the application agree: bodies that are read are those that are listed."""
    document = web.client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            kinds = set(operation.get("requestBody", {}).get("content", {}))
            rule = RULES.get((method.upper(), path))
            if kinds and rule is not None:
                assert kinds <= set(BODIES[rule.body]), (method, path, kinds)


def routes_table() -> str:
    """All routes as a table in Markdown, as docs/security.md has it."""
    rows = ["| route | role | body | audit event |", "|---|---|---|---|"]
    for (method, path), rule in RULES.items():
        kinds = ", ".join(f"{kind} {size_of(most)}" for kind, most in BODIES[rule.body].items())
        rows.append(f"| `{method} {path}` | {rule.role.word} | {kinds} | {rule.event} |")
    return "\n".join(rows)


def size_of(most: int) -> str:
    if most == UPLOAD:
        return "`limits.upload_mb`"
    return f"{most // MEGA} MB" if most >= MEGA else f"{most // KILO} kB"


def test_the_table_in_the_docs_is_that_of_the_application():
    text = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    assert routes_table() in text


def test_a_deep_json_is_no_fault_of_the_server(web):
    deep = json.loads("[" * 500 + "]" * 500)
    assert web.client.post("/activelearning/first", json={"x": deep}).status_code < 500


def test_one_person_has_one_scan_in_memory_beside_the_networks():
    with request_of(Person("mallory", Role.ANNOTATOR)), volume_place():
        with pytest.raises(VolumesError, match="for you already"), volume_place(wait_s=0.01):
            pass
        with volume_place(personal=False, wait_s=0.01):
            pass
        with request_of(Person("ana", Role.ANNOTATOR)), volume_place(wait_s=0.01):
            pass
