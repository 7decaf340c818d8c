"""The two OHIF viewers and their settings; everything they load comes from this server.

`/ohif/` is the one that MONAI Label ships, with its "Run" panel. `/viewer/` is stock OHIF, where
`make viewer` has fetched it, to review, edit and store.
"""

import json
import re
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote, urlencode

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

import acsnet
from acsnet.result import NOTICE
from acsnet.server.dicomweb import ROOT
from acsnet.settings import read_settings

BUNDLED = Path(str(files("monailabel"))) / "endpoints" / "static" / "ohif"
PANEL_COOKIE = "MONAILABEL_SERVER_URL"
"""Where the panel of the bundled viewer looks for the address of its server."""

CONFIG = """// Written by the ACSNet server.
window.config = %s;
window.config.whiteLabeling = {
  createLogoComponentFn: function (React) {
    const study = new URLSearchParams(window.location.search).get('StudyInstanceUIDs');
    const href = '/acsnet/' + (study ? '?study=' + encodeURIComponent(study) : '');
    const style = { color: 'white', whiteSpace: 'nowrap', textDecoration: 'underline' };
    const link = React.createElement('a', { href, style }, study ? 'ACSNet case' : 'ACSNet cases');
    const note = { color: '#ffdf6b', whiteSpace: 'nowrap', marginLeft: '1rem' };
    const notice = React.createElement('span', { style: note }, %s);
    return React.createElement('span', null, link, notice);
  },
};
"""

_OUTSIDE = re.compile(r'<link[^>]*href="https?://[^>]*>')

router = APIRouter()


def stock_folder() -> Path | None:
    """Where stock OHIF lies: `$ACSNET_VIEWER`, or where `make viewer` puts it; None without it."""
    checkout = Path(acsnet.__file__).parents[2] / "build" / "viewer" / "dist"
    folder = read_settings().viewer or checkout
    return folder if (folder / "index.html").is_file() else None


def has_stock_viewer() -> bool:
    """Whether stock OHIF has been fetched."""
    return stock_folder() is not None


def config(base: str) -> str:
    """The settings of a viewer below `base`, as the JavaScript file that it loads."""
    source = {
        "friendlyName": "ACSNet studies",
        "name": "acsnet",
        "wadoUriRoot": ROOT,
        "qidoRoot": ROOT,
        "wadoRoot": ROOT,
        "qidoSupportsIncludeField": False,
        "supportsReject": False,
        "supportsFuzzyMatching": False,
        "supportsWildcard": True,
        "imageRendering": "wadors",
        "thumbnailRendering": "wadors",
        "enableStudyLazyLoad": True,
        "dicomUploadEnabled": False,
        "bulkDataURI": {"enabled": True},
        "singlepart": "",
    }
    settings = {
        "routerBasename": base,
        "showStudyList": True,
        "extensions": [],
        "modes": [],
        "showWarningMessageForCrossOrigin": False,
        "showCPUFallbackMessage": True,
        "showLoadingIndicator": True,
        "strictZSpacingForVolumeViewport": True,
        "investigationalUseDialog": {"option": "never"},
        "useSharedArrayBuffer": "FALSE",
        "defaultDataSourceName": "dicomweb",
        "dataSources": [
            {
                "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
                "sourceName": "dicomweb",
                "configuration": source,
            }
        ],
    }
    return CONFIG % (json.dumps(settings, indent=2), json.dumps(NOTICE))


@router.get("/ohif/{path:path}")
def bundled(path: str, request: Request) -> Response:
    """The viewer that MONAI Label ships."""
    answer = _answer(BUNDLED, path, base="/ohif/")
    if isinstance(answer, HTMLResponse):
        # The panel would take port 8000 for granted.
        address = quote(str(request.base_url), safe="")
        answer.set_cookie(PANEL_COOKIE, address, path="/ohif", samesite="strict")
    return answer


@router.get("/viewer/{path:path}")
def stock(path: str) -> Response:
    """Stock OHIF, where it has been fetched."""
    folder = stock_folder()
    if folder is None:
        raise HTTPException(404, "stock OHIF is not here: fetch it with `make viewer`")
    return _answer(folder, path, base="/viewer/")


def _answer(folder: Path, path: str, *, base: str) -> Response:
    """A file of the viewer, or its one page for every address that it handles by itself."""
    if path == "app-config.js":
        return Response(config(base), media_type="text/javascript")
    file = (folder / path).resolve()
    if file.is_relative_to(folder.resolve()) and file.is_file():
        return FileResponse(file)
    if Path(path).suffix in (".js", ".css", ".wasm", ".map", ".png", ".svg", ".ico", ".json"):
        raise HTTPException(404, "the viewer has no such file")
    page = _OUTSIDE.sub("", (folder / "index.html").read_text(encoding="utf-8"))
    return HTMLResponse(page, headers={"Cache-Control": "no-cache"})


def viewer_links(study: str, series: str) -> dict[str, str]:
    """Addresses that open a series in the viewers that are there."""
    query = "?" + urlencode({"StudyInstanceUIDs": study, "initialSeriesInstanceUID": series})
    links = {"Run in OHIF": f"/ohif/monai-label{query}"}
    if has_stock_viewer():
        links["Review in OHIF"] = f"/viewer/segmentation{query}"
    return links
