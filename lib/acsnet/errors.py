"""Errors with a message for the user, which names the file, tag or value at fault."""

from dataclasses import dataclass, replace


class AcsnetError(ValueError):
    """Base of all errors that input causes; the message may be shown to the user.

    status: HTTP status of a server that meets it; retry_after: seconds after which asking again may
    help.
    """

    status: int = 422
    retry_after: int | None = None

    @property
    def client_message(self) -> str:
        """What a client of the server is told."""
        return str(self)


class InputError(AcsnetError):
    """Input that cannot be read or is not supported."""


class GeometryError(AcsnetError):
    """Slices that do not form a regular stack."""


@dataclass(frozen=True, kw_only=True)
class Choosing:
    """How a user says which of several images or series is meant, in words.

    phase: of images at each slice position, with their {numbers}; series: of a list that follows;
    other_series: of that list, where a name was given that is not in it; image: where a label map
    stands in its place.
    """

    phase: str
    series: str
    other_series: str
    image: str = "give the image, on which `acsnet quantify IMAGE LABELS` measures a label map"


def by_options(which: str = "") -> Choosing:
    """By the options of a command; which: what follows their names, such as "-before"."""
    return Choosing(
        phase=f"choose one with --phase{which} N, N {{numbers}}",
        series=f"choose one with --series{which} UID (or its number)",
        other_series=f"choose with --series{which} from",
    )


def _by_folders(phase: str) -> Choosing:
    """Where a series is chosen by a folder that holds nothing else."""
    series = "put one of them into a folder of its own"
    return Choosing(phase=phase, series=series, other_series=series)


BY_OPTIONS = by_options()
IN_FOLDERS = _by_folders("put the images of one of them into a folder of their own")
IN_TABLE = Choosing(
    phase="choose one by the column phase of a CSV table, N {numbers}",
    series="choose one by the column series of a CSV table (UID or number)",
    other_series="choose by the column series from",
)
ON_SERVER = replace(
    _by_folders(
        "choose one as a case of its own, by the option phase of the model (N {numbers}), or by a "
        "folder with its images alone"
    ),
    image="only an image can be segmented or drawn on here",
)
IN_PACS = replace(ON_SERVER, phase="choose one as a case of its own")


class ChoiceError(AcsnetError):
    """Several images at each slice position, or several series, of which one is to be chosen.

    Or a label map where an image should be.

    before, after: what the sentence says around `by`, the field of `Choosing` that tells how;
    numbers: those that the images to choose from have, in words.
    """

    def __init__(self, before: str, by: str, after: str = "", numbers: str = "") -> None:
        super().__init__(before, by, after, numbers)

    def __str__(self) -> str:
        return self.worded(BY_OPTIONS)

    def worded(self, choosing: Choosing) -> str:
        """The sentence for whoever chooses so."""
        before, by, after, numbers = self.args
        return f"{before}{getattr(choosing, by).format(numbers=numbers)}{after}"


class PhaseChoiceError(ChoiceError, GeometryError):
    """Several images at each slice position."""


class SeriesChoiceError(ChoiceError, InputError):
    """Several series in a folder."""


class LabelMapError(ChoiceError, InputError):
    """A label map in place of an image."""


def worded(error: Exception, choosing: Choosing) -> str:
    """The message of an error for whoever chooses so, where there is anything to choose."""
    return error.worded(choosing) if isinstance(error, ChoiceError) else str(error)


class WeightsError(AcsnetError):
    """Weights that are missing, altered or of another network."""


class DeviceError(InputError):
    """A device for the networks that is not known, not there or at fault, or missing PyTorch."""


def how_to_install(*extras: str) -> str:
    """What to run for what any of these extras brings: this package is installed by its folder."""
    names = " or ".join(f"'.[{extra}]'" for extra in extras)
    return f"run pip install {names} in the project's folder"


class OutputFullError(AcsnetError):
    """An output folder whose disk has no room for any further result."""


class PacsError(AcsnetError):
    """A PACS that cannot be reached or refuses a request."""

    status = 502
