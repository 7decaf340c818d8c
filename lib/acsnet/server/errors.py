"""Errors of the server, each with its HTTP status: busy, overloaded, stopping, out of memory."""

from acsnet.errors import AcsnetError, InputError

MAX_RETRY_S = 120

BROKEN_OFF = 499
"""The status of a request whose client went away, as nginx has it."""


class BusyError(AcsnetError):
    """Work that cannot begin while other work of its kind is under way."""

    status = 409


class UnknownError(AcsnetError):
    """Something that a client names and that there is not."""

    status = 404


class ReplacedError(AcsnetError):
    """A label map or a scan that is another one since a person was shown it."""

    status = 409


class UnshownError(AcsnetError):
    """A label map that is to be accepted, and that the person has not looked at yet.

    warnings: those to be shown with it; digest: by which the client says that they were.
    """

    status = 409

    def __init__(self, message: str, *, warnings: tuple[str, ...] = (), digest: str = "") -> None:
        super().__init__(message)
        self.warnings, self.digest = warnings, digest


class LoadError(AcsnetError):
    """A request that the server cannot take now, and that may be repeated after `retry_after` s."""

    status = 503

    def __init__(self, message: str, *, retry_after: int = MAX_RETRY_S) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QueueFullError(LoadError):
    """An inference for which the queue has no place."""


class VolumesError(LoadError):
    """A scan that does not fit into the memory beside those being read."""


class MemoryShortError(LoadError):
    """Work for which processor or accelerator have not enough memory just now."""


DISK_FULL = "the disk of the server is full: tell its administrator"


class DiskFullError(LoadError):
    """An upload for which there is no room on the disk."""

    status = 507


class GoneError(AcsnetError):
    """Work that nobody waits for any more: the client has closed its connection."""

    status = BROKEN_OFF

    def __init__(self) -> None:
        super().__init__("the client has gone")


class StoppingError(LoadError):
    """A request to a server that is shutting down."""

    def __init__(self) -> None:
        super().__init__("the server is being stopped: ask again in a minute", retry_after=60)


class AccountsError(InputError):
    """Accounts that cannot be read; the message names the file, which is not for clients."""

    status = 503

    @property
    def client_message(self) -> str:
        """The fault without the name of the file."""
        return "the server cannot read its accounts: tell its administrator"


def printable(text: str) -> str:
    """Text that a reply can hold: what is no character of Unicode is shown as an escape."""
    return text.encode("utf-8", "backslashreplace").decode()
