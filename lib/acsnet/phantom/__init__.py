"""Synthetic late gadolinium enhancement patients of known anatomy, scar and geometry.

Research use only, not a medical device: phantoms show no real person.
"""

from acsnet.phantom.make import Phantom, make_phantom
from acsnet.phantom.spec import PhantomSpec, random_spec

__all__ = ["Phantom", "PhantomSpec", "make_phantom", "random_spec"]
