"""Fixtures of corrections."""

from clicked_site import site  # noqa: F401
