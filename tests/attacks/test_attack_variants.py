"""Other ways to do what the attacks of this folder do: each kind is closed, not one case of it."""

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections import Counter
from contextlib import contextmanager, suppress

import pytest
from starlette.websockets import WebSocketDisconnect

from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.server.web.connections import TlsDoor

pytestmark = pytest.mark.slow

FORGED = "Forged Name"
FIELDS = ("by", "user", "client_id", "author", "reader", "reviewer", "creator", "user_name")


def nrrd(path, *, sizes, mm, content):
    header = (
        "NRRD0004\ntype: uint8\ndimension: 3\nspace: left-posterior-superior\n"
        f"sizes: {' '.join(map(str, sizes))}\n"
        f"space directions: ({mm},0,0) (0,{mm},0) (0,0,8)\n"
        "kinds: domain domain domain\nencoding: gzip\nspace origin: (0,0,0)\n\n"
    )
    path.write_bytes(header.encode() + gzip.compress(content))


def metaimage(path, *, sizes, mm, content):
    packed = zlib.compress(content)
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        f"CompressedData = True\nCompressedDataSize = {len(packed)}\n"
        "TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\n"
        f"ElementSpacing = {mm} {mm} 8\nDimSize = {' '.join(map(str, sizes))}\n"
        "ElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    )
    path.write_bytes(header.encode() + packed)


@pytest.mark.parametrize(("write", "ending"), [(nrrd, "nrrd"), (metaimage, "mha")])
@pytest.mark.parametrize(
    ("sizes", "mm", "kept"),
    [((2048, 2048, 4), 4.9, 2048 * 2048 * 4), ((64, 64, 6), 1.5, 300_000_000)],
)
def test_other_packed_volumes_ask_for_no_gigabytes_either(
    tmp_path, write, ending, sizes, mm, kept, peak_mb
):
    """Wide pixels, and 300 MB of zeros where the header speaks of 25 kB: no more is read."""
    path = tmp_path / f"bomb.{ending}"
    write(path, sizes=sizes, mm=mm, content=bytes(kept))
    assert path.stat().st_size < 400_000
    with peak_mb() as grown, suppress(AcsnetError):
        read_scan(path)
    assert grown() < 250


@pytest.fixture
def peak_mb():
    """How much numpy and Python have at most in a block, in MB."""

    @contextmanager
    def watch():
        tracemalloc.start()
        peak = []
        try:
            yield lambda: peak[0] / 2**20
        finally:
            peak.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

    return watch


def test_a_packed_body_is_not_unpacked(web):
    """A `Content-Encoding` is none that the server knows: the body is not JSON as it is."""
    body = gzip.compress(bytes(10_000_000))
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = web.client.post("/activelearning/random", content=body, headers=headers)
    assert 400 <= answer.status_code < 500


def test_a_body_without_its_length_is_refused(web):
    """Sent piece by piece (chunked), it could be any size and of any type."""

    def pieces():
        yield b"{}"

    for method, path in (("POST", "/activelearning/random"), ("PUT", "/datastore/image?image=x")):
        answer = web.client.request(method, path, content=pieces())
        assert answer.status_code in (411, 413), (path, answer.status_code)


@pytest.mark.parametrize("path", ["/acsnet/", "/infer/acsnet", "/dicomweb/studies", "/x"])
def test_no_address_becomes_a_web_socket(web, path):
    with pytest.raises(WebSocketDisconnect), web.client.websocket_connect(path):
        pass


class Transport:
    """A connection from an address; whether it was ended at once."""

    def __init__(self, host):
        self.host, self.is_ended = host, False

    def get_extra_info(self, name):
        return (self.host, 1) if name == "peername" else None

    def pause_reading(self):
        pass

    def abort(self):
        self.is_ended = True


def test_neighbours_of_an_ipv6_network_are_one_address_for_handshakes(monkeypatch):
    monkeypatch.setattr(TlsDoor, "_secure", lambda *_: asyncio.sleep(0))

    async def connect(hosts):
        door = type("Door", (TlsDoor,), {"max_of_one": 3, "_under_way": Counter()})
        lines = [Transport(host) for host in hosts]
        for line in lines:
            door().connection_made(line)
        return [line.is_ended for line in lines]

    neighbours = [f"2001:db8::{number}" for number in range(1, 5)]
    assert asyncio.run(connect(neighbours)) == [False] * 3 + [True]
    mapped = [f"::ffff:10.0.0.{number}" for number in range(1, 5)]
    assert not any(asyncio.run(connect(mapped)))
    assert not any(asyncio.run(connect(["::1"] * 5)))


def forms(name):
    """Every field in which a client could say who it is."""
    return dict.fromkeys(FIELDS, name)


def test_no_way_in_takes_another_name_than_that_of_the_login(locked):
    """As form, as JSON, in the address: what is stored has the name of the login, or nobody's."""
    ada, image = locked.people["ada"], locked.series
    said = forms(FORGED)
    asked = [
        (
            "POST",
            f"/infer/acsnet?image={image}&output=json",
            {"data": {"params": json.dumps(said)}},
        ),
        ("POST", f"/acsnet/cases/{image}/details", {"data": {**said, "comment": "short"}}),
        ("POST", f"/acsnet/cases/{image}/accept", {"json": {**said, "version": "original"}}),
        ("POST", f"/acsnet/cases/{image}/withdraw", {"json": {**said, "version": "final"}}),
        ("POST", f"/acsnet/cases/{image}/reject", {"json": {**said, "version": "original"}}),
        ("POST", f"/acsnet/cases/{image}/segment", {"data": said}),
        ("PUT", f"/acsnet/cases/{image}/edit", {"json": said}),
        ("POST", f"/acsnet/cases/{image}/edit", {"json": said}),
        ("POST", f"/acsnet/cases/{image}/click", {"json": said}),
        ("POST", "/activelearning/random", {"json": said}),
        ("GET", "/acsnet/next", {}),
        ("DELETE", f"/datastore/label?id={image}&tag=final", {}),
    ]
    for method, path, sent in asked:
        joined = "&" if "?" in path else "?"
        query = "&".join(f"{name}={FORGED.replace(' ', '+')}" for name in ("by", "user"))
        answer = ada.request(method, f"{path}{joined}{query}", **sent)
        assert answer.status_code < 500, (path, answer.text)
    told = [
        file
        for file in locked.state.rglob("*")
        if file.suffix in (".json", ".jsonl", ".reviewed", ".withdrawn")
        and FORGED in file.read_text(errors="replace")
    ]
    assert told == []
    audit = (locked.state / "audit.jsonl").read_text()
    assert '"user": "ada"' in audit
