"""What the log says of a request: also that its client has gone, over real connections."""

import logging
import socket
import threading
import time

import pytest
import uvicorn
from fastapi import FastAPI, Request

from acsnet.server.errors import GoneError
from acsnet.server.inference.work_queue import InferenceQueue
from acsnet.server.web.error_responses import add_error_handlers
from acsnet.server.web.load_limits import CountTraffic, Traffic, gone
from acsnet.server.web.request_log import RequestLog
from acsnet.settings import Limits


@pytest.fixture
def site():
    """A server whose POST /work waits for its turn in a queue: its port, and the queue."""
    queue, application = InferenceQueue(Limits()), FastAPI()
    application.add_middleware(CountTraffic, traffic=Traffic())
    application.add_middleware(RequestLog)
    add_error_handlers(application)

    @application.post("/work")
    def work(http: Request) -> str:
        with queue.turn("reader", gone=gone(http)):
            return "worked"

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield listener.getsockname()[1], queue
    server.should_exit = True
    thread.join(10)


def ask(port, body):
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    head = f"POST /work HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + body)
    return client


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("body", [b"", b"four"])
def test_a_client_that_goes_gives_its_place_back_and_is_logged_as_gone(site, caplog, body):
    port, queue = site

    def statuses():
        return [one.fields["status"] for one in caplog.records if one.message == "request"]

    with caplog.at_level(logging.INFO, "acsnet"):
        with queue.turn("Ana"):
            client = ask(port, body)
            until(lambda: queue.waiting == 1)
            client.close()
            until(lambda: queue.waiting == 0)
        until(lambda: statuses() == [499])
        with ask(port, body) as client:
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
        until(lambda: statuses() == [499, 200])
    assert not queue.running


def test_gone_is_a_status_of_its_own():
    assert GoneError().status == 499
