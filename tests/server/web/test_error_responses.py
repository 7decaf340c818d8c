"""What an error becomes on its way to a client."""

from fastapi import FastAPI
from fastapi.testclient import TestClient

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
