"""What a client is told when something cannot be done: one sentence, and the right status."""

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from monailabel.interfaces.exception import MONAILabelException
from starlette.exceptions import HTTPException

from acsnet.errors import AcsnetError, PacsError
from acsnet.server import pages
from acsnet.server.batch import BatchBusyError
from acsnet.server.served import MemoryShortError
from acsnet.server.training import TrainingBusyError


def add_error_handlers(application: FastAPI) -> None:
    """Answer our errors and those of MONAI Label, as pages where a person reads them."""
    application.add_exception_handler(AcsnetError, user_error)
    application.add_exception_handler(PacsError, pacs_error)
    application.add_exception_handler(BatchBusyError, busy_error)
    application.add_exception_handler(TrainingBusyError, busy_error)
    application.add_exception_handler(MemoryShortError, memory_error)
    application.add_exception_handler(HTTPException, http_error)
    application.add_exception_handler(MONAILabelException, monailabel_error)


def user_error(request: Request, error: Exception) -> Response:
    """An error that the user can act on."""
    return answer(request, 422, str(error))


def pacs_error(request: Request, error: Exception) -> Response:
    """A PACS that does not do its part: nothing is wrong with the request."""
    return answer(request, 502, str(error))


def busy_error(request: Request, error: Exception) -> Response:
    """What cannot be done while the same goes on already."""
    return answer(request, 409, str(error))


def memory_error(request: Request, error: Exception) -> Response:
    """What may be asked for again later."""
    return answer(request, 503, str(error))


def http_error(request: Request, error: Exception) -> Response:
    """What a route refuses by itself, such as a name that it does not know."""
    told = answer(request, getattr(error, "status_code", 500), getattr(error, "detail", ""))
    told.headers.update(getattr(error, "headers", None) or {})
    return told


def monailabel_error(request: Request, error: Exception) -> Response:
    """What MONAI Label reports of a request: an unknown name, a wrong parameter."""
    return answer(request, 422, getattr(error, "msg", str(error)))


def answer(request: Request, status: int, reason: str) -> Response:
    """One sentence, as a page where a person reads it."""
    if request.url.path.startswith(f"{pages.router.prefix}/"):
        return pages.page("error.html", status=status, reason=reason)
    return JSONResponse({"detail": reason}, status)
