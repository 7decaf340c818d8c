"""Proxies that the environment names: not for a PACS on this machine."""

import pytest

from acsnet.pacs.config import PacsSettings
from acsnet.pacs.dicomweb import DicomWeb

PROXY = "http://proxy.example.org:3128"


@pytest.mark.parametrize(
    ("host", "proxy"),
    [
        ("127.0.0.1:8042", None),
        ("localhost", None),
        ("[::1]:8042", None),
        ("pacs.example.org", PROXY),
        ("[fd00::1]", PROXY),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_pacs_on_this_machine_is_asked_without_the_proxy(wire, monkeypatch, scheme, host, proxy):
    """The file of authorities that the environment names counts all the same."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(f"{scheme}_proxy", PROXY)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "authorities.pem")
    wire.answer(307, Location="/dicom-web/again")  # what follows it, too
    for _ in range(2):
        wire.json()
    client = DicomWeb(PacsSettings(url=f"{scheme}://{host}/dicom-web"))
    client.search_series({})
    assert not client.has_instance("1.2.3")
    asked_by = [(options["proxies"] or {}).get(scheme) for options in wire.options]
    assert asked_by == [proxy] * 3
    assert wire.options[-1]["verify"] == "authorities.pem"
