"""Inferences by several clients with saves between: errors, lost labels, memory, seconds."""

import argparse
import itertools
import statistics
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import requests
from rich.console import Console

from shared.load import Pulse, Server, Told, folder

MAX_GROWTH = 0.10
MAX_HEALTH_S = 0.1
SETTLE_S = 5.0


def work(server: Server, *, count: int, clients: int) -> Told:
    """So many inferences by so many clients; each saves a label after every second one."""
    told, numbers, change = Told(), itertools.count(1), threading.Lock()

    def client(name: str) -> None:
        while True:
            with change:
                number = next(numbers)
            if number > count:
                return
            image = server.images[number % len(server.images)]
            server.infer(image, name, told)
            if number % 2:
                server.save(image, name, told)

    threads = [threading.Thread(target=client, args=(f"client-{n}",)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def resident_mb(server: Server) -> float:
    """Memory of the server once it has come to rest."""
    time.sleep(SETTLE_S)
    return psutil.Process(server.process.pid).memory_info().rss / 1e6


def lost(server: Server, told: Told) -> set[str]:
    """Versions that a client was told are saved and that the server does not list."""
    listed = {
        one["version"]
        for image in server.images
        for one in requests.get(
            f"{server.url}/acsnet/cases/{image}/versions.json", timeout=60
        ).json()
    }
    return set(told.versions) - listed


def main() -> None:
    """Print the figures; exit code 1 where one is out of its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--warm-up", type=int, default=20)
    args = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    with folder() as place:
        server = Server(Path(place))
        started = server.start()
        try:
            warm = work(server, count=args.warm_up, clients=args.clients)
            before = resident_mb(server)
            pulse = Pulse(server.url, "/healthz")
            begun = time.monotonic()
            told = work(server, count=args.count, clients=args.clients)
            took = time.monotonic() - begun
            pulse.stop()
            after = resident_mb(server)
            missing = lost(server, warm) | lost(server, told)
        finally:
            server.stop()
    health = float(np.percentile(pulse.seconds, 99))
    growth = after / before - 1.0
    console.print(f"started in {started:.1f} s; {args.clients} clients, {psutil.cpu_count()} CPUs")
    console.print(
        f"{len(told.seconds)} inferences and {len(told.versions)} saves in {took:.0f} s: "
        f"p50 {statistics.median(told.seconds):.2f} s, "
        f"p95 {np.percentile(told.seconds, 95):.2f} s, asked again {told.asked_again} times"
    )
    console.print(f"errors: {len(told.errors)} {told.errors[:3]}; lost labels: {len(missing)}")
    console.print(
        f"memory {before:.0f} MB after warm-up, {after:.0f} MB at the end ({growth:+.1%})"
    )
    console.print(f"/healthz p99 {1000 * health:.0f} ms of {len(pulse.seconds)}")
    good = not told.errors and not missing and growth <= MAX_GROWTH and health <= MAX_HEALTH_S
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
