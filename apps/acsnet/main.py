"""What `monailabel start_server --app apps/acsnet` loads; the app itself is in `acsnet.server`."""

from acsnet.server.app import AcsnetApp

__all__ = ["AcsnetApp"]
