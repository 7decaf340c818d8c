"""How fast a server with many scans answers: `python benchmarks/large_site.py --scans 10000`.

Makes a studies folder of tiny scans, starts `acsnet serve` on it, cold and again, and times what
people wait for, beside a folder of two scans. Prints seconds, the memory of the server and the size
of its records. Exit code 1 where a bound does not hold.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import psutil
import requests
from rich.console import Console

BOUNDS_S = {
    "start to ready, cold": 60.0,
    "start to ready": 10.0,
    "/info/": 0.2,
    "work list, first page": 0.3,
    "work list, by scar burden": 0.3,
    "work list, search": 0.3,
    "next sample": 0.5,
}
out = Console(width=200, highlight=False)

MEMORY_MB = 2000
"""Of the server, at 50,000 scans."""


def make_scans(folder: Path, count: int) -> None:
    """Tiny scans, each with other pixels, of a ventricle without any detail."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    affine = np.diag([4.0, 4.0, 10.0, 1.0])
    for number in range(count):
        pixels = rng.integers(0, 200, (24, 24, 6)).astype(np.int16)
        image = nib.Nifti1Image(pixels, affine)
        image.header.set_xyzt_units("mm")
        nib.save(image, folder / f"scan-{number:05d}.nii.gz")


def serve(studies: Path, state: Path) -> tuple[subprocess.Popen[bytes], str, float]:
    """A server that is ready: its process, address, and seconds until then."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from acsnet.cli.main import main; main()", "serve"]
    begun = time.perf_counter()
    with (state.parent / "server.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 # our own program
            [*command, "--studies", str(studies), "--port", str(port)],
            env={**os.environ, "ACSNET_STATE": str(state)},
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{port}"
    end = begun + 300
    while time.perf_counter() < end and process.poll() is None:
        try:
            if requests.get(f"{address}/readyz", timeout=5).ok:
                return process, address, time.perf_counter() - begun
        except requests.RequestException:
            time.sleep(0.1)
    process.kill()
    raise SystemExit((state.parent / "server.log").read_text()[-2000:])


def settle(server: psutil.Process, *, limit_s: float) -> None:
    """Wait until the server has read its scans: until it rests for three seconds."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end and server.cpu_percent(3.0) > 10.0:
        pass


def timed(method: str, address: str, *, times: int = 9, **options: object) -> float:
    """Median seconds of an answer."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        answer = requests.request(method, address, timeout=120, **options)  # type: ignore[arg-type]
        answer.raise_for_status()
        taken.append(time.perf_counter() - begun)
    return float(np.median(taken))


def measure(address: str, real: Path) -> dict[str, float]:
    """Seconds of what people wait for; real: a scan of usual size to segment."""
    listed = f"{address}/acsnet/"
    with real.open("rb") as stream:
        files = {"file": (real.name, stream.read())}
    return {
        "/info/": timed("GET", f"{address}/info/"),
        "work list, first page": timed("GET", listed),
        "work list, by scar burden": timed("GET", f"{listed}?sort=-burden"),
        "work list, search": timed("GET", f"{listed}?text=scan-00042"),
        "next sample": timed("POST", f"{address}/activelearning/random", json={"client_id": "Ana"}),
        "inference": timed("POST", f"{address}/infer/acsnet?output=json", times=3, files=files),
    }


def main() -> None:
    """Print the figures of two sites, one with two scans and one with many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=10_000)
    parser.add_argument("--settle", type=float, default=300.0, help="seconds at most")
    options = parser.parse_args()
    real = Path(__file__).resolve().parent.parent / "sample-data" / "nifti" / "phantom-1.nii.gz"
    wrong = []
    with tempfile.TemporaryDirectory() as place:
        for count in (2, options.scans):
            folder = Path(place) / str(count)
            folder.mkdir()
            make_scans(folder / "studies", count)
            times: dict[str, float] = {}
            cpu: dict[str, float] = {}
            for start in ("start to ready, cold", "start to ready"):
                process, address, times[start] = serve(folder / "studies", folder / "state")
                try:
                    server = psutil.Process(process.pid)
                    cpu[start] = sum(server.cpu_times()[:2])
                    if start == "start to ready":
                        settle(server, limit_s=options.settle)
                        times |= measure(address, real)
                        memory = server.memory_info().rss / 2**20
                finally:
                    process.send_signal(signal.SIGTERM)
                    process.wait(150)
            records = (folder / "state").glob("studies/*/records/*.json")
            size = sum(record.stat().st_size for record in records)
            out.print(
                json.dumps({"scans": count, "memory_mb": round(memory), "record_bytes": size})
            )
            for name, seconds in times.items():
                bound = BOUNDS_S.get(name)
                late = bound is not None and count > 2 and seconds > bound
                wrong += [name] * late
                told = "" if bound is None else f"  bound {bound:g} s{', NOT HELD' * late}"
                used = f"  {cpu[name]:.1f} s of processor time" if name in cpu else ""
                out.print(f"  {name:28s} {seconds:8.3f} s{told}{used}")
            if memory > MEMORY_MB:
                wrong.append("memory")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
