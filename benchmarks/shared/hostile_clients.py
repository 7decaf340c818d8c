"""Hostile clients of a server, each with many threads for so many seconds: see `attacks.py`."""

import contextlib
import gzip
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import nibabel as nib
import numpy as np
import requests

from shared.load import Server

PASSWORD = "correct horse battery"  # noqa: S105 # of an account that lives for this run
TIMEOUT_S = 60
THREADS = 24


def log_in(url: str, name: str) -> requests.Session:
    """A client with the token of an account."""
    session = requests.Session()
    form = {"username": name, "password": PASSWORD}
    answer = session.post(f"{url}/auth/token", data=form, timeout=TIMEOUT_S)
    session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return session


def wide_pixels() -> bytes:
    """A `.nii.gz` of some kB: two slices of ten by ten metres."""
    return _packed(np.zeros((2048, 2048, 2), np.uint8), pixel_mm=4.9)


def largest_scan() -> bytes:
    """As much as is taken: 95 slices of 512 x 512, 358 mm wide."""
    noise = np.random.default_rng(0).integers(0, 200, (512, 512, 95)).astype(np.uint8)
    return _packed(noise, pixel_mm=0.7, slice_mm=4.0)


def _packed(data: np.ndarray, *, pixel_mm: float, slice_mm: float = 8.0) -> bytes:
    image = nib.Nifti1Image(data, np.diag([pixel_mm, pixel_mm, slice_mm, 1.0]))
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), compresslevel=1)


class Attack:
    """One hostile client with many threads, for so many seconds once it has begun."""

    def __init__(self, server: Server, seconds: float) -> None:
        self.server, self._seconds = server, seconds
        self.mallory = log_in(server.url, "mallory")
        self.address = ("127.0.0.1", server.port)
        self.token = self.mallory.headers["Authorization"]

    def many(self, work: Callable[[int], None], threads: int = THREADS) -> None:
        """Repeat some work in threads of its own until the time is over."""
        until = time.monotonic() + self._seconds

        def run(number: int) -> None:
            while time.monotonic() < until:
                with contextlib.suppress(OSError, requests.RequestException):
                    work(number)

        running = [threading.Thread(target=run, args=(k,)) for k in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    def send(self, method: str, path: str, **options: object) -> None:
        """One request of the hostile account."""
        with requests.request(
            method,
            f"{self.server.url}{path}",
            headers={"Authorization": self.token},
            timeout=TIMEOUT_S,
            **options,
        ) as answer:
            _ = answer.content

    @contextmanager
    def lines(self, count: int, content: bytes) -> Iterator[None]:
        """Open connections, each with a first piece of what never goes on."""
        opened = []
        try:
            for _ in range(count):
                line = socket.create_connection(self.address, timeout=5)
                opened.append(line)
                with contextlib.suppress(OSError):
                    line.sendall(content)
            yield
        finally:
            for line in opened:
                line.close()

    def hold(self, count: int, content: bytes) -> None:
        """Open connections anew as often as they are ended."""
        until = time.monotonic() + self._seconds
        while time.monotonic() < until:
            with contextlib.suppress(OSError), self.lines(count, content):
                time.sleep(min(3.0, max(until - time.monotonic(), 0)))


def nobody(attack: Attack) -> None:
    """No attack at all: what honest readers wait for each other."""
    attack.many(lambda _: time.sleep(0.1), threads=1)


def small_files(attack: Attack) -> None:
    """Few wide pixels."""
    content = wide_pixels()
    attack.many(
        lambda _: attack.send("POST", "/infer/acsnet", files={"file": ("x.nii.gz", content)})
    )


def large_scan(attack: Attack) -> None:
    """The largest scan that is taken, segmented and uploaded, again and again."""
    content = largest_scan()

    def work(number: int) -> None:
        file = {"file": ("x.nii.gz", content)}
        if number % 2:
            attack.send("PUT", f"/datastore/image?image=large-{number}", files=file)
        else:
            attack.send("POST", "/infer/acsnet", files=file)

    attack.many(work, threads=4)


def bodies_that_do_not_come(attack: Attack) -> None:
    """Heads of uploads, and nothing after them."""
    head = (
        f"POST /infer/acsnet HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {attack.token}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 500000000\r\n\r\n"
    )
    attack.hold(100, head.encode())


def fields(attack: Attack) -> None:
    """Plain fields of a form, which are kept in memory."""
    many = {f"f{k}": (None, b"x" * 250_000) for k in range(400)}
    attack.many(lambda _: attack.send("POST", "/infer/acsnet", files=many))


def large_uploads(attack: Attack) -> None:
    """Files of 64 MB that are no scans."""
    content = bytes(64 * 2**20)
    attack.many(
        lambda _: attack.send(
            "PUT", "/session/", files={"files": ("x.nii.gz", io.BytesIO(content))}
        ),
        threads=8,
    )


def wrong_logins(attack: Attack) -> None:
    """From a dozen addresses of this machine."""
    body = b"username=ana&password=wrong"
    head = (
        b"POST /auth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" % len(body)
    )

    def work(number: int) -> None:
        source = (f"127.0.1.{number % 12 + 1}", 0)
        with socket.create_connection(
            attack.address, timeout=TIMEOUT_S, source_address=source
        ) as line:
            line.sendall(head + body)
            line.recv(1000)

    attack.many(work)


def silent_connections(attack: Attack) -> None:
    """Connections on which no request comes."""
    attack.hold(300, b"GET / HT")


def slow_readers(attack: Attack) -> None:
    """Requests whose answers nobody takes."""
    image = attack.server.images[0]
    head = (
        f"GET /datastore/image?image={image} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: {attack.token}\r\n\r\n"
    )
    attack.hold(100, head.encode())


ATTACKS = (
    nobody,
    small_files,
    large_scan,
    bodies_that_do_not_come,
    fields,
    large_uploads,
    wrong_logins,
    silent_connections,
    slow_readers,
)
