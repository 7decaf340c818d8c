"""The routes of MONAI Label that 3D Slicer's module calls, beside our own."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from monailabel.endpoints import datastore, info
from monailabel.interfaces.exception import MONAILabelException

from acsnet.server.web.error_responses import error_response

STOCK_ROUTES: frozenset[tuple[str, str]] = frozenset(
    {
        ("GET", "/info/"),
        ("GET", "/datastore/image/info"),
        ("GET", "/datastore/label"),
        ("HEAD", "/datastore/label"),
        ("GET", "/datastore/label/info"),
    }
)


def add_stock_routes(application: FastAPI) -> None:
    """Add these routes, and no others, to an application, and the answer to their errors."""
    application.add_exception_handler(MONAILabelException, monailabel_error)
    for module in (info, datastore):
        for route in module.router.routes:
            if any((method, route.path) in STOCK_ROUTES for method in route.methods):
                application.add_api_route(
                    route.path, in_thread(route.endpoint), methods=list(route.methods)
                )


async def monailabel_error(request: Request, error: Exception) -> Response:
    """What MONAI Label reports of a request: an unknown name, a wrong parameter."""
    return await error_response(request, 422, getattr(error, "msg", str(error)))


def in_thread(endpoint: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """A route as a plain function, which the web framework runs in a thread of its own.

    As they are, MONAI Label's routes hold up every other request while they search a PACS.
    """

    def call(**parameters: Any) -> Any:
        return asyncio.run(endpoint(**parameters))

    # Not functools.wraps: FastAPI would find the coroutine behind it.
    call.__name__ = endpoint.__name__
    call.__signature__ = inspect.signature(endpoint)  # type: ignore[attr-defined]
    return call
