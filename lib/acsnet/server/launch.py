"""`acsnet serve`: check, set up, say where it listens, and run the server until it is stopped."""

import ctypes
import logging.config
import signal
import socket
import ssl
import sys
import threading
from ipaddress import ip_network
from pathlib import Path
from types import FrameType
from typing import Any

import typer

from acsnet.errors import InputError
from acsnet.files.hosts import is_loopback
from acsnet.files.reasons import cause_of, port_refusal, reason_of
from acsnet.pacs.config import is_dicomweb, pacs_settings
from acsnet.server.auth.service import Login
from acsnet.server.monailabel_settings import lean_import, set_environment, set_folders
from acsnet.server.state.paths import (
    has_labels,
    pacs_store,
    private_folder,
    state_folder,
    store_folder,
)
from acsnet.server.state.schema import check_state
from acsnet.server.web.access_policy import policy_of
from acsnet.server.web.tls import certificate_doubt, tls_of
from acsnet.settings import Server, Settings, read_settings
from acsnet.storage import write_text

logger = logging.getLogger(__name__)

ANY_IPV6 = "::"
ONLY_IPV6 = " (IPv6 only: 0.0.0.0 is every address of IPv4)"

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""What `mallopt` of the C library calls the next two; see mallopt(3)."""

KEPT_BYTES, OWN_BYTES = 16 * 2**20, 8 * 2**20
"""Most free memory kept at the end of a heap, and the size from which an array has memory of its
own, which the system has back when it is freed. Scans of usual size have smaller ones. Ours."""

APP_MAIN = '''"""Written by `acsnet serve`: MONAI Label starts an app from its main.py."""

from acsnet.server.app import AcsnetApp

__all__ = ["AcsnetApp"]
'''


def serve(*, studies: Path | str) -> None:
    """Serve the scans of `studies` until the process is told to stop.

    studies: a folder, or http(s)://... of a PACS with DICOMweb. All else is in `acsnet.settings`.
    Raises InputError for a studies folder that is not there, an address that others can reach
    without login or TLS and a port in use, PacsError for a PACS that does not answer, and
    WeightsError for missing or altered weights.
    """
    site = read_settings()
    policy_of(site)
    if site.login.required:
        Login(site)
    check_state(state_folder())  # before anything is written there: a restore may be under way
    tls = tls_of(site.server)
    address = _address(studies)
    host = site.server.host
    listener = _listen(host, site.server.port)
    port = int(listener.getsockname()[1])
    typer.echo("ACSNet server: research use only, not a medical device")
    if site.viewer is not None and not (site.viewer / "index.html").is_file():
        inner = site.viewer / "dist"
        hint = f"; name {inner} instead" if (inner / "index.html").is_file() else ""
        typer.echo(f"No stock OHIF in {site.viewer} (ACSNET_VIEWER): /viewer/ is not served{hint}")
    if tls is not None and (doubt := certificate_doubt(tls)):
        typer.echo(f"{site.server.tls_cert}: {doubt}")
    typer.echo("Loading ...")
    _return_freed_memory()
    try:
        app_dir = _write_app()
        private_folder(app_dir / "logs")
        pacs = is_dicomweb(address)
        store = private_folder(pacs_store(address) if pacs else store_folder(Path(address)))
    except OSError as error:
        msg = f"the state folder cannot be written: {reason_of(error)}; ACSNET_STATE sets another"
        raise InputError(msg) from error
    _say_what_else_is_kept(store)
    log = app_dir / "logs" / "app.log"
    _begin_log(log, to_person=sys.stderr.isatty())
    logging.getLogger("timeloop").disabled = True  # it prints its list of jobs at start
    set_environment()
    set_folders(app_dir=app_dir, studies=address, port=port)
    scheme = "https" if tls else "http"
    url = f"{scheme}://{_url_host(host)}:{port}"
    _run(listener, url=url, studies=address, store=store, site=site, tls=tls)


def _run(
    listener: socket.socket,
    *,
    url: str,
    studies: str,
    store: Path,
    site: Settings,
    tls: ssl.SSLContext | None,
) -> None:
    # MONAI Label reads its settings when it is imported, hence only here.
    import uvicorn

    with lean_import():
        from acsnet.server.app import load_app
        from acsnet.server.asgi import app
    from acsnet.server.web.connections import LimitedHttp, TlsDoor
    from acsnet.server.web.load_limits import traffic

    # Loaded before the server runs, so that a refusal reaches the user as one sentence.
    scans = load_app().datastore().status()["total"]
    _say_where(url, studies=studies, scans=scans, store=store, server=site.server)
    if site.server.behind_tls_proxy:
        LimitedHttp.proxies = tuple(ip_network(network) for network in site.server.proxies)
    if tls is not None:
        TlsDoor.context = tls
    config = uvicorn.Config(
        app,
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        http=TlsDoor if tls else LimitedHttp,
        ws="none",
    )

    class Graceful(uvicorn.Server):
        """Finishes what runs before it stops; a second signal stops it at once."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if traffic.stopped:
                super().handle_exit(sig, frame)
                return
            traffic.stopped = True
            threading.Thread(target=self._finish, args=(sig, frame), daemon=True).start()

        def _finish(self, sig: int, frame: FrameType | None) -> None:
            # So long for the inference that runs, and again for the answers.
            limit_s = site.limits.stop_s
            whole = load_app().drain(limit_s=limit_s) and traffic.wait(limit_s=limit_s)
            logger.info("stopped" if whole else "stopped in the middle of a request")
            super().handle_exit(sig, frame)

    # After an orderly stop uvicorn raises the signal again: it ends what threads may still be at.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Graceful(config).run(sockets=[listener])


def _return_freed_memory() -> None:
    """Let the system have back what large arrays took.

    By itself the GNU C library raises both limits with the arrays that it sees, up to 32 and 64 MB
    in each of many heaps: a server kept 0.25 GB after its largest scan. Others are left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(M_MMAP_THRESHOLD, OWN_BYTES)


def _say_where(url: str, *, studies: str, scans: int, store: Path, server: Server) -> None:
    """Where the scans and their labels are, and where a reader finds the server."""
    if is_dicomweb(studies):
        typer.echo(f"Studies: {studies} ({scans} LGE series)")
        typer.echo("Labels:  in the PACS, as DICOM SEG")
    else:
        typer.echo(f"Studies: {studies} ({scans} scans; never written to)")
        typer.echo(f"Labels:  {store / 'labels'}")
    typer.echo(f"Listening on {url}{ONLY_IPV6 if server.host == ANY_IPV6 else ''}")
    address = _address_for_people(url, server)
    typer.echo(f"In a browser: {address}/")
    typer.echo(f"In 3D Slicer: MONAI Label module, server {address}")
    typer.echo("Stop with Ctrl+C")


def _say_what_else_is_kept(store: Path) -> None:
    """Where people saved nothing for these studies and did for others: they may be the same."""
    others = () if has_labels(store) else store.parent.iterdir()
    if names := sorted(other.name for other in others if has_labels(other)):
        typer.echo(
            f"{store.parent} holds what people saved for {', '.join(names)}, and nothing for these "
            'studies. If they have moved, see "The studies have moved" in docs/operations.md'
        )


def _address_for_people(url: str, server: Server) -> str:
    """The address under which people reach what listens on `url`: by its first name, if any."""
    if server.names and server.behind_tls_proxy:
        return f"https://{_url_host(server.names[0])}"
    if not server.names or is_loopback(server.host):
        return url
    scheme, _, listening = url.partition("://")
    return f"{scheme}://{_url_host(server.names[0])}:{listening.rpartition(':')[2]}"


def _address(studies: Path | str) -> str:
    """Address of a PACS, or the full path of a folder that is there."""
    if is_dicomweb(str(studies)):
        return pacs_settings(str(studies)).url
    folder = Path(studies)
    if not folder.is_dir():
        msg = f"studies must be a folder, or http(s)://... of a PACS with DICOMweb, got {studies}"
        raise InputError(msg)
    return str(folder.resolve())


def _listen(host: str, port: int) -> socket.socket:
    """A socket bound here and now: between a check and a later bind another could take it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise InputError(port_refusal(error, host=host, port=port)) from error
    # Connections inherit it. Headers and body are two packets, and without it the second one
    # waits for the client's delayed acknowledgement: 40 ms an answer on a connection that is kept.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _write_app() -> Path:
    """The app folder of an installed package: `main.py` in the state folder."""
    folder = private_folder(private_folder(state_folder()) / "app")
    write_text(folder / "main.py", APP_MAIN)
    return folder


def _begin_log(file: Path, *, to_person: bool) -> None:
    """Set up the log. Raises InputError for a file that cannot be written."""
    try:
        logging.config.dictConfig(_logging(file, to_person=to_person))
    except ValueError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        msg = f"log {file} cannot be written: {cause_of(error.__cause__)}"
        raise InputError(msg) from error


def _logging(file: Path, *, to_person: bool) -> dict[str, Any]:
    """Our own log lines and others' errors, see `acsnet.server.web.log_lines`.

    to_person: the console is a terminal, and gets sentences and no line for each request.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"()": "acsnet.server.web.log_lines.JsonLines"},
            "sentence": {"()": "acsnet.server.web.log_lines.PlainLines"},
        },
        "filters": {
            "repeats": {"()": "acsnet.server.web.log_lines.Repeats"},
            "no requests": {"()": "acsnet.server.web.log_lines.NoRequests"},
        },
        "handlers": {
            "console": {
                "class": "acsnet.server.web.log_lines.ConsoleLines",
                "formatter": "sentence" if to_person else "line",
                "filters": ["repeats", "no requests"] if to_person else ["repeats"],
            },
            "file": {
                "class": "acsnet.server.web.log_lines.FileLines",
                "formatter": "line",
                "filters": ["repeats"],
                "filename": str(file),
                "maxBytes": 10_000_000,
                "backupCount": 3,
                "encoding": "utf-8",
            },
        },
        "root": {"level": "ERROR", "handlers": ["console", "file"]},
        "loggers": {"acsnet": {"level": "INFO"}},
    }
