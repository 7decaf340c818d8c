"""Wrong logins from many addresses, connections on which nothing comes, and what the log keeps."""

import asyncio
import logging
import socket
import ssl
import threading
import time
from types import SimpleNamespace

import httpx
import pytest
import uvicorn

from acsnet.server.auth import accounts as accounts_module
from acsnet.server.auth.sessions import Attempts
from acsnet.server.web import connections
from acsnet.server.web.access_policy import address_group
from acsnet.server.web.connections import LimitedHttp, TlsDoor
from acsnet.server.web.log_lines import FREE_REPEATS, REPEAT_S, Repeats

pytestmark = pytest.mark.slow


def test_pages_do_not_wait_for_wrong_logins(locked, monkeypatch):
    """From a dozen addresses: the shared threads of the web framework hash no password."""
    hashed = accounts_module._scrypt

    def slow(*arguments):
        time.sleep(0.3)
        return hashed(*arguments)

    monkeypatch.setattr(accounts_module, "_scrypt", slow)
    header = {"Authorization": locked.people["ana"].headers["Authorization"]}

    async def attack():
        wrong = []
        for k in range(12):
            transport = httpx.ASGITransport(locked.application, client=(f"127.0.1.{k}", 1))
            client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")
            form = {"username": "ana", "password": f"wrong {k}"}
            wrong += [
                asyncio.ensure_future(client.post("/auth/token", data=form)) for _ in range(8)
            ]
        await asyncio.sleep(0.2)
        transport = httpx.ASGITransport(locked.application, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8000", headers=header
        ) as client:
            begun = time.monotonic()
            answer = await client.get("/acsnet/style.css")
            waited_s = time.monotonic() - begun
        return answer, waited_s, await asyncio.gather(*wrong)

    answer, waited_s, wrong = asyncio.run(attack())
    assert answer.status_code == 200
    assert waited_s < 1.0
    assert {one.status_code for one in wrong} <= {401, 429}
    assert sum(one.status_code == 401 for one in wrong) <= 12 * 4


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_a_network_of_ipv6_counts_as_one_address(address, group):
    assert address_group(address) == group


def test_a_guesser_does_not_escape_through_ipv6():
    attempts = Attempts(clock=lambda: 0.0)
    waits = [attempts.begin(f"user{k}", f"2001:db8::{k:x}") for k in range(1, 30)]
    assert waits[:20] == [0.0] * 20
    assert min(waits[21:]) > 0


@pytest.fixture
def listening():
    """Starts a server of our kind of connections, with these limits and options of uvicorn."""
    servers = []

    def start(limits=None, tls=None, **options):
        limited = type("Limited", (LimitedHttp,), limits or {})
        door = limited if tls is None else type("Door", (TlsDoor,), {**tls, "http": limited})

        async def hello(scope, receive, send):
            if scope["type"] == "http":
                await send({"type": "http.response.start", "status": 204, "headers": []})
                await send({"type": "http.response.body", "body": b""})

        config = uvicorn.Config(
            hello,
            host="127.0.0.1",
            port=0,
            http=door,
            lifespan="off",
            log_config=None,
            **options,
        )
        server = uvicorn.Server(config)
        threading.Thread(target=server.run, daemon=True).start()
        servers.append(server)
        end = time.monotonic() + 20
        while not server.started and time.monotonic() < end:
            time.sleep(0.01)
        return server.servers[0].sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.should_exit = True


def ended_within(line, seconds):
    line.settimeout(seconds)
    try:
        while line.recv(1000):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("head", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"G"])
def test_a_head_that_never_ends_is_not_waited_for(listening, head):
    with socket.create_connection(("127.0.0.1", listening({"head_s": 0.4}))) as line:
        line.sendall(head)
        assert ended_within(line, 10)


@pytest.fixture
def tls(tmp_path):
    """Contexts of a server and of its clients."""
    pytest.importorskip("cryptography")
    from certificates import certificate

    cert, key = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return SimpleNamespace(server=context, client=ssl.create_default_context(cafile=str(cert)))


def test_with_tls_of_its_own_it_has_the_same_limits(listening, tls):
    port = listening({"head_s": 0.4}, tls={"context": tls.server})
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        tls.client.wrap_socket(plain, server_hostname="localhost") as line,
    ):
        line.sendall(b"GET / HTTP/1.1\r\n")
        assert ended_within(line, 10)


def test_over_tls_requests_are_answered_on_one_connection(listening, tls):
    port = listening(tls={"context": tls.server})
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        tls.client.wrap_socket(plain, server_hostname="localhost") as line,
    ):
        for _ in range(3):
            line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            line.settimeout(10)
            assert line.recv(1000).startswith(b"HTTP/1.1 204")


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_a_handshake_that_does_not_go_on_is_ended(listening, tls, sent):
    port = listening(tls={"context": tls.server, "handshake_s": 0.4})
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(sent)
        assert ended_within(line, 5)


def test_one_address_has_so_many_handshakes_under_way(listening, tls, monkeypatch):
    monkeypatch.setattr(connections, "is_loopback", lambda host: False)
    port = listening(tls={"context": tls.server, "max_of_one": 3, "handshake_s": 30.0})
    lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    with socket.create_connection(("127.0.0.1", port)) as line:
        assert ended_within(line, 5)
    for line in lines:
        line.close()


def test_one_address_has_so_many_connections(listening, monkeypatch):
    monkeypatch.setattr(connections, "is_loopback", lambda host: False)
    port = listening({"max_of_one": 3})
    lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    with socket.create_connection(("127.0.0.1", port)) as line:
        assert ended_within(line, 5)
    lines[0].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    lines[0].settimeout(5)
    assert lines[0].recv(100).startswith(b"HTTP/1.1 204")
    for line in lines:
        line.close()


def record(status, *, level=logging.INFO, route="/auth/token"):
    made = logging.LogRecord("acsnet.server", level, "", 1, "request", (), None)
    made.fields = {"method": "POST", "route": route, "status": status}
    return made


def test_an_attack_does_not_roll_the_log_away():
    now = [0.0]
    repeats = Repeats(clock=lambda: now[0])
    assert sum(repeats.filter(record(401)) for _ in range(10_000)) == FREE_REPEATS
    assert repeats.filter(record(403))
    assert all(repeats.filter(record(200)) for _ in range(100))
    now[0] = REPEAT_S + 1
    after = record(401)
    assert repeats.filter(after)
    assert after.fields["left_out"] == 10_000 - FREE_REPEATS


def test_who_is_logged_in_waits_for_no_login(locked):
    """A token of a session is looked up, nothing is hashed: many at once are no flood."""
    header = {"Authorization": locked.people["ana"].headers["Authorization"]}

    async def ask():
        transport = httpx.ASGITransport(locked.application, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8000", headers=header
        ) as client:
            return await asyncio.gather(*(client.get("/info/") for _ in range(30)))

    assert {answer.status_code for answer in asyncio.run(ask())} == {200}
