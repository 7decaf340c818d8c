"""What a client is told when something cannot be done: one sentence, and the right status."""

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from monailabel.interfaces.exception import MONAILabelException
from monailabel.interfaces.utils.app import app_instance
from starlette.exceptions import HTTPException

from acsnet.errors import AcsnetError, PacsError
from acsnet.io.phases import without_options
from acsnet.server import pages
from acsnet.server.batch import BatchBusyError
from acsnet.server.folders import missing_folders
from acsnet.server.login.accounts import AccountsError
from acsnet.server.served import MemoryShortError
from acsnet.server.training import TrainingBusyError
from acsnet.server.turns import MAX_RETRY_S, LoadError

logger = logging.getLogger(__name__)


def add_error_handlers(application: FastAPI) -> None:
    """Answer our errors and those of MONAI Label, as pages where a person reads them."""
    application.add_exception_handler(AcsnetError, user_error)
    application.add_exception_handler(PacsError, pacs_error)
    application.add_exception_handler(BatchBusyError, busy_error)
    application.add_exception_handler(TrainingBusyError, busy_error)
    application.add_exception_handler(MemoryShortError, memory_error)
    application.add_exception_handler(LoadError, load_error)
    application.add_exception_handler(RequestValidationError, validation_error)
    application.add_exception_handler(AccountsError, accounts_error)
    application.add_exception_handler(OSError, place_error)
    application.add_exception_handler(Exception, own_error)
    application.add_exception_handler(HTTPException, http_error)
    application.add_exception_handler(MONAILabelException, monailabel_error)


def user_error(request: Request, error: Exception) -> Response:
    """An error that the user can act on."""
    _count(request, error)
    return answer(request, 422, printable(without_options(str(error))))


def pacs_error(request: Request, error: Exception) -> Response:
    """A PACS that does not do its part: nothing is wrong with the request."""
    _count(request, error)
    return answer(request, 502, str(error))


def busy_error(request: Request, error: Exception) -> Response:
    """What cannot be done while the same goes on already."""
    return answer(request, 409, str(error))


def memory_error(request: Request, error: Exception) -> Response:
    """What may be asked for again later."""
    _count(request, error)
    return answer(request, 503, str(error), headers={"Retry-After": str(MAX_RETRY_S)})


def load_error(request: Request, error: Exception) -> Response:
    """What may be asked for again, and when."""
    _count(request, error)
    after = getattr(error, "retry_after_s", MAX_RETRY_S)
    return answer(request, 503, str(error), headers={"Retry-After": str(after)})


def accounts_error(request: Request, error: Exception) -> Response:
    """Accounts that cannot be read: the log says which file and why."""
    logger.error("%s", error)
    _count(request, error)
    return answer(request, 503, "the server cannot read its accounts: tell who looks after it")


def place_error(request: Request, error: Exception) -> Response:
    """A file that cannot be had: the server is not at fault where a folder of its is gone."""
    if not missing_folders(app_instance()):
        raise error
    _count(request, error)
    reason = "the studies or the state folder cannot be reached: ask again later"
    return answer(request, 503, reason, headers={"Retry-After": str(MAX_RETRY_S)})


def validation_error(request: Request, error: Exception) -> Response:
    """Parameters of the wrong kind, by name; never what was sent, which JSON may not hold."""
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    places = [".".join(map(str, fault["loc"][1:])) or "the body" for fault in faults]
    reason = "; ".join(
        f"{place}: {fault['msg']}" for place, fault in zip(places, faults, strict=True)
    )
    return answer(request, 422, printable(reason))


def own_error(request: Request, error: Exception) -> Response:
    """A fault of ours: the log has the rest, under the id of the request."""
    identifier = request.scope.get("state", {}).get("request_id", "")
    headers = {"X-Request-ID": identifier} if identifier else None
    reason = "the server failed, which is no fault of yours; its log says more"
    return answer(request, 500, reason, headers=headers)


def http_error(request: Request, error: Exception) -> Response:
    """What a route refuses by itself, such as a name that it does not know."""
    headers = getattr(error, "headers", None)
    status = getattr(error, "status_code", 500)
    return answer(request, status, printable(str(getattr(error, "detail", ""))), headers=headers)


def monailabel_error(request: Request, error: Exception) -> Response:
    """What MONAI Label reports of a request: an unknown name, a wrong parameter."""
    return answer(request, 422, getattr(error, "msg", str(error)))


def _count(request: Request, error: Exception) -> None:
    """Let the metrics tell refusals of one status apart."""
    request.scope.setdefault("state", {})["refusal"] = type(error).__name__


def printable(text: str) -> str:
    """Text that a reply can hold: what is no character of Unicode is shown as an escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def answer(
    request: Request, status: int, reason: str, *, headers: Mapping[str, str] | None = None
) -> Response:
    """One sentence, as a page where a person reads it."""
    if request.url.path.startswith(f"{pages.router.prefix}/"):
        page: Response = pages.page("error.html", status=status, reason=reason)
        page.headers.update(headers or {})
        return page
    return JSONResponse({"detail": reason}, status, headers=dict(headers or {}))
