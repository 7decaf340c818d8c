"""An answer of a DICOMweb service that is passed on while it comes in."""

import json
from collections.abc import Iterator
from typing import Any

import requests

from acsnet.errors import PacsError
from acsnet.pacs.dicomweb.session import reason_of

MAX_JSON_BYTES = 64 * 2**20
PIECE_BYTES = 2**16


class Answer:
    """An answer of which only the head has come in; what follows is bounded.

    warning: of the service, as in the header of this name.
    """

    def __init__(
        self, response: requests.Response, *, max_json_bytes: int = MAX_JSON_BYTES
    ) -> None:
        self._response = response
        self._max_json_bytes = max_json_bytes
        self.status = response.status_code
        self.kind = response.headers.get("Content-Type", "")
        self.warning = response.headers.get("Warning", "")

    def pieces(self) -> Iterator[bytes]:
        """The content as it comes in. Raises PacsError where it is too long or cut short."""
        try:
            yield from self._response.iter_content(PIECE_BYTES)
        except requests.RequestException as error:
            msg = f"an answer of the PACS cannot be passed on, {reason_of(error)}"
            raise PacsError(msg) from error
        finally:
            self._response.close()

    def json(self) -> Any:
        """The content as JSON. Raises PacsError for what is no JSON, or too long."""
        content = bytearray()
        for piece in self.pieces():
            content += piece
            if len(content) > self._max_json_bytes:
                self.close()
                msg = f"an answer of the PACS is longer than {self._max_json_bytes} bytes"
                raise PacsError(msg)
        try:
            return json.loads(content or b"[]")
        except (ValueError, RecursionError) as error:
            msg = "an answer of the PACS cannot be understood"
            raise PacsError(msg) from error

    def close(self) -> None:
        """Leave the rest of the content where it is."""
        self._response.close()
