"""What several routes need: an image by its name, a client's session, an upload on disk."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import HTTPException, Request, UploadFile
from monailabel.utils.sessions import SessionInfo

from acsnet.server.app import AcsnetApp
from acsnet.server.web.load_limits import asker
from acsnet.server.web.request_checks import upload_suffix


def image_path(app: AcsnetApp, image: str) -> Path:
    """The file of an image of the datastore; HTTP 404 for a name that it does not list."""
    if not image:
        raise HTTPException(422, "name an image or a session, or send a file")
    path = app.datastore().get_image_uri(image)
    if not path:
        raise HTTPException(404, f"there is no image {image!r} in the studies")
    return Path(path)


def client_session(app: AcsnetApp, session_id: str, request: Request, *, used: bool) -> SessionInfo:
    """A scan that a client keeps with the server; HTTP 404 where this client has none of that id.

    used: whether its time starts anew.
    """
    owner = asker(request, "")
    session: SessionInfo | None = None
    if app.session_owners.get(session_id) == owner:
        session = app.sessions().get_session(session_id, update_ts=used)
    if session is None:
        raise HTTPException(404, "there is no such session: it may have expired")
    return session


@contextmanager
def saved_upload(app: AcsnetApp, upload: UploadFile) -> Iterator[Path]:
    """An uploaded NIfTI file on disk, for as long as it is looked at."""
    suffix = upload_suffix(upload.filename)
    with tempfile.TemporaryDirectory(dir=app.scratch) as folder:
        path = Path(folder) / f"upload{suffix}"
        copy_upload(upload, path)
        yield path


def copy_upload(upload: UploadFile, path: Path) -> None:
    """Write an uploaded file to a path that does not exist yet."""
    with path.open("xb") as stream:
        shutil.copyfileobj(upload.file, stream)
