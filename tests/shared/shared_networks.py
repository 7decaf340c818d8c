"""The shipped networks, loaded once a process for all test modules: that takes a second each."""

import pickle
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from acsnet.nets.weights import SHIPPED
from acsnet.pipeline import NOTHING, Pipeline

load = Pipeline.load


RESULTS: dict[bytes, bytes] = {}


@dataclass(frozen=True, kw_only=True)
class Remembering(Pipeline):
    """Draws what it has drawn before from memory: most drafts in tests are of the same phantoms."""

    def __call__(self, scan, *, given=NOTHING):
        options = self.scar_method, self.corrector.keep_valid, self.uncertainty, self.standard_tone
        key = sha256(pickle.dumps((scan, given, options))).digest()
        if key not in RESULTS:
            RESULTS[key] = pickle.dumps(super().__call__(scan, given=given))
        return pickle.loads(RESULTS[key])


@cache
def shipped():
    return load()


@cache
def remembering():
    return Remembering(**vars(shipped()))


def load_once(*, weights=SHIPPED, **options):
    """As `Pipeline.load`, which loads only what is not shipped or is asked for with options.

    The shipped networks remember what they have drawn.
    """
    return remembering() if weights == SHIPPED and not options else load(weights=weights, **options)
