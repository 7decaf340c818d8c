"""How a site wants scans picked: environment variables that begin with `ACSNET_PICK_`."""

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from acsnet.errors import InputError

PREFIX = "ACSNET_PICK_"


class PickSettings(BaseSettings):
    """As `ACSNET_PICK_AHEAD=100` and so on; read them by `pick_settings`.

    ahead: open scans that are kept scored beside what people do, 0 for none: then scans are scored
    only when they are segmented anyway; quiet_s: nothing is scored so long after an inference;
    busy_minutes: a scan given to one reader is not given to another for so long.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    ahead: int = Field(default=50, ge=0)
    quiet_s: float = Field(default=30.0, ge=0)
    busy_minutes: float = Field(default=30.0, ge=0)


def pick_settings() -> PickSettings:
    """From the environment. Raises InputError, naming the variable, for what cannot be used."""
    try:
        return PickSettings()
    except ValidationError as error:
        fault = error.errors()[0]
        name = f"{PREFIX}{fault['loc'][0]}".upper()
        msg = f"{name}: {fault['msg']}, got {fault['input']!r}"
        raise InputError(msg) from error
