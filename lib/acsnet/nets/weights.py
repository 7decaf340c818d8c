"""The files of trained networks, verified by checksum, as arrays.

Weights are a safetensors file (of a network: parameters in half precision, batch-norm statistics in
single precision, because small variances vanish in half) and an entry of `manifest.json`: the
file's name, its SHA-256 and, of a network, its configuration. `activation_ranges.json` beside them
may have the ranges with which networks of stages 1 and 2 run in 8 bits, what they need to leave out
black edges, and the SHA-256 of the weights that this was measured with: that of other weights is
not used. Nor is what the manifest does not vouch for by a digest of its own, as in folders of
earlier releases: other ranges give other scar.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load as load_arrays

from acsnet.errors import WeightsError
from acsnet.nets.architecture import AutoencoderConfig, ResUNetConfig
from acsnet.storage import write_bytes, write_text

Config = TypeVar("Config", bound=ResUNetConfig | AutoencoderConfig)

SHIPPED = Path(__file__).resolve().parent.parent / "weights"
MANIFEST = "manifest.json"
RANGES = "activation_ranges.json"
RANGES_DIGEST = "ranges_sha256"
"""Key of a manifest entry: SHA-256 of what `RANGES` has of the network, see `_digest_of`."""

Ranges = Mapping[str, tuple[float, float]]
"""Lowest and highest of the values between the layers of a residual U-Net, for 8 bits.

By names such as "down.0.mid", between the two convolutions of a block, and "down.0.out", of the
block; the last block has no "out".
"""


@dataclass(frozen=True, kw_only=True)
class Inner:
    """What a network needs for images whose black edges are left out.

    beyond: by the names of `Ranges`, the (channels,) mean of a value just beyond the part that is
    looked at; ranges: of the values less that.
    """

    ranges: Ranges
    beyond: Mapping[str, NDArray[np.float32]]


def read_manifest(folder: Path = SHIPPED) -> dict[str, Any]:
    """Read the manifest of a weights folder. Raises WeightsError when it is missing or broken."""
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        msg = f"{path.name}: the list of network weights is missing or broken in {folder}"
        raise WeightsError(msg) from error
    return manifest


def read_verified(name: str, *, folder: Path = SHIPPED) -> tuple[dict[str, Any], bytes]:
    """The manifest's entry `name` and the content of its file.

    Raises WeightsError when the file is missing or its checksum differs from the manifest.
    """
    try:
        entry: dict[str, Any] = read_manifest(folder)[name]
        path = folder / Path(entry["file"]).name
        expected = entry["sha256"]
    except (KeyError, TypeError) as error:
        msg = f"{MANIFEST} in {folder} does not describe the weights {name!r}"
        raise WeightsError(msg) from error
    if not path.is_file():
        msg = f"weights {name!r} are missing: {path}"
        raise WeightsError(msg)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected:
        msg = f"{path.name}: the checksum differs from {MANIFEST}, the weights were altered"
        raise WeightsError(msg)
    return entry, content


@dataclass(frozen=True, kw_only=True)
class NetworkWeights(Generic[Config]):
    """A trained network as arrays of single precision, by the names that PyTorch gives them.

    ranges, inner: None where they are not known.
    """

    config: Config
    arrays: Mapping[str, NDArray[np.float32]]
    ranges: Ranges | None = None
    inner: Inner | None = None

    @property
    def parameters(self) -> int:
        """How many numbers were trained: all but the statistics of the batch norms."""
        trained = (a for name, a in self.arrays.items() if name.endswith((".weight", ".bias")))
        return sum(array.size for array in trained)


def read_weights(
    name: str, kind: type[Config], *, folder: Path = SHIPPED
) -> NetworkWeights[Config]:
    """Network `name`, whose configuration is a `kind`.

    Raises WeightsError when its file is missing or altered, or has another configuration.
    """
    entry, content = read_verified(name, folder=folder)
    try:
        config = kind(**entry["config"])
    except (KeyError, TypeError) as error:
        raise unfit(name, entry) from error
    arrays = {key: array.astype(np.float32) for key, array in load_arrays(content).items()}
    ranges, inner = read_ranges(name, entry, folder=folder)
    return NetworkWeights(config=config, arrays=arrays, ranges=ranges, inner=inner)


def read_ranges(
    name: str, entry: Mapping[str, Any], *, folder: Path
) -> tuple[Ranges | None, Inner | None]:
    """What was measured of the weights `name`; None where it was not, or nothing vouches for it.

    entry: of these weights in the manifest. Raises WeightsError where the digest there differs.
    """
    path = folder / RANGES
    if not path.is_file():
        return None, None
    try:
        kept = json.loads(path.read_text()).get(name, {})
        if kept.get("sha256") != entry["sha256"]:
            return None, None
        inner = kept.get("inner")
        if inner is not None:
            beyond = {value: np.array(b, np.float32) for value, b in inner["beyond"].items()}
            inner = Inner(ranges=_pairs(inner["ranges"]), beyond=beyond)
        ranges = _pairs(kept["ranges"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        msg = f"{path} is broken: delete it to use the networks without 8 bits"
        raise WeightsError(msg) from error
    if RANGES_DIGEST not in entry:
        return None, None
    if _digest_of(kept) != entry[RANGES_DIGEST]:
        msg = (
            f"{path}: the checksum of the ranges of {name!r} differs from {MANIFEST}, they were "
            "altered: restore the file, or delete it to use the networks without 8 bits"
        )
        raise WeightsError(msg)
    return ranges, inner


def _digest_of(kept: Mapping[str, Any]) -> str:
    """SHA-256 of what `RANGES` has of a network, as JSON with sorted keys and without spaces."""
    content = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def _pairs(ranges: Mapping[str, Any]) -> Ranges:
    return {value: (float(low), float(high)) for value, (low, high) in ranges.items()}


def save_ranges(name: str, ranges: Ranges, *, inner: Inner | None = None, folder: Path) -> None:
    """Keep what was measured of the weights `name` of a folder, and its digest in the manifest."""
    path, manifest = folder / RANGES, read_manifest(folder)
    content = json.loads(path.read_text()) if path.is_file() else {}
    entry = {"sha256": manifest[name]["sha256"], "ranges": dict(ranges)}
    if inner is not None:
        # Six digits: of single precision, not of the double that it becomes.
        beyond = {
            value: [float(f"{number:.6g}") for number in numbers]
            for value, numbers in inner.beyond.items()
        }
        entry["inner"] = {"ranges": dict(inner.ranges), "beyond": beyond}
    content[name] = entry
    manifest[name][RANGES_DIGEST] = _digest_of(entry)
    write_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")
    write_text(folder / MANIFEST, json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def copy_weights(name: str, *, source: Path, folder: Path) -> None:
    """Copy weights with their manifest entry, and their ranges if they have any, into `folder`.

    Raises WeightsError as `read_verified` does.
    """
    entry, content = read_verified(name, folder=source)
    ranges, inner = read_ranges(name, entry, folder=source)
    about = {key: value for key, value in entry.items() if key not in ("file", "sha256")}
    save_verified(content, name, folder=folder, about=about)
    if ranges is not None:
        save_ranges(name, ranges, inner=inner, folder=folder)


def unfit(name: str, entry: Mapping[str, Any]) -> WeightsError:
    """The error for a file that is not of the network that the manifest says."""
    return WeightsError(f"{entry['file']} does not fit the network {name!r} of {MANIFEST}")


def save_verified(content: bytes, name: str, *, folder: Path, about: dict[str, Any]) -> Path:
    """Write a safetensors file and its manifest entry into `folder`; returns the file's path.

    about: the rest of the entry. It never vouches for ranges, as those of an earlier network may
    lie in the folder still: `save_ranges` does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    write_bytes(path, content)
    manifest = read_manifest(folder) if (folder / MANIFEST).exists() else {}
    digest = hashlib.sha256(content).hexdigest()
    about = {key: value for key, value in about.items() if key != RANGES_DIGEST}
    manifest[name] = {"file": path.name, "sha256": digest, **about}
    write_text(folder / MANIFEST, json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    return path
