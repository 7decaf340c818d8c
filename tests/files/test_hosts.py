"""Hosts as browsers send them, and those of this machine."""

import pytest

from acsnet.files.hosts import host_name, is_loopback, origin_text


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("A.Example.org", "a.example.org"),
        ("a.example.org.", "a.example.org"),
        ("lge_server-2", "lge_server-2"),
        ("xn--klinik-kln-fcb.de", "xn--klinik-kln-fcb.de"),
        ("10.0.0.5", "10.0.0.5"),
        ("0.0.0.0", "0.0.0.0"),
        ("[FD00:0::5]", "fd00::5"),
        ("::", "::"),
    ],
)
def test_a_host_is_written_as_browsers_send_it(given, sent):
    assert host_name(given) == sent


@pytest.mark.parametrize(
    "given",
    [
        "",
        "https://a.example.org",
        "a.example.org/",
        "a.example.org:8443",
        "[fd00::5]:8443",
        "*.example.org",
        "a.example.org b.example.org",
        "a;b",
        '"a"',
        "a..b",
        "klinik-k\u00f6ln.de",
    ],
)
def test_what_is_no_host_alone_is_refused(given):
    with pytest.raises(ValueError, match="must be a host name alone, such as"):
        host_name(given)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("https://A.example.org", "https://a.example.org"),
        ("https://a.example.org/", "https://a.example.org"),
        ("https://a.example.org.", "https://a.example.org"),
        ("https://a.example.org:443", "https://a.example.org"),
        ("http://a.example.org:443", "http://a.example.org:443"),
        ("http://[FD00:0::5]:8042", "http://[fd00::5]:8042"),
    ],
)
def test_an_origin_is_written_as_browsers_send_it(given, sent):
    assert origin_text(given) == sent


@pytest.mark.parametrize(
    "given", ["a.example.org", "https://a.example.org/page", "ftp://a.example.org", "https://", "*"]
)
def test_what_is_no_origin_alone_is_refused(given):
    with pytest.raises(ValueError, match=r"must be http\(s\)://HOST\[:PORT\]"):
        origin_text(given)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_names_of_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "", "localhost.example.org"])
def test_names_of_other_machines(host):
    assert not is_loopback(host)
