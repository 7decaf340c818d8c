"""Headless Chromium, and servers with scans that viewers can show."""

import os
import shutil
from pathlib import Path

import pytest
from viewer_pages import FLAGS, PATIENCE_MS, SCREEN


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    binary = shutil.which("chromium")
    if binary is None:
        pytest.skip("Chromium is not installed (Debian: chromium)")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=binary, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser):
    """A browser window that notes which addresses it asks for and our policy does not stop."""
    context = browser.new_context(viewport=SCREEN)
    window = context.new_page()
    window.set_default_timeout(PATIENCE_MS)
    window.asked = set()
    window.on("request", lambda request: window.asked.add(request.url))
    window.on(
        "requestfailed",
        lambda request: window.asked.discard(request.url) if request.failure == "csp" else None,
    )
    yield window
    context.close()


@pytest.fixture
def look(page):
    """Takes a picture for people to look at, into the folder $ACSNET_SHOTS; none without it."""
    folder = os.environ.get("ACSNET_SHOTS")

    def take(name, **options):
        if folder:
            page.wait_for_timeout(500)
            page.screenshot(path=Path(folder) / f"{name}.png", **options)

    return take


@pytest.fixture(scope="module")
def url(start_server, samples):
    """The server on the two phantoms as DICOM."""
    address, _ = start_server(samples / "dicom")
    return address


@pytest.fixture(scope="module")
def pacs_url(orthanc, start_server, samples):
    """The server on an archive that holds the first phantom; all MR series count as LGE."""
    orthanc.store_files(samples / "dicom" / "phantom-1")
    address, _ = start_server(
        orthanc.url, **orthanc.environment, ACSNET_PACS_CACHE_SECONDS="0.2", ACSNET_PACS_LGE=".*"
    )
    return address
