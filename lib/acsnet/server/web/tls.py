"""TLS of the server's own: its certificate and key, and what browsers will say of them."""

import os
import ssl
import time
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import NoReturn

from acsnet.errors import InputError
from acsnet.files.reasons import reason_of
from acsnet.settings import Server

SOON_S = 14 * 24 * 3600
"""How long before its end a certificate is told of."""


def tls_of(server: Server) -> ssl.SSLContext | None:
    """TLS by the certificate of the settings; None without.

    Raises InputError for a certificate or key that cannot be used.
    """
    certificate, key = server.tls_cert, server.tls_key
    if certificate is None or key is None:
        return None

    def refuse() -> NoReturn:
        msg = f"key {key} has a passphrase, which nobody can type here: store it without one"
        raise InputError(msg)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # Read once: it may be a pipe. At a terminal, OpenSSL asks for the passphrase.
        context.load_cert_chain(certificate, key, password=None if os.isatty(0) else refuse)
    except OSError as error:
        msg = f"certificate {certificate} with key {key} cannot be used: "
        raise InputError(msg + _reason(error, certificate, key)) from error
    return context


def certificate_doubt(context: ssl.SSLContext) -> str:
    """Why browsers refuse the certificate of a server, or soon will; empty where they do not.

    Whether they trust the one who issued it is left to them: here it is trusted by itself.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    try:
        shown = _connected(client, context).getpeercert(binary_form=True)
        client.load_verify_locations(cadata=shown or b"")
        client.verify_mode = ssl.CERT_REQUIRED
        client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        checked = _connected(client, context).getpeercert() or {}
    except ssl.SSLError as error:
        return f"{getattr(error, 'verify_message', error)}: browsers refuse it"
    end = ssl.cert_time_to_seconds(str(checked["notAfter"]))
    if end - time.time() > SOON_S:
        return ""
    return f"certificate ends on {datetime.fromtimestamp(end, timezone.utc):%Y-%m-%d}: renew it"


def _connected(client: ssl.SSLContext, server: ssl.SSLContext) -> ssl.SSLObject:
    """The client's side of a connection in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asks = client.wrap_bio(to_client, to_server)
    answers = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (asks, answers, asks, answers, asks):
        with suppress(ssl.SSLWantReadError):  # what the other side has to say first
            side.do_handshake()
    return asks


def _reason(error: OSError, certificate: Path, key: Path) -> str:
    closed = [file for file in (certificate, key) if not os.access(file, os.R_OK)]
    if closed:
        return f"{closed[0]} is not there or may not be read"
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return "the key belongs to another certificate"
    if isinstance(error, ssl.SSLError) and "PEM" in str(error):
        return "they cannot be read as the certificate and its key, both in PEM"
    return reason_of(error)
