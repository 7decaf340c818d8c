"""The viewers' files and settings; what they do is tested with a browser in tests/clients."""

import json
import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from acsnet.server.pages.viewers import BUNDLED, MODE, PANEL_SCRIPT, config


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


def test_the_bundled_panel_runs_where_the_label_that_was_chosen_first_has_no_point(web):
    script = (BUNDLED / PANEL_SCRIPT).read_text(encoding="utf-8")
    line = "const annotations = clickPoints[label][uid]['ProbeMONAILabel'];"
    assert script.count(line) == 1
    mended = "const annotations = (clickPoints[label][uid]['ProbeMONAILabel'] ?? []);"
    served = web.client.get(f"/ohif/{PANEL_SCRIPT}")
    assert served.headers["content-type"].startswith("text/javascript")
    assert served.text == script.replace(line, mended)


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
    assert web.client.get("/viewer/app-config.js").text == config("/viewer/", mode=True)


def test_our_mode_is_of_stock_ohif_alone(web, stock):
    assert "acsnet-mode" in web.client.get("/viewer/app-config.js").text
    assert "acsnet-mode" not in web.client.get("/ohif/app-config.js").text
    for file in MODE.iterdir():
        answer = web.client.get(f"/viewer/acsnet-mode/{file.name}")
        assert answer.text == file.read_text()
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["cache-control"] == "no-cache"


def test_a_case_opens_in_the_mode_by_its_id_and_a_volume_file_on_its_page(web, stock):
    address = web.client.get(f"/viewer/acsnet?case={web.series}").headers["location"]
    asked = parse_qs(urlsplit(address).query)
    assert asked == {
        "StudyInstanceUIDs": [web.study],
        "initialSeriesInstanceUID": [web.series],
        "case": [web.series],
    }
    assert web.client.get(address).status_code == 200
    answer = web.client.get("/viewer/acsnet", params={"case": "a & <i>b"})
    assert answer.headers["location"] == "/acsnet/cases/a%20%26%20%3Ci%3Eb"
    assert web.client.get("/viewer/acsnet?case=none").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "..%2fsecret.js",
        "assets/..%2f..%2fsecret.js",
        "%2fetc%2fpasswd",
        "acsnet-mode/..%2f..%2faccess_policy.py",
        "acsnet-mode/%2fetc%2fpasswd",
    ],
)
def test_no_file_outside_the_viewer_is_given(web, stock, path):
    answer = web.client.get(f"/viewer/{path}")
    assert "secret" not in answer.text
    assert "import" not in answer.text
    assert "root:" not in answer.text


def test_files_of_the_viewer_are_given(web, stock):
    assert web.client.get("/viewer/assets/a.js").text == "1"
    assert web.client.get("/viewer/assets/none.js").status_code == 404


def test_without_stock_ohif_the_rest_works(web, tmp_path, monkeypatch):
    monkeypatch.setenv("ACSNET_VIEWER", str(tmp_path))
    answer = web.client.get("/viewer/")
    assert answer.status_code == 404
    assert "set ACSNET_VIEWER to" in answer.json()["detail"]
    assert "make viewer" in answer.json()["detail"]
    assert "/viewer/" not in web.client.get("/acsnet/").text
    assert "/viewer/" not in web.client.get(f"/acsnet/cases/{web.series}").text
