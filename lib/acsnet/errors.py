"""Errors with a message for the user, which names the file, tag or value at fault."""


class AcsnetError(ValueError):
    """Base of all errors that input causes; the message may be shown to the user.

    status: HTTP status of a server that meets it; retry_after: seconds after which asking again may
    help.
    """

    status: int = 422
    retry_after: int | None = None

    @property
    def client_message(self) -> str:
        """What a client of the server is told."""
        return str(self)


class InputError(AcsnetError):
    """Input that cannot be read or is not supported."""


class GeometryError(AcsnetError):
    """Slices that do not form a regular stack."""


class WeightsError(AcsnetError):
    """Weights that are missing, altered or of another network."""


class OutputFullError(AcsnetError):
    """An output folder whose disk has no room for any further result."""


class PacsError(AcsnetError):
    """A PACS that cannot be reached or refuses a request."""

    status = 502
