"""Notes on disk of scans whose scoring has begun, so that no scan stops the server twice.

A note is written before a scan is begun and taken back once it has ended well. It stays where the
scan could not be scored, and where the process died over it: out of memory, or killed.
"""

import hashlib
from pathlib import Path

from acsnet import __version__
from acsnet.server.state.paths import private_folder
from acsnet.storage import write_bytes


class BegunScans:
    """Scans that were begun and have not ended well, by id and state.

    A scan whose files have changed, and any scan under another version of the software, counts as
    one that was never begun.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def holds(self, image: str, fingerprint: str) -> bool:
        """Whether a scan in this state was begun and has not ended well."""
        return self._note(image, fingerprint).exists()

    def add(self, image: str, fingerprint: str) -> None:
        """Note that a scan is begun; on the disk when this returns."""
        private_folder(self._folder)
        write_bytes(self._note(image, fingerprint), b"", private=True)

    def remove(self, image: str, fingerprint: str) -> None:
        """Take the note back: it ended well, or what failed was not the scan."""
        self._note(image, fingerprint).unlink(missing_ok=True)

    def _note(self, image: str, fingerprint: str) -> Path:
        key = "\n".join((image, fingerprint, __version__))
        return self._folder / hashlib.sha256(key.encode()).hexdigest()
