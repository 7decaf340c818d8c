"""`acsnet serve` and `info`: the server, and what is installed."""

import json
import os
import platform
from typing import Annotated

import typer
from rich.table import Table

from acsnet import __version__
from acsnet.commands.common import NOTICE, out, refusal
from acsnet.errors import AcsnetError


def serve(
    studies: Annotated[
        str, typer.Option(help="Folder of scans, or http(s)://... of a PACS with DICOMweb.")
    ],
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
) -> None:
    """Run the MONAI Label server for 3D Slicer and OHIF."""
    from acsnet.server.launch import serve as run_server

    try:
        run_server(studies=studies, host=host, port=port)
    except AcsnetError as error:
        raise refusal(error) from None


def info() -> None:
    """Versions, weights and label values. Exit code 2 if the weights are not as shipped."""
    import torch

    from acsnet.labels import LABELS
    from acsnet.nets.weights import NETWORKS, load_network, read_manifest

    out.print(f"acsnet {__version__}. {NOTICE}", highlight=False)
    out.print(
        f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"{os.cpu_count()} processors, GPU: {'yes' if torch.cuda.is_available() else 'no'}",
        highlight=False,
    )
    try:
        networks = {name: load_network(name, kind) for name, kind in NETWORKS.items()}
    except AcsnetError as error:
        raise refusal(error) from None
    table = Table("network", "filters", "parameters", "SHA-256", title="Verified weights")
    for name, network in networks.items():
        parameters = sum(p.numel() for p in network.parameters())
        digest = str(read_manifest()[name]["sha256"])[:16]
        table.add_row(name, str(network.config.base_filters), f"{parameters:,}", digest)
    out.print(table)
    values = {info.name: int(info.label) for info in LABELS}
    out.print(f"labels: {json.dumps(values)}", highlight=False, soft_wrap=True)
