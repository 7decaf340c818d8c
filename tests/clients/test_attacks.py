"""Attacks over HTTP on a running server, by somebody who is logged in as its admin."""

import gzip
import http.client
import io
import json
import struct
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import pydicom
import pytest
import requests
import schemathesis
from hostile_nifti import bomb_of_pixels, gzipped_zeros, nifti_bytes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless
from schemathesis.checks import not_a_server_error
from written_files import files_with_times

pytestmark = pytest.mark.attacks

LONGEST_S = 60
"""For any answer."""
LOGOUT = "/acsnet/logout"
"""Whoever asks for it is refused whatever is asked next."""
MAX_MORE_BYTES = 600_000_000
"""What the largest scan that is taken may need."""
SECRET = "the secret of this machine"
CLIMBS = (
    "../../../../secret.txt",
    "..",
    "%2e%2e%2f%2e%2e%2fsecret.txt",
    "/etc/passwd",
    "file:///etc/passwd",
    "..\\..\\secret.txt",
    "C:\\secret.txt",
    "scan\0.nii.gz",
    "x\r\nSet-Cookie: a=b",
    "\uff0e\uff0e\uff0fsecret.txt",
    "x" * 5000,
    ".lock",
)
FUZZ = settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module", autouse=True)
def untouched(site):
    """Nothing is written but the state, and no temporary file is left."""
    (site.folder / "secret.txt").write_text(SECRET)
    before = files_with_times(site.folder, leave_out=site.state)
    yield
    after = files_with_times(site.folder, leave_out=site.state)
    written = {path for path in before | after if before.get(path) != after.get(path)}
    assert {path for path in written if "/tmp/matplotlib/" not in path} == set()
    entry = requests.get(f"{site.url}/readyz", timeout=LONGEST_S).json()
    assert entry == {"ready": True, "reasons": []}


class Line:
    """A connection that sends addresses as they are: libraries would put them in order."""

    def __init__(self, site, person):
        self._site, self._headers = site, dict(person.headers)
        self._connection = None

    def ask(self, method, address, *, body=b"", kind="", query=""):
        """Status, headers and text of an answer; a line that the server closed is opened anew."""
        host = urlsplit(self._site.url).netloc
        self._connection = self._connection or http.client.HTTPConnection(host, timeout=LONGEST_S)
        self._connection.putrequest(method, address + query, skip_accept_encoding=True)
        for key in ("Authorization", "Accept"):
            self._connection.putheader(key, self._headers[key])
        if kind:
            self._connection.putheader("Content-Type", kind)
        self._connection.putheader("Content-Length", str(len(body)))
        self._connection.endheaders(body)
        answer = self._connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        if answer.will_close:
            self._connection.close()
            self._connection = None
        return answer.status, answer.headers, text


@pytest.fixture
def line(site, people):
    return Line(site, people["ada"])


def operations(site, people):
    """Method, address, names of path and of query parameters, kind of the body; no logout."""
    schema = people["ada"].get(f"{site.url}/openapi.json", timeout=LONGEST_S).json()
    for path, methods in schema["paths"].items():
        if path == LOGOUT:
            continue
        for method, operation in methods.items():
            named = operation.get("parameters", [])
            yield (
                method.upper(),
                path,
                [one["name"] for one in named if one["in"] == "path"],
                [one["name"] for one in named if one["in"] == "query"],
                next(iter(operation.get("requestBody", {}).get("content", {})), ""),
            )


def body_of(site, kind, climb):
    """A body that names a path wherever it names anything."""
    if kind == "application/json":
        return json.dumps({"images": [climb], "client_id": climb}).encode(), kind
    if kind.startswith("application/x-www-form-urlencoded"):
        return urlencode({"version": climb, "by": "Ana", "name": climb}).encode(), kind
    if kind.startswith("multipart"):
        file = (f"{climb}.nii.gz", b"no image")
        files = [(name, file) for name in ("file", "label", "files")]
        request = requests.Request("POST", site.url, data={"params": "{}"}, files=files).prepare()
        return request.body, request.headers["Content-Type"]
    return b"", ""


@pytest.mark.parametrize("climb", CLIMBS)
def test_no_endpoint_that_takes_a_name_leaves_its_folder(site, people, line, climb):
    tried = 0
    for method, path, inside, asked, kind in operations(site, people):
        body, kind = body_of(site, kind, climb)
        whole = quote(climb, safe="")
        addresses = [path.replace("{", "").replace("}", "")]
        for shape in (whole, quote(climb, safe="/\\"), whole.replace("%", "%25")):
            filled = path
            for name in inside:
                filled = filled.replace(f"{{{name}:path}}", shape).replace(f"{{{name}}}", shape)
            addresses.append(filled)
        queries = ["", *(f"?{urlencode({name: climb})}" for name in asked)]
        for address in dict.fromkeys(addresses):
            for query in queries:
                status, headers, text = line.ask(method, address, body=body, kind=kind, query=query)
                assert status < 500, (method, address, query, text[:200])
                assert SECRET not in text
                assert "root:" not in text
                assert "a=b" not in (headers.get("set-cookie") or "")
                tried += 1
    assert tried > 100


def peak_bytes(process):
    """The most memory that a process has had."""
    rows = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (row,) = [row for row in rows if row.startswith("VmHWM")]
    return int(row.split()[1]) * 1024


def series(samples, change):
    """The files of a DICOM series, as a client sends them."""
    for path in sorted((samples / "dicom" / "phantom-1").iterdir()):
        dataset, stream = pydicom.dcmread(path), io.BytesIO()
        change(dataset)
        dataset.save_as(stream)
        yield "files", (path.name, stream.getvalue())


def packed(dataset):
    """Compressed pixels that are 128 times what the header says."""
    runs = bytes([129, 0]) * 2**20
    dataset.PixelData = encapsulate([struct.pack("<16I", 1, 64, *[0] * 14) + runs])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = RLELossless


def huge(dataset):
    dataset.Rows = dataset.Columns = 65535


BOMBS = {
    "behind a small scan": lambda: gzip.compress(b"no image") + gzipped_zeros(2**30),
    "pixels": bomb_of_pixels,
    "sizes": lambda: (
        gzip.compress(nifti_bytes(dim=[3, 2048, 2048, 990, 1, 1, 1, 1])) + gzipped_zeros(2**26)
    ),
    "extensions": lambda: (
        gzip.compress(
            nifti_bytes(vox_offset=2e9)[:348] + b"\1\0\0\0" + struct.pack("<ii", 2**31 - 16, 6)
        )
        + gzipped_zeros(2**30)
    ),
    "gzip in gzip": lambda: gzip.compress(gzip.compress(nifti_bytes()) + gzipped_zeros(2**28)),
    "zip": lambda: b"PK\3\4" + bytes(100),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_in_bounded_time_and_memory(site, people, bomb):
    content, before = BOMBS[bomb](), peak_bytes(site.process)
    assert len(content) < 3_000_000
    image = {"image": min(site.studies.iterdir()).name.removesuffix(".nii.gz")}
    for method, address, field in (
        ("POST", "/infer/acsnet", "file"),
        ("POST", "/infer/acsnet_correct", "label"),
        ("PUT", "/datastore/image", "file"),
        ("PUT", "/datastore/label", "label"),
    ):
        answer = people["ada"].request(
            method,
            f"{site.url}{address}",
            params={} if field == "file" else image,
            files={field: ("x.nii.gz", content)},
            timeout=LONGEST_S,
        )
        assert answer.status_code == 422, answer.text
    assert peak_bytes(site.process) < before + MAX_MORE_BYTES


@pytest.mark.parametrize("change", [packed, huge])
def test_a_bomb_of_a_series_is_refused(site, people, samples, change):
    before = peak_bytes(site.process)
    files = list(series(samples, change))
    sent = people["ana"].put(f"{site.url}/session/", files=files, timeout=LONGEST_S).json()
    answer = people["ana"].post(f"{site.url}/infer/acsnet", params=sent, timeout=LONGEST_S)
    assert answer.status_code == 422, answer.text
    address = f"{site.url}/session/{sent['session_id']}"
    assert people["ana"].delete(address, timeout=LONGEST_S).ok
    assert peak_bytes(site.process) < before + MAX_MORE_BYTES


damage = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)),
    min_size=1,
    max_size=6,
)


def damaged(content, changes):
    """Bytes with some overwritten, at places told as shares of the length."""
    out = bytearray(content)
    for share, piece in changes:
        at = int(share * len(out))
        out[at : at + len(piece)] = piece
    return bytes(out)


@FUZZ
@given(changes=damage, zipped=st.booleans())
def test_a_damaged_file_is_refused_or_read(site, people, changes, zipped):
    """Wherever the damage is: in the header of a file, or in its gzip stream."""
    content = (
        damaged(gzip.compress(nifti_bytes()), changes)
        if zipped
        else gzip.compress(damaged(nifti_bytes()[:400], changes) + nifti_bytes()[400:])
    )
    files = {"file": ("x.nii.gz", content)}
    answer = people["ana"].post(f"{site.url}/infer/roi", files=files, timeout=LONGEST_S)
    assert answer.status_code in (200, 422), answer.text


@settings(FUZZ, max_examples=10)
@given(changes=damage, which=st.integers(0, 7))
def test_a_damaged_series_is_refused_or_read(site, people, samples, changes, which):
    files = list(series(samples, lambda dataset: None))
    name, content = files[which][1]
    files[which] = ("files", (name, damaged(content[:3000], changes) + content[3000:]))
    answer = people["ana"].put(f"{site.url}/session/", files=files, timeout=LONGEST_S)
    assert answer.status_code in (200, 422), answer.text
    if answer.ok:
        sent = {"session_id": answer.json()["session_id"]}
        answer = people["ana"].post(f"{site.url}/infer/roi", params=sent, timeout=LONGEST_S)
        assert answer.status_code in (200, 422), answer.text
        people["ana"].delete(f"{site.url}/session/{sent['session_id']}", timeout=LONGEST_S)


def test_nothing_that_the_api_describes_ends_in_a_fault_of_ours(site, people):
    """Requests made from the OpenAPI document, sent over HTTP, valid ones and others."""
    auth = {"Authorization": people["ada"].headers["Authorization"]}
    schema = schemathesis.openapi.from_url(f"{site.url}/openapi.json", headers=auth)
    operations = [found.ok() for found in schema.exclude(path=LOGOUT).get_all_operations()]
    assert len(operations) > 30
    for operation in operations:

        @settings(FUZZ, max_examples=5)
        @given(case=operation.as_strategy())
        def ask(case):
            case.call_and_validate(checks=[not_a_server_error], headers=auth, timeout=LONGEST_S)

        ask()
