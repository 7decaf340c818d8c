"""All that a site can set, in one place: a file, and environment variables that go before it.

`ACSNET_CONFIG` names the file, in TOML: `viewer = "..."` at its top, `[pacs]`, `[server]` and so
on below. A setting `user` of the group `pacs` is the variable `ACSNET_PACS_USER`. A name that is
none is refused, in the file and among the variables: a slip of the pen must not turn a lock off.
"""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from acsnet.errors import InputError
from acsnet.files.hosts import host_name, origin_text
from acsnet.files.settings_file import no_setting, read_file

PREFIX = "ACSNET_"
CONFIG = "ACSNET_CONFIG"
OF_TESTS = frozenset({"ACSNET_DATA", "ACSNET_SHOTS"})
"""Variables that only the tests of this project read."""
SECRETS = (("pacs", "password"), ("pacs", "token"))


def _parts(value: Any) -> Any:
    """A variable holds a list as `one,other`."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _networks(value: Any) -> Any:
    """Raises ValueError for what is no address or network, as a host name is none."""
    parts = _parts(value)
    for part in parts if isinstance(parts, list) else ():
        ip_network(part)
    return parts


def _not_empty(path: Any) -> Any:
    """Raises ValueError for an empty path, which would be the current folder."""
    if isinstance(path, str) and not path.strip():
        msg = "an empty path is none: leave the line out"
        raise ValueError(msg)
    return path


def _state_folder() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state") / "acsnet"


def _whole(path: Path, *, of: tuple[str, ...]) -> Path:
    """The whole path of a setting. Raises InputError for "~" where no home folder is known."""
    try:
        return path.expanduser().resolve()
    except RuntimeError as error:
        msg = f"no home folder is known for {path}: set {variable(of)} to a whole path"
        raise InputError(msg) from error


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts)]
Host = Annotated[str, AfterValidator(host_name)]
Hosts = Annotated[tuple[Host, ...], NoDecode, BeforeValidator(_parts)]
Origin = Annotated[str, AfterValidator(origin_text)]
Origins = Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_parts)]
Place = Annotated[Path, BeforeValidator(_not_empty)]
Networks = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_networks)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Minutes = Seconds


class Group(BaseModel):
    """Settings that belong together."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Pacs(Group):
    """How to log in to a PACS and what to look for; see `acsnet.pacs.config`."""

    user: str = Field(default="", description="user name for the PACS")
    password: SecretStr = Field(default=SecretStr(""), description="password for the PACS")
    token: SecretStr = Field(
        default=SecretStr(""), description="bearer token instead of name and password"
    )
    search: str = Field(
        default="", description="additional search keys, such as `StudyDate=20260101-`"
    )
    lge: re.Pattern[str] | None = Field(
        default=None, description="regular expression for the names of LGE series"
    )
    cache_seconds: Seconds = Field(
        default=10.0, description="seconds that the list of scans is kept"
    )


class Train(Group):
    """When and how the server trains; see `acsnet.fine_tuning`."""

    after: int = Field(
        default=10, ge=0, description="newly reviewed labels that start a training; 0 for never"
    )
    trainer: str = Field(
        default="all",
        pattern="^(all|roi|myo|autoencoder|prior)$",
        description="what is trained then",
    )
    pause_s: Seconds = Field(
        default=300.0, description="seconds to wait after the last of these reviews"
    )
    quiet_s: Seconds = Field(
        default=20.0, description="seconds for which training pauses after an inference"
    )
    threads: int = Field(
        default=max(1, (os.cpu_count() or 1) - 1),
        ge=1,
        description="processor threads for training",
    )
    hold_out: float = Field(default=0.25, gt=0, lt=1, description="share of patients held out")


class Pick(Group):
    """How the next scan for a reader is picked; see `acsnet.server.learning.strategy`."""

    ahead: int = Field(
        default=50, ge=0, description="open scans kept scored, and of reviewed ones; 0 for none"
    )
    quiet_s: Seconds = Field(default=30.0, description="seconds without scoring after an inference")
    busy_minutes: Minutes = Field(
        default=30.0, description="minutes for which a scan is reserved for one reader"
    )


class Server(Group):
    """Where the server listens and whom it answers; see `acsnet.server.web.access_policy`."""

    host: Host = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(
        default=8000, ge=0, le=65535, description="port to listen on, 0 for any free one"
    )
    names: Hosts = Field(default=(), description="host names under which people reach the server")
    origins: Origins = Field(
        default=(), description="`https://...` of other sites whose pages may send requests"
    )
    tls_cert: Place | None = Field(default=None, description="file with the certificate chain")
    tls_key: Place | None = Field(default=None, description="file with its private key")
    behind_tls_proxy: bool = Field(default=False, description="a reverse proxy handles TLS")
    proxies: Networks = Field(
        default=("127.0.0.1", "::1"), description="addresses or networks of that proxy"
    )
    insecure_without_login: bool = Field(
        default=False, description="answer other machines although nobody has to log in"
    )
    insecure_without_tls: bool = Field(
        default=False,
        description="answer other machines although passwords and scans can be read in transit",
    )


class Limits(Group):
    """How much the server takes on; see `server.inference.work_queue`, `server.web.load_limits`."""

    waiting: int = Field(
        default=16, ge=0, le=28, description="inferences that may wait; more get status 503"
    )
    waiting_of_one: int = Field(default=8, ge=1, description="of these, for one reader")
    upload_mb: int = Field(default=512, ge=1, le=2048, description="largest upload, MB")
    free_gb: float = Field(
        default=1.0, ge=0, allow_inf_nan=False, description="disk space that uploads leave free, GB"
    )
    stop_s: Seconds = Field(
        default=60.0, description="seconds that running work gets when the server is stopped"
    )


class Login(Group):
    """Who has to log in; see `acsnet.server.auth`."""

    required: bool = Field(default=False, description="everybody must log in")
    accounts: Place | None = Field(
        default=None, description="file of `acsnet accounts`; by default in the state folder"
    )
    session_hours: float = Field(
        default=10.0, gt=0, le=168, description="hours after which a login ends"
    )
    idle_minutes: float = Field(
        default=60.0, gt=0, description="minutes without use after which a login ends"
    )


class Oidc(Group):
    """Bearer tokens of an identity provider; see `acsnet.server.auth.tokens`."""

    issuer: str = Field(default="", description="issuer of the tokens (`iss`); empty for none")
    audience: str = Field(default="", description="audience that the tokens must have (`aud`)")
    clients: Names = Field(
        default=(), description="clients (`azp`, `client_id`) accepted besides `aud`"
    )
    keys: str = Field(default="", description="https address, or file, of the public keys (JWKS)")
    name_claim: str = Field(
        default="preferred_username", description="claim with the person's name"
    )
    roles_claim: str = Field(
        default="roles", description="claim with the roles, such as `realm_access.roles`"
    )
    annotator: str = Field(default="annotator", description="its name for the role annotator")
    reviewer: str = Field(default="reviewer", description="its name for the role reviewer")
    admin: str = Field(default="admin", description="its name for the role admin")


class Report(Group):
    """What reports lead with; see `acsnet.report`."""

    method: str = Field(
        default="drawn",
        pattern="^(drawn|fwhm_remote|fwhm_half_max|sd[2-6](_mean)?|otsu)$",
        description="scar method on the report's first page, one of those in `features.json`",
    )


class Settings(BaseSettings):
    """Everything; read it by `read_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
    )

    state: Place = Field(
        default_factory=_state_folder, description="folder for everything that the server writes"
    )
    viewer: Place | None = Field(
        default=None, description="folder with stock OHIF, built for `/viewer/`"
    )
    pacs: Pacs = Pacs()
    train: Train = Train()
    pick: Pick = Pick()
    server: Server = Server()
    limits: Limits = Limits()
    login: Login = Login()
    oidc: Oidc = Oidc()
    report: Report = Report()

    @property
    def state_folder(self) -> Path:
        """The whole path of `state`."""
        return _whole(self.state, of=("state",))

    @property
    def accounts_file(self) -> Path:
        """The whole path of `login.accounts`."""
        file = self.login.accounts or self.state_folder / "accounts.json"
        return _whole(file, of=("login", "accounts"))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables go before the file."""
        return (init_settings, env_settings, InitSettingsSource(settings_cls, file_content()))


def names() -> Iterator[tuple[str, ...]]:
    """Where each setting is: `("state",)`, `("pacs", "user")` and so on."""
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Group):
            yield from ((name, inner) for inner in kind.model_fields)
        else:
            yield (name,)


def variable(name: tuple[str, ...]) -> str:
    """The environment variable of a setting."""
    return PREFIX + "_".join(name).upper()


def file_content() -> dict[str, Any]:
    """What the settings file says, empty without one. Raises InputError as `read_file`."""
    file = os.environ.get(CONFIG)
    return read_file(file, known=Settings.model_fields, secrets=SECRETS) if file else {}


def read_settings() -> Settings:
    """What holds in this process: read once, and again when its environment has changed.

    Raises InputError, naming variable or file, for an unknown name, a value that cannot be
    used and a file that cannot be read.
    """
    given = {key: value for key, value in os.environ.items() if key.upper().startswith(PREFIX)}
    return _read(frozenset(given.items()), os.environ.get("XDG_STATE_HOME"))


@lru_cache(maxsize=16)
def _read(environment: frozenset[tuple[str, str]], _: str | None) -> Settings:
    known = {variable(name) for name in names()}
    for key, _value in sorted(environment):
        if key not in known | OF_TESTS | {CONFIG}:
            raise InputError(no_setting(key, key.upper(), known))
    file = os.environ.get(CONFIG)
    if file and not Path(file).is_file():
        msg = f"{CONFIG} must name a file, got {file}"
        raise InputError(msg)
    try:
        return Settings()
    except ValidationError as error:
        raise InputError(_fault(error, file)) from error


def _fault(error: ValidationError, file: str | None) -> str:
    fault = error.errors()[0]
    name = tuple(str(part) for part in fault["loc"][:2])
    if fault["type"] == "extra_forbidden":
        return f"{file}: there is no setting {'.'.join(name)}"
    own = variable(name)
    where = own if os.environ.get(own) else f"{file}: {'.'.join(name)}"
    is_secret = any(secret[: len(name)] == name for secret in SECRETS)
    got = "" if is_secret else f", got {fault['input']!r}"
    return f"{where}: {fault['msg'].removeprefix('Value error, ')}{got}"
