"""The two OHIF viewers and their settings; everything they load comes from this server.

`/ohif/` is the one that MONAI Label ships, with its "Run" panel. `/viewer/` is stock OHIF, where
`make viewer` has fetched it, with the mode `acsnet` of ours (`server/web/static/ohif`), in which a
case is looked at, corrected and accepted.
"""

import json
import re
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote, urlencode

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

import acsnet
from acsnet import NOTICE
from acsnet.server.app import App
from acsnet.server.datastores.protocol import StudyStore, require_case
from acsnet.server.dicomweb import ROOT
from acsnet.settings import read_settings

MODE = Path(str(files("acsnet.server.web"))) / "static" / "ohif"
"""Our mode of stock OHIF: modules that the browser loads as they are, nothing is built."""

MODE_FILES = "acsnet-mode/"
"""Where they are, below `/viewer/`."""

BUNDLED = Path(str(files("monailabel"))) / "endpoints" / "static" / "ohif"
PANEL_SCRIPT = "3933.bundle.92d0a0e9bc7e6861b7c9.js"
"""MONAI Label's panel, in the viewer that MONAI Label 0.8.5 ships."""
POINTS_OF_LABEL = "clickPoints[label][uid]['ProbeMONAILabel']"
"""Undefined in that script for the label that was chosen first, until it has a point: *Run* would
then fail before it asks the server."""
PANEL_COOKIE = "MONAILABEL_SERVER_URL"
"""Where the panel of the bundled viewer looks for the address of its server."""

CONFIG = """// Written by the ACSNet server.
window.config = %s;
window.config.whiteLabeling = {
  createLogoComponentFn: function (React) {
    const query = new URLSearchParams(window.location.search);
    const study = query.get('StudyInstanceUIDs');
    const page = query.get('case') ? 'cases/' + encodeURIComponent(query.get('case')) : '';
    const href = '/acsnet/' + (page || (study ? '?study=' + encodeURIComponent(study) : ''));
    const style = { color: 'white', textDecoration: 'underline' };
    const link = React.createElement('a', { href, style }, study ? 'ACSNet case' : 'ACSNet cases');
    const note = { color: '#ffdf6b', display: 'block', fontSize: '11px' };
    const notice = React.createElement('span', { style: note }, %s);
    const both = { display: 'inline-block', lineHeight: 1.25, maxWidth: '22vw' };
    return React.createElement('span', { style: both }, link, notice);
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


def config(base: str, *, mode: bool = False) -> str:
    """The settings of a viewer below `base`, as the JavaScript file that it loads.

    mode: whether it gets our mode, too.
    """
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
    script = CONFIG % (json.dumps(settings, indent=2), json.dumps(NOTICE))
    return script + (MODE / "load.js").read_text(encoding="utf-8") if mode else script


@router.get("/ohif/{path:path}")
def bundled(path: str, request: Request) -> Response:
    """The viewer that MONAI Label ships."""
    if path == PANEL_SCRIPT:
        script = (BUNDLED / path).read_text(encoding="utf-8")
        mended = script.replace(POINTS_OF_LABEL, f"({POINTS_OF_LABEL} ?? [])")
        return Response(mended, media_type="text/javascript")
    answer = _answer(BUNDLED, path, base="/ohif/")
    if isinstance(answer, HTMLResponse):
        # The panel would take port 8000 for granted.
        address = quote(str(request.base_url), safe="")
        answer.set_cookie(PANEL_COOKIE, address, path="/ohif", samesite="strict")
    return answer


@router.get("/viewer/{path:path}")
def stock(app: App, path: str, request: Request, case: str = "") -> Response:
    """Stock OHIF with our mode, where it has been fetched.

    case: id of the case to open, where the address names no study.
    """
    folder = stock_folder()
    if folder is None:
        where = "set ACSNET_VIEWER to the folder `viewer` of the installation"
        raise HTTPException(404, f"stock OHIF is not here: {where}, or fetch it with `make viewer`")
    if path.startswith(MODE_FILES):
        headers = {"Cache-Control": "no-cache"}  # they belong to this version of the server
        return FileResponse(_inside(MODE, path.removeprefix(MODE_FILES)), headers=headers)
    if case and "StudyInstanceUIDs" not in request.query_params:
        return RedirectResponse(_case_address(app.datastore(), case), 303)
    return _answer(folder, path, base="/viewer/", mode=True)


def _case_address(store: StudyStore, image: str) -> str:
    """Where a case is corrected: in OHIF, or on its page where it is no DICOM series."""
    require_case(store, image)
    info = store.get_image_info(image)
    if "StudyInstanceUID" not in info:
        return f"/acsnet/cases/{quote(image)}"
    return correct_link(info["StudyInstanceUID"], info["SeriesInstanceUID"], image)


def _inside(folder: Path, path: str) -> Path:
    """A file of a folder, by its path from there. Raises HTTPException 404 for any other."""
    file = (folder / path).resolve()
    if not (file.is_relative_to(folder.resolve()) and file.is_file()):
        raise HTTPException(404, "the viewer has no such file")
    return file


def _answer(folder: Path, path: str, *, base: str, mode: bool = False) -> Response:
    """A file of the viewer, or its one page for every address that it handles by itself."""
    if path == "app-config.js":
        return Response(config(base, mode=mode), media_type="text/javascript")
    file = (folder / path).resolve()
    if file.is_relative_to(folder.resolve()) and file.is_file():
        return FileResponse(file)
    if Path(path).suffix in (".js", ".css", ".wasm", ".map", ".png", ".svg", ".ico", ".json"):
        raise HTTPException(404, "the viewer has no such file")
    page = _OUTSIDE.sub("", (folder / "index.html").read_text(encoding="utf-8"))
    return HTMLResponse(page, headers={"Cache-Control": "no-cache"})


def viewer_links(study: str, series: str, image: str) -> dict[str, str]:
    """Addresses that open a series in the viewers that are there; image: the id of the case."""
    query = "?" + urlencode({"StudyInstanceUIDs": study, "initialSeriesInstanceUID": series})
    links = {"Correct in OHIF": correct_link(study, series, image)} if has_stock_viewer() else {}
    return links | {"MONAI Label's OHIF": f"/ohif/monai-label{query}"}


def correct_link(study: str, series: str, image: str) -> str:
    """The address that opens a case in our mode of OHIF."""
    names = {"StudyInstanceUIDs": study, "initialSeriesInstanceUID": series, "case": image}
    return f"/viewer/acsnet?{urlencode(names)}"
