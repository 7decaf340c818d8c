"""`acsnet serve` and `info`: the server, and what is installed."""

import json
import os
import platform
import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.table import Table

from acsnet import NOTICE, __version__
from acsnet.cli.common import out, say


def serve(
    studies: Annotated[
        str, typer.Option(help="Folder of scans, or http(s)://... of a PACS with DICOMweb.")
    ],
    port: Annotated[int | None, typer.Option(help="Port to listen on, by default 8000.")] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on, by default 127.0.0.1: this machine only."),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="Host name under which people reach the server; may be repeated."),
    ] = None,
    login: Annotated[
        bool | None, typer.Option("--login", help="Everybody must log in; see `acsnet accounts`.")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="File with the certificate chain.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="File with its private key.")] = None,
    behind_tls_proxy: Annotated[
        bool | None, typer.Option("--behind-tls-proxy", help="A reverse proxy handles TLS.")
    ] = None,
    insecure_without_login: Annotated[
        bool | None,
        typer.Option(
            "--insecure-without-login",
            help="Allow anybody who can reach the server to do anything.",
        ),
    ] = None,
    insecure_without_tls: Annotated[
        bool | None,
        typer.Option(
            "--insecure-without-tls",
            help="Allow other machines although passwords and scans can be read in transit.",
        ),
    ] = None,
) -> None:
    """Run the MONAI Label server for browsers, 3D Slicer and OHIF.

    Each option overrides the setting of the same name: see `acsnet config`.
    """
    signal.signal(signal.SIGTERM, _stop)  # first of all: to load the rest takes seconds
    if os.name == "posix" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # no nohup
        signal.signal(signal.SIGHUP, _hang_up)
    options = {
        "ACSNET_SERVER_PORT": port,
        "ACSNET_SERVER_HOST": host,
        "ACSNET_SERVER_NAMES": ",".join(name or ()) or None,
        "ACSNET_LOGIN_REQUIRED": login,
        "ACSNET_SERVER_TLS_CERT": tls_cert,
        "ACSNET_SERVER_TLS_KEY": tls_key,
        "ACSNET_SERVER_BEHIND_TLS_PROXY": behind_tls_proxy,
        "ACSNET_SERVER_INSECURE_WITHOUT_LOGIN": insecure_without_login,
        "ACSNET_SERVER_INSECURE_WITHOUT_TLS": insecure_without_tls,
    }
    os.environ.update({key: str(value) for key, value in options.items() if value is not None})
    from acsnet.server.launch import serve as run_server

    run_server(studies=studies)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """End the process in order; without this, the first one of a container ignores SIGTERM."""
    raise SystemExit(0)


def _hang_up(number: int, _frame: FrameType | None) -> None:
    """Stop as by SIGTERM, once: a terminal that closes may say so twice."""
    signal.signal(number, signal.SIG_IGN)
    signal.raise_signal(signal.SIGTERM)


def info() -> None:
    """Show versions, weights and label values. Exit code 2 if the weights are not as shipped."""
    from acsnet.labels import LABELS
    from acsnet.nets.architecture import CONFIGS
    from acsnet.nets.openvino_network import network_precision
    from acsnet.nets.processor import instruction_set
    from acsnet.nets.weights import read_manifest, read_weights
    from acsnet.threads import thread_count

    say(f"acsnet {__version__}. {NOTICE}")
    say(
        f"Python {platform.python_version()}, {_torch()}; networks on {thread_count()} of "
        f"{os.cpu_count()} processors by {instruction_set()}"
    )
    networks = {name: read_weights(name, kind) for name, kind in CONFIGS.items()}
    columns = "network", "filters", "parameters", "precision", "SHA-256"
    table = Table(*columns, title="Verified weights")
    for name, network in networks.items():
        digest = str(read_manifest()[name]["sha256"])[:16]
        size = str(network.config.base_filters), f"{network.parameters:,}"
        table.add_row(name, *size, network_precision(network), digest)
    out.print(table)
    values = {info.name: int(info.label) for info in LABELS}
    say(f"labels: {json.dumps(values)}")


def _torch() -> str:
    """Version of PyTorch and whether it sees a GPU; what only segments does without it."""
    try:
        import torch
    except ModuleNotFoundError:
        return "no PyTorch"
    return f"torch {torch.__version__}, GPU: {'yes' if torch.cuda.is_available() else 'no'}"
