"""What an error becomes on its way to a client."""

from typing import Annotated

import pytest
from fastapi import FastAPI, File, Form, UploadFile
from fastapi.testclient import TestClient

from acsnet.server.errors import ReplacedError
from acsnet.server.web.error_responses import add_error_handlers


def test_what_there_is_no_memory_for_is_asked_for_again_later():
    site = FastAPI()
    add_error_handlers(site)

    @site.get("/large")
    def large():
        raise MemoryError

    answer = TestClient(site).get("/large")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "not enough memory" in answer.json()["detail"]


@pytest.fixture
def form():
    """Sends a part `file` of a form, and gives the status and what is said."""
    site = FastAPI(form_limits={"max_files": 9, "max_fields": 9, "max_part_size": 1024})
    add_error_handlers(site)

    @site.put("/file")
    def take(file: Annotated[UploadFile, File()]):
        return {"detail": file.filename}

    def form(*, named="", content="abc", end="--b--\r\n"):
        head = f'--b\r\nContent-Disposition: form-data; name="file"{named}\r\n\r\n'
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        body = f"{head}{content}\r\n{end}"
        answer = TestClient(site).put("/file", content=body, headers=kind)
        return answer.status_code, answer.json()["detail"]

    return form


def test_what_is_wrong_with_a_form_is_said(form):
    named = '; filename="a.nii"'
    assert form(named=named) == (200, "a.nii")
    ends = "file: it is missing, or the form ends before its closing boundary (Content-Length?)"
    assert form(named=named, end="") == (422, ends)
    unnamed = "a file must be sent with a file name (filename=)"
    assert form() == (422, f"file: {unnamed}")
    assert form(content="a" * 2000) == (400, f"a field of the form is too long; {unnamed}")


@pytest.mark.parametrize("reads", [True, False])
def test_the_page_of_a_refused_form_shows_what_was_typed_and_no_more_of_it(reads):
    site = FastAPI()
    add_error_handlers(site)

    def keep(comment: Annotated[str, Form()] = ""):
        msg = "another one is there now"
        raise ReplacedError(msg)

    if reads:  # else there is nothing at the address, and nobody has read the form
        site.post("/acsnet/kept")(keep)
    form = {"comment": "<b>a\nb", "height_cm": "1,70m", "weight_kg": "", "password": "secret"}
    answer = TestClient(site).post("/acsnet/kept", data=form)
    assert answer.status_code == (409 if reads else 404)
    assert 'Comment <textarea rows="2" readonly>&lt;b&gt;a\nb</textarea>' in answer.text
    assert 'Height (cm) <textarea rows="2" readonly>1,70m</textarea>' in answer.text
    assert "Weight" not in answer.text
    assert "secret" not in answer.text
