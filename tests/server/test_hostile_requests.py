"""What a request names never becomes a path, and what it sends never does harm."""

import gzip
import io
import json
import os
from contextlib import ExitStack
from functools import partial
from urllib.parse import quote

import pydicom
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hostile_nifti import nifti_bytes
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from written_files import files_with_times

from acsnet.annotations import audit_log
from acsnet.errors import InputError
from acsnet.server.inference import tasks
from acsnet.server.inference.work_queue import VOLUMES, volume_place
from acsnet.server.state.paths import audit_log_file

pytestmark = pytest.mark.slow

SECRET = "the secret of this machine"
CLIMBS = {
    "up": "../../../../secret.txt",
    "encoded": "..%2f..%2f..%2f..%2fsecret.txt",
    "encoded twice": "%252e%252e%252fsecret.txt",
    "dot": ".",
    "dots": "..",
    "absolute": "/etc/passwd",
    "address": "file:///etc/passwd",
    "drive": "C:\\secret.txt",
    "backslash": "..\\..\\secret.txt",
    "NUL": "scan\0.nii.gz",
    "NUL encoded": "scan%00.nii.gz",
    "line end": "x\r\nSet-Cookie: a=b",
    "full width": "\uff0e\uff0e\uff0fsecret.txt",
    "two dots in one": "\u2025/secret.txt",
    "long": "x" * 5000,
    "long in bytes": "\u2603" * 199,
    "hidden": ".lock",
}
EXAMPLES = 5
"""Of each operation; more of them take minutes."""

FORMS = {"params": "{}", "version": "x", "by": "Ana"}


def operations(application):
    """Method, address, names of its path parameters and of its text parameters, whether a body."""
    for path, methods in application.openapi()["paths"].items():
        for method, operation in methods.items():
            named = operation.get("parameters", [])
            yield (
                method.upper(),
                path,
                [one["name"] for one in named if one["in"] == "path"],
                [one["name"] for one in named if one["in"] == "query"],
                operation.get("requestBody", {}).get("content", {}),
            )


@pytest.fixture
def outside(web):
    """No request changes a file outside the state folder."""
    (web.folder / "secret.txt").write_text(SECRET)
    before = files_with_times(web.folder, leave_out=web.folder / "state")
    yield
    assert files_with_times(web.folder, leave_out=web.folder / "state") == before
    (web.folder / "secret.txt").unlink()


@pytest.mark.parametrize("climb", CLIMBS.values(), ids=CLIMBS)
def test_no_endpoint_that_takes_a_name_leaves_its_folder(web, outside, monkeypatch, climb):
    def infer(request):
        msg = "not in this test"
        raise InputError(msg)

    monkeypatch.setattr(web.app, "infer", infer)
    tried = 0
    for method, path, inside, asked, body in operations(web.application):
        if method == "DELETE" and path == "/batch/infer":
            continue
        filled = path
        for name in inside:
            filled = filled.replace(f"{{{name}}}", quote(climb, safe=""))
        sent = {}
        if "multipart/form-data" in body or "application/x-www-form-urlencoded" in body:
            content = ("x.nii.gz", gzip.compress(nifti_bytes()))
            sent = {"data": FORMS, "files": {"file": content, "label": content, "files": content}}
        elif body:
            sent = {"json": {"images": [climb]}}
        for query in ({}, *({name: climb} for name in asked)):
            answer = web.client.request(method, filled, params={"image": "x", **query}, **sent)
            assert answer.status_code < 500, (method, path, query, answer.text[:200])
            assert SECRET not in answer.text
            assert "root:" not in answer.text
            tried += 1
    assert tried > 50


@pytest.mark.parametrize("climb", CLIMBS.values(), ids=CLIMBS)
def test_no_file_name_of_an_upload_leaves_its_folder(web, outside, climb):
    for address in ("/datastore/image", "/datastore/", "/session/", "/infer/acsnet"):
        method = "POST" if address.startswith("/infer") else "PUT"
        field = "files" if address == "/session/" else "file"
        files = [(field, (f"{climb}.exe", b"x")), (field, (f"{climb}.exe", b"y"))]
        answer = web.client.request(method, address, files=files)
        assert 400 <= answer.status_code < 500


HOSTILE = {
    "empty": b"",
    "text": b"no image",
    "truncated gzip": gzip.compress(nifti_bytes())[:-60],
    "huge": gzip.compress(nifti_bytes(dim=[3, 32767, 32767, 32767, 1, 1, 1, 1])),
    "large": gzip.compress(nifti_bytes(dim=[3, 2048, 2048, 900, 1, 1, 1, 1]) + bytes(10**7)),
    "extensions": gzip.compress(nifti_bytes(vox_offset=2e9)),
    "NaN": gzip.compress(nifti_bytes(scl_slope=1, scl_inter=3e38, datatype=64, bitpix=64)),
    "no spacing": gzip.compress(nifti_bytes(pixdim=[1, 0, 1.5, 8, 1, 1, 1, 1], sform_code=0)),
    "zero affine": gzip.compress(nifti_bytes(srow_x=0, srow_y=0, srow_z=0, sform_code=1)),
    "complex": gzip.compress(nifti_bytes(datatype=32, bitpix=64)),
    "colour": gzip.compress(nifti_bytes(datatype=128, bitpix=24)),
    "magic": gzip.compress(nifti_bytes(magic=b"abc")),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_gets_one_sentence_wherever_it_is_sent(web, content):
    file = ("x.nii.gz", content)
    image = {"image": "a & <i>b"}
    for answer in (
        web.client.post("/infer/acsnet", files={"file": file}),
        web.client.put("/datastore/image", files={"file": file}),
        web.client.put("/datastore/label", params=image, files={"label": file}),
        web.client.post("/infer/acsnet_correct", params=image, files={"label": file}),
    ):
        assert answer.status_code == 422
        assert "\n" not in answer.json()["detail"]
        assert str(web.folder) not in answer.text
    assert list((web.app.scratch).glob("tmp*")) == []


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"Rows": 65535, "Columns": 65535}, "too large: 8 slices of 65535 x 65535"),
        ({"PixelSpacing": [0, -1]}, "must be positive"),
        ({"PixelData": b"\0" * 10}, "do not fill the matrix"),
    ],
)
def test_a_hostile_series_in_a_session_gets_one_sentence(web, tags, reason):
    files = []
    for path in sorted((web.studies / "phantom-1").iterdir()):
        dataset, stream = pydicom.dcmread(path), io.BytesIO()
        for tag, value in tags.items():
            setattr(dataset, tag, value)
        dataset.save_as(stream)
        files.append(("files", (path.name, stream.getvalue())))
    session = web.client.put("/session/", files=files).json()["session_id"]
    answer = web.client.post("/infer/acsnet", params={"session_id": session})
    assert answer.status_code == 422
    assert reason in answer.json()["detail"]
    assert web.client.delete(f"/session/{session}").status_code == 200


@pytest.mark.parametrize(
    "params",
    [
        "[" * 100_000,
        '{"client_id": ' * 50_000,
        "1" * 5000,
        '{"client_id": "%s"}' % ("x" * 65),
        '{"client_id": "a\\nb"}',
        '{"client_id": "\\ud800"}',
        '{"scar_method": {"a": NaN}}',
        '{"result_extension": ["/etc"]}',
        '{"label_info": 3}',
    ],
)
def test_hostile_parameters_are_refused_before_anything_runs(web, params):
    files = {"label": ("x.nii.gz", gzip.compress(nifti_bytes()))}
    for method, address in (("POST", "/infer/acsnet_correct"), ("PUT", "/datastore/label")):
        answer = web.client.request(
            method, address, params={"image": "a & <i>b"}, data={"params": params}, files=files
        )
        assert answer.status_code == (422 if len(params) < 256 * 1024 else 400)


@pytest.mark.parametrize(
    "body",
    [b'{"images": NaN}', b'{"images": ["\\ud800"]}', b"[" * 100_000, b"\xff", b'{"images": 1e999}'],
)
def test_a_body_that_json_cannot_answer_with_is_refused(web, body):
    for address in ("/batch/infer", "/activelearning/random", "/train/all"):
        answer = web.client.post(
            address, content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code < 500


def test_a_name_in_the_audit_log_is_short_and_on_one_line(web):
    for name in ("x" * 65, "a\n{}", "\x1b[2J"):
        for address in ("/activelearning/random", "/train/all"):
            assert web.client.post(address, json={"client_id": name}).status_code == 422
    log = audit_log_file()
    lines = log.read_text().splitlines() if log.exists() else []
    assert all(len(line) < 2000 and json.loads(line) for line in lines)
    assert len(audit_log.read(log)) == len(lines)


def test_what_is_no_scan_is_not_served_whatever_it_is_called(web):
    (web.folder / "passwords").write_text(SECRET)
    link, pipe = web.studies / "evil.nii", web.studies / "pipe.nii"
    link.symlink_to(web.folder / "passwords")
    os.mkfifo(pipe)
    try:
        web.app.datastore().refresh()
        listed = web.client.get("/datastore/?output=all").json()["objects"]
        assert "pipe" not in listed
        answer = web.client.get("/datastore/image?image=evil")
        assert (answer.status_code, SECRET in answer.text) == (422, False)
    finally:
        link.unlink()
        pipe.unlink()


def test_scans_for_which_there_is_no_place_are_asked_for_again_later(web, monkeypatch):
    monkeypatch.setattr(tasks, "volume_place", partial(volume_place, wait_s=0.01))
    scan = {"file": ("x.nii.gz", gzip.compress(nifti_bytes()))}
    with ExitStack() as held:
        for _ in range(VOLUMES):
            held.enter_context(volume_place())
        answer = web.client.post("/infer/roi", files=scan)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "15")


def test_a_fault_of_ours_is_told_without_a_word_of_what_it_was(web, monkeypatch, caplog):
    def fail():
        msg = f"/studies/{SECRET}.nii"
        raise OSError(msg)

    monkeypatch.setattr(web.app.batch, "status", fail)
    client = TestClient(
        web.application,
        base_url="http://127.0.0.1:8000",
        client=("127.0.0.1", 1),
        raise_server_exceptions=False,
    )
    answer = client.get("/batch/infer", headers={"X-Request-ID": "abc"})
    assert answer.status_code == 500
    assert SECRET not in answer.text
    assert answer.headers["x-request-id"] == "abc"


def test_nothing_that_the_api_describes_ends_in_a_fault_of_ours(web):
    """Requests made from the OpenAPI document, valid ones and others."""

    async def from_here(scope, receive, send):
        if scope["type"] == "http":
            others = [pair for pair in scope["headers"] if pair[0] != b"host"]
            here = {"client": ("127.0.0.1", 1), "headers": [*others, (b"host", b"127.0.0.1")]}
            await web.application({**scope, **here}, receive, send)

    schema = schemathesis.openapi.from_asgi("/openapi.json", from_here)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 30
    for operation in operations:

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case):
            case.call_and_validate(checks=[not_a_server_error])

        ask()
