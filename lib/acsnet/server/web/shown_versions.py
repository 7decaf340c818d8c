"""Which label maps a person has looked at, so that nobody accepts one without having seen it."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable

from acsnet.server.identity import logged_in

MOST = 20_000
"""Looks that are remembered, while the server runs."""


class ShownVersions:
    """Label maps that were shown, and to whom; where nobody logs in, all are one person."""

    def __init__(self) -> None:
        self._change = threading.Lock()
        self._shown: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def add(self, image: str, version: str) -> None:
        """Remember that the person behind this request was sent a label map."""
        with self._change:
            self._shown[_key(image, version)] = None
            self._shown.move_to_end(_key(image, version))
            while len(self._shown) > MOST:
                self._shown.popitem(last=False)

    def holds(self, image: str, version: str) -> bool:
        """Whether the person behind this request was sent it."""
        return _key(image, version) in self._shown


def digest_of(warnings: Iterable[str]) -> str:
    """What stands for warnings that were shown, in whatever order: 16 characters."""
    return hashlib.sha256("\n".join(sorted(set(warnings))).encode()).hexdigest()[:16]


def _key(image: str, version: str) -> tuple[str, str, str]:
    person = logged_in()
    return "" if person is None else person.name, image, version
