"""What a client may choose for an inference: by the names of programs, or as viewers show it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

from acsnet.errors import InputError
from acsnet.pipeline import Pipeline
from acsnet.quantify.scar import ScarMethod
from acsnet.scan import ShortAxisScan

SCAR_METHOD, KEEP_VALID, UNCERTAINTY = "scar_method", "keep_valid_masks", "uncertainty"
PHASE, SERIES = "phase", "series"
"""Parameters as programs send them."""

TITLES = {
    SCAR_METHOD: "Threshold of core scar",
    KEEP_VALID: "Keep walls that are possible",
    UNCERTAINTY: "With 90 % intervals (slower)",
    PHASE: "Image of each slice (0: the only one)",
}
METHOD_TITLES: dict[str, str] = {
    "remote": "half-way from remote wall to peak",
    "half_max": "half of the peak",
}
"""The same as 3D Slicer and OHIF's panel show them: what they show they also send."""

SENT_BY_VIEWERS = frozenset(
    {
        "client_id",
        "device",
        "label",
        "reset_state",
        "restore_label_idx",
        "result_compress",
        "result_dtype",
        "result_extension",
        "selected_label_name",
        "slice",
        "user",
    }
)
"""Sent to every model by 3D Slicer's module, OHIF's panel and the login, beside lists."""

SHOWN, LONGEST = 10, 40
"""Parameters that are named in a warning, and characters of each."""

MAX_NEGATIVE = 0.01
"""Share of the signal: from there on the images are signed, as phase-sensitive ones are. Ours."""

MAX_PHASE = 10_000

SWITCHES = {"true": True, "false": False}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a client may choose; the pipeline's own defaults where it does not."""

    scar_method: ScarMethod = "remote"
    keep_valid_masks: bool = True
    uncertainty: bool = False

    def on(self, pipeline: Pipeline) -> Pipeline:
        """The pipeline with these options; the networks are shared."""
        return replace(
            pipeline,
            scar_method=self.scar_method,
            corrector=replace(pipeline.corrector, keep_valid=self.keep_valid_masks),
            uncertainty=self.uncertainty,
        )


def named(request: dict[str, Any]) -> dict[str, Any]:
    """A request with the names of parameters in place of what viewers show.

    Raises InputError where both are there and say something else.
    """
    named = {name: value for name, value in request.items() if name not in TITLES.values()}
    for name, title in TITLES.items():
        if title not in request:
            continue
        if name in request and _plain(name, request[name]) != _plain(name, request[title]):
            msg = f"{name} and {title!r} are one parameter: send one of them, or the same value"
            raise InputError(msg)
        named[name] = request[title]
    if SCAR_METHOD in named:
        named[SCAR_METHOD] = _plain(SCAR_METHOD, named[SCAR_METHOD])
    return named


def _plain(name: str, value: Any) -> Any:
    """The value of a parameter by its own name, whether that or its title was sent.

    A list of methods is one as `/info/` offers it, the choice in front.
    """
    if name != SCAR_METHOD:
        return value
    method = value[0] if isinstance(value, list) and value else value
    values = {title: known for known, title in METHOD_TITLES.items()}
    return values.get(method, method) if isinstance(method, str) else method


def unused(request: Mapping[str, Any], *, options: Collection[str]) -> str:
    """The parameters of a request, see `named`, that nothing is taken from, in words.

    Empty where there are none. Lists are the points, labels and regions of viewers.

    options: that the model takes.
    """
    known = SENT_BY_VIEWERS.union(options)
    names = [
        name[:LONGEST]
        for name, value in request.items()
        if name not in known and not isinstance(value, list)
    ]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def check_method(scan: ShortAxisScan, options: Options) -> None:
    """Refuse half of the peak on signed images before the networks run. Raises InputError."""
    if options.scar_method != "half_max":
        return
    signal = scan.pixels if scan.signal is None else scan.pixels[scan.signal]
    if signal.size and float((signal < 0).mean()) > MAX_NEGATIVE:
        msg = (
            "half of the peak has no meaning on images with negative values, as phase-sensitive "
            f"ones have (lowest {signal.min():g}): take the other threshold of core scar (remote)"
        )
        raise InputError(msg)


def options_of(request: Mapping[str, Any]) -> Options:
    """The options in a request, see `named`. Raises InputError for a value that there is not."""
    method = request.get(SCAR_METHOD, Options.scar_method)
    if method not in get_args(ScarMethod):
        msg = f"{SCAR_METHOD} must be one of {', '.join(get_args(ScarMethod))}, got {method!r}"
        raise InputError(msg)
    return Options(
        scar_method=cast(ScarMethod, method),
        keep_valid_masks=_switch(request, KEEP_VALID, default=Options.keep_valid_masks),
        uncertainty=_switch(request, UNCERTAINTY, default=Options.uncertainty),
    )


def _switch(request: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """True or false, also as text. Raises InputError for anything else."""
    value = request.get(name, default)
    switch = value if isinstance(value, bool) else SWITCHES.get(str(value).strip().lower())
    if switch is None:
        msg = f"{name} must be true or false, got {value!r}"
        raise InputError(msg)
    return switch


def choice_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """What `read_scan` takes to choose among the images of a DICOM folder.

    Clients send numbers as text, too, and 0 or nothing where nobody chose. Raises InputError for
    what is neither.
    """
    phase, series = request.get(PHASE) or 0, request.get(SERIES) or ""
    phase = int(phase) if isinstance(phase, str) and phase.strip().isdecimal() else phase
    if isinstance(phase, bool) or not isinstance(phase, int) or not 0 <= phase <= MAX_PHASE:
        msg = f"{PHASE} must be a whole number, 1 for the first image of each slice, got {phase!r}"
        raise InputError(msg)
    if not isinstance(series, (str, int)) or isinstance(series, bool) or len(str(series)) > 1000:
        msg = f"{SERIES} must be a SeriesInstanceUID or SeriesNumber, got {type(series).__name__}"
        raise InputError(msg)
    return {PHASE: phase or None, SERIES: str(series).strip() or None}
