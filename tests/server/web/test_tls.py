"""The server's own certificate and key: what cannot be used, and what browsers will refuse."""

import os
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from certificates import certificate
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from acsnet.errors import InputError
from acsnet.server.web.tls import certificate_doubt, tls_of


def read(cert, key):
    return tls_of(SimpleNamespace(tls_cert=cert, tls_key=key))


def test_a_key_may_come_by_a_pipe(tmp_path):
    """As a vault gives it: `--tls-key <(...)`."""
    cert, key = certificate(tmp_path)
    end, begin = os.pipe()
    os.write(begin, key.read_bytes())
    os.close(begin)
    assert read(cert, f"/dev/fd/{end}")
    os.close(end)


def test_without_a_certificate_there_is_no_tls():
    assert read(None, None) is None


@pytest.mark.parametrize(
    ("begins", "ends", "doubt"),
    [
        (-1, 15, ""),
        (-2, -1, "certificate has expired: browsers refuse it"),
        (1, 90, "certificate is not yet valid: browsers refuse it"),
    ],
)
def test_a_certificate_that_browsers_refuse_is_told_of(tmp_path, begins, ends, doubt):
    assert certificate_doubt(read(*certificate(tmp_path, begins=begins, ends=ends))) == doubt


def test_the_last_day_of_a_certificate_is_told_two_weeks_before(tmp_path):
    day = datetime.now(timezone.utc) + timedelta(days=13)
    context = read(*certificate(tmp_path, ends=13))
    assert certificate_doubt(context) == f"certificate ends on {day:%Y-%m-%d}: renew it"


def test_a_key_with_a_passphrase_is_refused_where_nobody_can_type_it(tmp_path, monkeypatch):
    cert, key = certificate(tmp_path)
    secret = load_pem_private_key(key.read_bytes(), None)
    how = PrivateFormat.PKCS8, BestAvailableEncryption(b"hush")
    key.write_bytes(secret.private_bytes(Encoding.PEM, *how))
    monkeypatch.setattr(os, "isatty", lambda _: False)
    with pytest.raises(InputError, match=r"key\.pem has a passphrase.*: store it without one$"):
        read(cert, key)


def test_files_that_are_no_certificate_and_its_key_are_refused_with_the_reason(tmp_path):
    (tmp_path / "other").mkdir()
    cert, key = certificate(tmp_path)
    _, other = certificate(tmp_path / "other")
    for given in ((key, cert), (cert, cert)):
        with pytest.raises(InputError, match="cannot be read as the certificate and its key, both"):
            read(*given)
    with pytest.raises(InputError, match=r"the key belongs to another certificate$"):
        read(cert, other)
    with pytest.raises(InputError, match=r"cannot be used: none\.pem is not there or may not be"):
        read(cert, "none.pem")
