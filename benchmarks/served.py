"""What the server adds to the chain, what several clients at once lose, and how soon it answers.

Scans are phantoms of ten slices, or with --data the first such of the EMIDEC train list. The chain
alone (pixels to features, nothing read or written) runs in this process in turns with requests to
a real server, which then waits; both have the same threads. Exit code 1 where a figure is out of
its limit.
"""

import argparse
import json
import shutil
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
import requests
from rich.console import Console

from acsnet.io import read_scan
from acsnet.phantom.make import Phantom, make_phantom
from acsnet.phantom.spec import PhantomSpec
from acsnet.pipeline import Pipeline
from acsnet.scan import ShortAxisScan
from shared.load import REQUEST_SECONDS, Pulse, Server, Told, folder
from shared.phantom_files import write_nifti

SLICES = 10
SCANS = 4
CLIENTS = 4

MAX_OVERHEAD = 0.20
MAX_LOSS = 0.25
MAX_INFO_S = 0.1


def main() -> None:
    """Print the figures, and write them as JSON, too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="scans of its EMIDEC train list")
    parser.add_argument("--count", type=int, default=24, help="inferences of each measure")
    parser.add_argument("--json", type=Path, help="write every number there, too")
    args = parser.parse_args()
    with folder() as place:
        scans = Path(place) / "scans"
        scans.mkdir()
        if args.data:
            for file in emidec(args.data):
                shutil.copy(file, scans)
        else:
            for seed in range(SCANS):
                write_nifti(phantom(seed), scans)
        server = Server(Path(place), scans=scans)
        server.start()
        try:
            report = overhead(server, args.count)
            one = rate(server, args.count, clients=1)
            many = rate(server, args.count, clients=CLIENTS)
            pulse = Pulse(server.url, "/info/")
            asked = rate(server, args.count, clients=CLIENTS)
            pulse.stop()
            again = rate(server, args.count, clients=1)
        finally:
            server.stop()
    one_client = statistics.mean((one, again))
    report |= {
        "scans": "EMIDEC train" if args.data else "phantoms",
        "one_client_per_minute": one_client,
        f"{CLIENTS}_clients_per_minute": many,
        "loss": 1 - many / one_client,
        f"{CLIENTS}_clients_per_minute_asked_for_info": asked,
        "info_p50_s": statistics.median(pulse.seconds),
        "info_p99_s": float(np.percentile(pulse.seconds, 99)),
        "info_max_s": max(pulse.seconds),
        "info_answers": len(pulse.seconds),
    }
    for name, value in report.items():
        shown = f"{value:.3f}" if isinstance(value, float) else value
        Console().print(f"{name}: {shown}", highlight=False)
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n")
    good = (
        max(report["overhead"], report["overhead_of_upload"]) <= MAX_OVERHEAD
        and report["loss"] <= MAX_LOSS
        and report["info_p99_s"] <= MAX_INFO_S
    )
    raise SystemExit(0 if good else 1)


def emidec(data: Path) -> Iterator[Path]:
    """The first scans of the train list with `SLICES` slices."""
    names = json.loads((data / "splits.json").read_text())["emidec"]["train"]
    files = [data / "emidec" / "images" / f"{name}.nii.gz" for name in names]
    return iter([file for file in files if nib.load(file).shape[2] == SLICES][:SCANS])


def phantom(seed: int) -> Phantom:
    """A phantom of a usual matrix."""
    return make_phantom(
        PhantomSpec(name=f"p{seed}", seed=seed, slices=SLICES, matrix=(256, 216), lv_length_mm=90.0)
    )


def overhead(server: Server, count: int) -> dict[str, float]:
    """Medians of the chain alone, of a request by name and of one that brings its scan along."""
    pipeline = Pipeline.load()
    paths = {image: server.studies / f"{image}.nii.gz" for image in server.images}
    scans = {image: read_scan(path) for image, path in paths.items()}
    seconds: dict[str, list[float]] = {"chain": [], "request": [], "upload": []}
    for number in range(-len(scans), count):
        image = server.images[number % len(scans)]
        ways: dict[str, Callable[[], object]] = {
            "chain": partial(features_of, pipeline, scans[image]),
            "request": partial(by_name, server, image),
            "upload": partial(with_scan, server, paths[image]),
        }
        for name, ask in ways.items():
            begun = time.perf_counter()
            ask()
            if number >= 0:  # those before warm up
                seconds[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    return {
        **{f"{name}_s": value for name, value in medians.items()},
        "overhead": medians["request"] / medians["chain"] - 1,
        "overhead_of_upload": medians["upload"] / medians["chain"] - 1,
    }


def features_of(pipeline: Pipeline, scan: ShortAxisScan) -> dict:
    """The chain alone."""
    return pipeline(scan).features_dict()


def by_name(server: Server, image: str) -> bytes:
    """The whole answer for an image of the server: label map and measures."""
    answer = requests.post(
        f"{server.url}/infer/acsnet", params={"image": image}, timeout=REQUEST_SECONDS
    )
    answer.raise_for_status()
    return answer.content


def with_scan(server: Server, scan: Path) -> bytes:
    """The same for a scan that is sent along."""
    with scan.open("rb") as stream:
        answer = requests.post(
            f"{server.url}/infer/acsnet",
            files={"file": (scan.name, stream)},
            timeout=REQUEST_SECONDS,
        )
    answer.raise_for_status()
    return answer.content


def rate(server: Server, count: int, *, clients: int) -> float:
    """Inferences a minute, `count` shared by clients that each ask again as soon as answered."""
    told = Told()

    def client(name: str, numbers: range) -> None:
        for number in numbers:
            server.infer(server.images[number % len(server.images)], name, told)

    threads = [
        threading.Thread(target=client, args=(f"client-{n}", range(n, count, clients)))
        for n in range(clients)
    ]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    if told.errors:
        msg = f"inferences failed: {told.errors}"
        raise RuntimeError(msg)
    return 60 * count / took


if __name__ == "__main__":
    main()
