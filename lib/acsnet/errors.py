"""Errors a user can act on: each message names the file, tag or value that is at fault."""


class AcsnetError(ValueError):
    """Base of every error that bad input causes; its message is fit to show to the user.

    status: the HTTP status of a server that meets it; retry_after: seconds after which asking again
    may help.
    """

    status: int = 422
    retry_after: int | None = None

    @property
    def client_message(self) -> str:
        """What a client of the server is told."""
        return str(self)


class InputError(AcsnetError):
    """A file or folder that cannot be read, or that is not a scan this software takes."""


class GeometryError(AcsnetError):
    """A stack of slices from which no true volume can be built."""


class WeightsError(AcsnetError):
    """Network weights that are missing, altered or of another network."""


class PacsError(AcsnetError):
    """A PACS that cannot be reached, or that refuses what it is asked."""

    status = 502
