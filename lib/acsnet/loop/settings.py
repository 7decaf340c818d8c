"""How a site wants its models trained: environment variables that begin with `ACSNET_TRAIN_`."""

import os

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from acsnet.errors import InputError
from acsnet.loop.holdout import SHARE

PREFIX = "ACSNET_TRAIN_"


class TrainSettings(BaseSettings):
    """As `ACSNET_TRAIN_AFTER=10` and so on; read them by `train_settings`.

    after: newly reviewed labels after which training begins by itself, 0 for never; trainer: what
    it trains then; pause_s: it waits so long after the last of them; quiet_s: training rests so
    long after an inference; threads: of the processor; hold_out: share of patients measured on.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    after: int = Field(default=10, ge=0)
    trainer: str = Field(default="all", pattern="^(all|roi|myo|autoencoder|prior)$")
    pause_s: float = Field(default=300.0, ge=0)
    quiet_s: float = Field(default=20.0, ge=0)
    threads: int = Field(default=max(1, (os.cpu_count() or 1) - 1), ge=1)
    hold_out: float = Field(default=SHARE, gt=0, lt=1)


def train_settings() -> TrainSettings:
    """From the environment. Raises InputError, naming the variable, for what cannot be used."""
    try:
        return TrainSettings()
    except ValidationError as error:
        fault = error.errors()[0]
        name = f"{PREFIX}{fault['loc'][0]}".upper()
        msg = f"{name}: {fault['msg']}, got {fault['input']!r}"
        raise InputError(msg) from error
