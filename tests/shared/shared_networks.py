"""The shipped networks, loaded once a process for all test modules: that takes a second each."""

from functools import cache

from acsnet.nets.weights import SHIPPED
from acsnet.pipeline import Pipeline

load = Pipeline.load


@cache
def shipped():
    return load()


def load_once(*, weights=SHIPPED, **options):
    """As `Pipeline.load`, which loads only what is not shipped or is asked for with options."""
    return shipped() if weights == SHIPPED and not options else load(weights=weights, **options)
