"""The viewers' files and settings; what they do is tested with a browser in tests/clients."""

import json
import re
from urllib.parse import unquote

import pytest

from acsnet.server.pages.viewers import config


@pytest.fixture
def stock(tmp_path, monkeypatch):
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    page = '<link href="https://example.org/font.css" rel="x"/><script src="/viewer/app.js">'
    (folder / "index.html").write_text(page)
    (folder / "assets" / "a.js").write_text("1")
    (tmp_path / "secret.js").write_text("secret")
    monkeypatch.setenv("ACSNET_VIEWER", str(folder))
    return folder


def test_the_bundled_viewer_is_told_where_its_server_is(web):
    answer = web.client.get("/ohif/monai-label?StudyInstanceUIDs=1.2")
    cookie = answer.headers["set-cookie"]
    value = re.match(r"MONAILABEL_SERVER_URL=([^;]*);", cookie).group(1)
    assert unquote(value) == "http://127.0.0.1:8000/"
    assert "Path=/ohif" in cookie


def test_viewers_ask_for_nothing_outside(web, stock):
    for address in ("/ohif/", "/viewer/", "/viewer/segmentation?StudyInstanceUIDs=1.2"):
        answer = web.client.get(address)
        assert answer.status_code == 200
        assert "https://" not in answer.text
        assert "connect-src 'self' data: blob:;" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("base", ["/ohif/", "/viewer/"])
def test_settings_name_our_dicomweb_and_our_pages(base):
    text = config(base)
    settings = json.loads(text.partition("window.config = ")[2].partition(";\n")[0])
    assert settings["routerBasename"] == base
    (source,) = settings["dataSources"]
    assert source["configuration"]["wadoRoot"] == "/dicomweb"
    assert "/acsnet/" in text
    assert "Research use only" in text


def test_settings_are_ours_whatever_lies_in_the_folder(web, stock):
    (stock / "app-config.js").write_text("theirs")
    assert web.client.get("/viewer/app-config.js").text == config("/viewer/")


@pytest.mark.parametrize(
    "path", ["..%2fsecret.js", "assets/..%2f..%2fsecret.js", "%2fetc%2fpasswd"]
)
def test_no_file_outside_the_viewer_is_given(web, stock, path):
    answer = web.client.get(f"/viewer/{path}")
    assert "secret" not in answer.text
    assert "root:" not in answer.text


def test_files_of_the_viewer_are_given(web, stock):
    assert web.client.get("/viewer/assets/a.js").text == "1"
    assert web.client.get("/viewer/assets/none.js").status_code == 404


def test_without_stock_ohif_the_rest_works(web, tmp_path, monkeypatch):
    monkeypatch.setenv("ACSNET_VIEWER", str(tmp_path))
    answer = web.client.get("/viewer/")
    assert answer.status_code == 404
    assert "make viewer" in answer.json()["detail"]
    assert "/viewer/" not in web.client.get("/acsnet/").text
    assert "/viewer/" not in web.client.get(f"/acsnet/cases/{web.series}").text
