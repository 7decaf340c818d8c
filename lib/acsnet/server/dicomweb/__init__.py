"""DICOMweb for viewers in the browser: a folder, or the PACS behind this server."""

from typing import Annotated, Any

from fastapi import Depends, Request

ROOT = "/dicomweb"


def datastore_of(request: Request) -> Any:
    """The datastore behind the web application that answers a request."""
    return request.app.state.acsnet.datastore()


Datastore = Annotated[Any, Depends(datastore_of)]
"""A `StudiesDatastore` or a `DicomWebDatastore`, as the dependency of a route."""
