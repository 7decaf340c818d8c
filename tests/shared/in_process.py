"""The server's app and its web application in this process."""

from contextlib import contextmanager

import pytest
import shared_networks
from fastapi.testclient import TestClient

from acsnet.pipeline import Pipeline
from acsnet.server.monailabel_settings import lean_import

with lean_import():
    from monailabel.endpoints import datastore, info, session

    from acsnet.server import asgi
    from acsnet.server.app import AcsnetApp


@contextmanager
def app_over(folder, studies, **environment):
    """An app over a studies folder, with its state in `folder`; it serves the shared networks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pipeline, "load", shared_networks.load_once)
        for name, value in {"ACSNET_STATE": str(folder / "state"), **environment}.items():
            patch.setenv(name, value)
        app = AcsnetApp(app_dir=str(folder), studies=str(studies), conf={})
        for stock in (info, datastore, session):
            patch.setattr(stock, "app_instance", lambda: app)
        try:
            yield app
        finally:
            app.close()


def application_of(app):
    """The web application of an app."""
    application = asgi.build()
    application.state.acsnet = app
    return application


def client_of(application, *, address="127.0.0.1", **options):
    """A client at an address; options: of `TestClient`."""
    return TestClient(
        application,
        base_url="http://127.0.0.1:8000",
        client=(address, 1),
        follow_redirects=False,
        **options,
    )
