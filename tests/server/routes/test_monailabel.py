"""MONAI Label's own routes, as this server runs them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from acsnet.server.routes.monailabel import STOCK_ROUTES, add_stock_routes, in_thread


def test_all_of_them_are_there_and_no_others():
    application = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    add_stock_routes(application)
    there = {(method, route.path) for route in application.routes for method in route.methods}
    assert there == STOCK_ROUTES


def test_one_that_waits_does_not_hold_up_the_next():
    together = threading.Barrier(2, timeout=20)

    async def endpoint(name: str) -> str:
        together.wait()
        return name

    application = FastAPI()
    application.add_api_route("/{name}", in_thread(endpoint))
    with TestClient(application) as client, ThreadPoolExecutor(2) as both:
        answers = both.map(lambda name: client.get(f"/{name}").json(), ("a", "b"))
        assert list(answers) == ["a", "b"]


@pytest.mark.parametrize("lines", ["0", "-1", "x"])
def test_the_log_is_text_and_takes_a_count(web, monkeypatch, lines):
    monkeypatch.setattr("acsnet.server.routes.health.settings.MONAI_LABEL_APP_DIR", str(web.folder))
    assert web.client.get("/logs/").status_code == 404
    (web.folder / "logs").mkdir(exist_ok=True)
    file = web.folder / "logs" / "app.log"
    file.write_text("one\ntwo\nthree\n")
    answer = web.client.get("/logs/?lines=2&html=true")
    file.unlink()
    assert answer.text == "two\nthree\n"
    assert answer.headers["content-type"].startswith("text/plain")
    assert web.client.get(f"/logs/?lines={lines}").status_code == 422
