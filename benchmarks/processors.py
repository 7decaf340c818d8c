"""Seconds a scan as older processors would take them, on this one.

Each row is a process of its own in which oneDNN's ONEDNN_MAX_CPU_ISA hides the newer instructions;
the first has them all. In turns in that process, from file to features: the networks as they are
shipped, and looking at every view of the whole square, as they were trained. CPU seconds are those
of all threads: other programs change them less than the seconds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from acsnet.bench.worker import peak_memory_mb
from acsnet.io import read_scan
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.openvino_network import FusedNetwork, network_precision
from acsnet.nets.processor import instruction_set
from acsnet.nets.weights import read_weights
from acsnet.pipeline import Pipeline
from acsnet.threads import thread_count

CAPS = ("", "AVX512_CORE_VNNI", "AVX2")
TURNS = 2


def main() -> None:
    """Print a row for each instruction set that can be had here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path)
    parser.add_argument("--row", action="store_true", help="measure in this process only, as JSON")
    parser.add_argument("--json", type=Path, help="write every number there, too")
    args = parser.parse_args()
    if args.row:
        sys.stdout.write(json.dumps(row(args.scan)))
        return
    busy = psutil.cpu_percent(interval=1.0)
    rows = {cap: capped(cap) for cap in CAPS}
    table = Table(
        *("capped to", "instructions", "precision", "threads"),
        *("s", "CPU s", "every view, s", "CPU s", "networks' ratio", "MB"),
    )
    for cap, found in rows.items():
        fast, full = found["fast"], found["full"]
        cells = [f"{value:.2f}" for form in (fast, full) for value in (form["s"], form["cpu_s"])]
        ratio = f"{full['networks_cpu_s'] / fast['networks_cpu_s']:.1f}"
        plain = (cap or "-", found["instructions"], found["precision"], str(found["threads"]))
        table.add_row(*plain, *cells, ratio, f"{found['peak_mb']:.0f}")
    console = Console(width=120)
    console.print(table)
    console.print(f"other programs kept {busy:.0f} % of the processor busy at the start")
    if args.json:
        args.json.write_text(json.dumps({"busy_percent": busy, "rows": rows}, indent=2) + "\n")


def capped(cap: str) -> dict:
    """The row of a process that may use no more than `cap`."""
    environment = {**os.environ, **({"ONEDNN_MAX_CPU_ISA": cap} if cap else {})}
    call = [sys.executable, *sys.argv, "--row"]
    answer = subprocess.run(  # noqa: S603 # this program itself
        call, env=environment, check=True, capture_output=True, text=True
    )
    return json.loads(answer.stdout)


def row(scan: Path) -> dict:
    """Medians of both forms in this process."""
    fast = Pipeline.load()
    fast(read_scan(scan))
    fast(read_scan(scan))
    peak = peak_memory_mb()
    # Without what is beyond black edges, the networks draw the edges, too.
    weights = (read_weights(name, ResUNetConfig) for name in ("roi", "myo"))
    roi, myo = (FusedNetwork(replace(network, inner=None)) for network in weights)
    forms = {"fast": fast, "full": replace(fast, roi_net=roi, myocardium_net=myo)}
    taken: dict[str, list[dict[str, float]]] = {form: [] for form in forms}
    for turn in range(TURNS + 1):
        for form, pipeline in forms.items():
            nets = {
                "roi_net": Timed(pipeline.roi_net),
                "myocardium_net": Timed(pipeline.myocardium_net),
            }
            start, cpu = time.perf_counter(), time.process_time()
            replace(pipeline, **nets)(read_scan(scan)).features_dict()
            seconds = {"s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
            seconds["networks_cpu_s"] = sum(net.cpu_s for net in nets.values())
            if turn:  # the first warms up
                taken[form].append(seconds)
    return {
        "instructions": instruction_set(),
        "precision": network_precision(read_weights("myo", ResUNetConfig)),
        "threads": thread_count(),
        "peak_mb": peak,
        **{
            form: {key: statistics.median(one[key] for one in turns) for key in turns[0]}
            for form, turns in taken.items()
        },
    }


class Timed:
    """A network, and the CPU seconds that it took."""

    def __init__(self, network: FusedNetwork) -> None:
        self._network = network
        self.config = network.config
        self.cpu_s = 0.0

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """As the network."""
        start = time.process_time()
        drawn = self._network(images)
        self.cpu_s += time.process_time() - start
        return drawn


if __name__ == "__main__":
    main()
