"""Memory of the server and how long honest readers wait while hostile clients are at work.

    python benchmarks/attacks.py [--seconds 10] [--only NAME]

Each hostile client is alone with a server of its own accounts, on this machine's loopback address,
for so many seconds; meanwhile honest readers open the work list, look at a scan and have one
segmented. A line each: most memory beyond that before, longest honest wait for a page or an image,
its 95th percentile, how many there were, and the longest inference: these wait for each other, also
for one of the largest scan that is taken. Exit code 1 where the memory grew by 1.5 GB or somebody
honest waited 10 s for a page. All is bounded in time and count; nothing leaves the machine.
"""

import argparse
import contextlib
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import requests
from rich.console import Console

from shared.hostile_clients import ATTACKS, PASSWORD, TIMEOUT_S, Attack, log_in
from shared.load import COMMAND, Server

console = Console()
MOST_BYTES, MOST_S = 1.5e9, 10.0
PEOPLE = {"mallory": "reviewer", "ana": "reviewer", "bea": "annotator"}


def resident_bytes(process: "subprocess.Popen[bytes]") -> int:
    """Memory that a process has now."""
    rows = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (row,) = [row for row in rows if row.startswith("VmRSS")]
    return int(row.split()[1]) * 1024


class Watch:
    """The most memory that a process has from now on."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.before = self.most = resident_bytes(process)
        self._process, self._end = process, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> int:
        """Bytes beyond what it had before."""
        self._end.set()
        self._thread.join()
        return self.most - self.before

    def _run(self) -> None:
        while not self._end.wait(0.05):
            with contextlib.suppress(OSError, ValueError):
                self.most = max(self.most, resident_bytes(self._process))


class Honest:
    """Readers who go on with what readers do; seconds: of their requests for pages and images;
    inference_s: of their inferences, which wait for each other anyhow.
    """

    def __init__(self, server: Server) -> None:
        self.seconds: list[float] = []
        self.inference_s: list[float] = []
        self.errors: list[str] = []
        self._end = threading.Event()
        image = server.images[0]
        asked = (
            ("ana", "GET", "/acsnet/"),
            ("bea", "GET", f"/datastore/image?image={image}"),
            ("ana", "POST", f"/infer/roi?image={image}"),
        )
        self._threads = [
            threading.Thread(
                target=self._work, args=(log_in(server.url, name), method, server.url + path)
            )
            for name, method, path in asked
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Once the last request is answered."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _work(self, session: requests.Session, method: str, address: str) -> None:
        while not self._end.wait(0.1):
            begun = time.monotonic()
            try:
                answer = session.request(method, address, timeout=TIMEOUT_S)
            except requests.RequestException as error:
                self.errors.append(type(error).__name__)
                continue
            kind = self.inference_s if method == "POST" else self.seconds
            kind.append(time.monotonic() - begun)
            if answer.status_code != 200:
                self.errors.append(f"{answer.status_code}: {answer.text[:80]}")


def against_server(server: Server, attack: Callable[[Attack], None], seconds: float) -> bool:
    """Run one attack beside honest readers and print the figures; whether the bounds hold."""
    settled = f"{server.url}/infer/roi?image={server.images[0]}"
    log_in(server.url, "ana").post(settled, timeout=300)  # what an attack before left is done
    hostile, honest = Attack(server, seconds), Honest(server)
    watch = Watch(server.process)
    attack(hostile)
    honest.stop()
    grown = watch.stop()
    waits = np.array(honest.seconds or [np.inf])
    good = grown < MOST_BYTES and waits.max() < MOST_S and not honest.errors
    _row(attack.__name__, grown, waits, len(honest.errors), good, honest.inference_s)
    for error in dict.fromkeys(honest.errors):
        console.print(f"    {error}", highlight=False, markup=False)
    return good


def against_receiver(folder: Path, seconds: float) -> bool:
    """Hostile senders of C-STORE: PDUs of 2 GB, silent connections; honest ones send an image."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*COMMAND, "receive", "--output", str(folder / "received"), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 # our own
    try:
        return _receiver_row(process, port, seconds)
    finally:
        process.terminate()
        process.wait()


def _receiver_row(process: "subprocess.Popen[bytes]", port: int, seconds: float) -> bool:
    from acsnet.pacs.storescu import Peer, store_files

    file = next((Path(__file__).parents[1] / "sample-data" / "dicom").glob("*/*.dcm"))
    peer, waits, errors = Peer(title="ACSNET", host="127.0.0.1", port=port), [], 0
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            break
        time.sleep(0.2)
    list(store_files([file], peer))
    watch, until = Watch(process), time.monotonic() + seconds

    def hostile() -> None:
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                line = socket.create_connection(("127.0.0.1", port), timeout=2)
                line.sendall(struct.pack(">BBL", 1, 0, 2**31) + bytes(2**20))
                with socket.create_connection(("127.0.0.1", port), timeout=2):
                    time.sleep(0.3)
                line.close()

    threads = [threading.Thread(target=hostile) for _ in range(6)]
    for thread in threads:
        thread.start()
    while time.monotonic() < until:
        begun = time.monotonic()
        try:
            errors += any(reason is not None for _, reason in store_files([file], peer))
        except Exception:  # noqa: BLE001 # whatever it was, the image was not taken
            errors += 1
        waits.append(time.monotonic() - begun)
    for thread in threads:
        thread.join()
    grown = watch.stop()
    good = grown < MOST_BYTES and max(waits) < MOST_S and not errors
    _row("receive", grown, np.array(waits), errors, good)
    return good


def _row(
    name: str,
    grown: float,
    waits: np.ndarray,
    errors: int,
    good: bool,
    inference_s: Sequence[float] = (),
) -> None:
    text = (
        f"{name:26} memory +{grown / 1e6:6.0f} MB  wait {waits.max():6.2f} s  "
        f"p95 {np.percentile(waits, 95):6.2f} s  of {len(waits)} requests, {errors} errors"
        f"{'' if good else '  <- beyond the bound'}"
    )
    if inference_s:
        text += f"  (inferences: {max(inference_s):.1f} s at most, {len(inference_s)})"
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def main() -> None:
    """Run the attacks one after another."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each attack, at most 60")
    parser.add_argument("--only", default="", help="name of one attack, or `receive`")
    options = parser.parse_args()
    seconds = min(options.seconds, 60.0)
    good = True
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors before it began"
    console.print(load, highlight=False)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if options.only != "receive":
            server = Server(folder)
            for name, role in PEOPLE.items():
                server.add_account(name, role, PASSWORD)
            server.start(ACSNET_LOGIN_REQUIRED="true", ACSNET_PICK_AHEAD="0")
            try:
                for attack in ATTACKS:
                    if options.only in ("", attack.__name__):
                        good &= against_server(server, attack, seconds)
            finally:
                server.stop()
        if options.only in ("", "receive"):
            good &= against_receiver(folder, seconds)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
