"""Ablation: the shipped MYO recipe with one thing changed, measured on patients left out.

Only the MYO network is trained, and the region of interest is the expert's, in training and in
measuring: stage 1 adds no noise, but the figures are not those of the whole pipeline. All arms of
a fold see samples of the same cases from the same seed for the same number of steps.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from torch import Tensor

from acsnet.evaluate.robustness.intensity import inversion_time
from acsnet.evaluate.robustness.spatial import LabelledScan
from acsnet.labels import Label
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.resunet import ResUNet
from acsnet.nets.torch_network import TorchNetwork
from acsnet.nets.torch_weights import random_network
from acsnet.nets.views import ALL_VIEWS, AS_IT_IS, View
from acsnet.preprocess import standardise, to_scan
from acsnet.stages.myocardium import predict_myocardium
from acsnet.train.data.case import BACKGROUND, POOL, SCAR, WALL, TrainingCase
from acsnet.train.loop import Recipe
from acsnet.train.losses import PrintedLoss
from acsnet.train.recipes import myocardium_batch
from acsnet.train.samples.prepare import VARIANTS, SampleMix
from acsnet.train.samples.slices import SOURCES, Samples, standard_tissue
from training.paired import patient_measures

BASE = "base"
SMALL_SIDE = 96
"""Pixels of the training windows before the window of use was trained with."""

OTHER_TIMES = (0.15, 0.85)
"""Healthy wall as a share of blood: the far ends of the inversion times of `--stress`."""

AT_OTHER_TIMES = {
    "wall_dice": "wall_dice_other_times",
    "enhancement_dice": "enhancement_dice_other_times",
    "burden_bias_points": "burden_bias_other_times",
}
"""Measures of a patient and what they are called at `OTHER_TIMES`."""

LABELS = np.zeros(4, np.uint8)
LABELS[[POOL, WALL, SCAR]] = Label.LV_BLOOD_POOL, Label.LV_MYOCARDIUM, Label.GREY_ZONE
LEFT_OUT = len(SOURCES)
"""A source that no recipe has a share of: its slices are never drawn."""


def unchanged_recipe(recipe: Recipe) -> Recipe:
    """The recipe as it is."""
    return recipe


def unchanged_samples(samples: Samples) -> Samples:
    """The samples as they are."""
    return samples


def unchanged_mix(mix: SampleMix) -> SampleMix:
    """The mix as it is."""
    return mix


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One change: of the recipe, of the samples, or of how the trained network is used.

    about: the change in words; mix: which samples are made; views: what is averaged over in use. An
    arm that changes nothing else is not trained: it takes the weights of the base.
    """

    about: str
    recipe: Callable[[Recipe], Recipe] = unchanged_recipe
    samples: Callable[[Samples], Samples] = unchanged_samples
    mix: Callable[[SampleMix], SampleMix] = unchanged_mix
    views: Sequence[View] = ALL_VIEWS

    @property
    def trained_as_base(self) -> bool:
        """Whether it differs from the base in use only."""
        return (
            self.recipe is unchanged_recipe
            and self.samples is unchanged_samples
            and self.mix is unchanged_mix
        )


class OwnSlice(ResUNet):
    """Sees the slice alone: of the channels given, the first ones, as many as it has inputs."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, >= inputs, H, W) -> logits (N, outputs, H, W)."""
        return super().forward(x[:, : self.config.inputs])


@dataclass(frozen=True, kw_only=True)
class OwnSliceConfig(ResUNetConfig):
    """What is needed to build an `OwnSlice`."""


@random_network.register
def own_slice_network(config: OwnSliceConfig) -> OwnSlice:
    """The network with random weights."""
    return OwnSlice(config)


def without(recipe: Recipe, source: str) -> Recipe:
    """The recipe with share and weight 0 for one of `SOURCES`; the others take its share over."""
    kept = [float(name != source) for name in SOURCES]
    return replace(
        recipe,
        share=tuple(a * b for a, b in zip(recipe.share, kept, strict=True)),
        weight=tuple(a * b for a, b in zip(recipe.weight, kept, strict=True)),
    )


def without_patients(samples: Samples, patients: Sequence[int]) -> Samples:
    """The samples of all patients but these; patients: as `Samples.patient` counts them."""
    out = np.isin(samples.patient, patients)
    return replace(samples, source=np.where(out, np.uint8(LEFT_OUT), samples.source))


def without_neighbours(recipe: Recipe) -> Recipe:
    """The recipe with a network that sees a third of its channels; the batches stay the same."""
    options = asdict(recipe.net)
    return replace(recipe, net=OwnSliceConfig(**options | {"inputs": options["inputs"] // 3}))


def with_small_windows(recipe: Recipe) -> Recipe:
    """The recipe with training windows that are smaller than the window of use."""
    return replace(recipe, make_batch=partial(myocardium_batch, side=SMALL_SIDE))


def cine_as_it_came(samples: Samples) -> Samples:
    """Of each cine case only the first variant is left, the one that was not made LGE-like."""
    _, first, inverse, count = np.unique(
        samples.patient, return_index=True, return_inverse=True, return_counts=True
    )
    variant = (np.arange(len(inverse)) - first[inverse]) * VARIANTS["cine"] // count[inverse]
    made = (samples.source == SOURCES.index("cine")) & (variant > 0)
    return replace(samples, source=np.where(made, np.uint8(LEFT_OUT), samples.source))


ARMS = {
    BASE: Arm(about="the shipped recipe"),
    "printed-loss": Arm(
        about="the paper's loss as printed, beta 0.4, instead of separate weights",
        recipe=lambda recipe: replace(recipe, loss=PrintedLoss(beta=0.4)),
    ),
    "no-lge-like": Arm(
        about="no cine; LGE and phantoms take over its share",
        recipe=lambda recipe: without(recipe, "cine"),
    ),
    "raw-cine": Arm(about="cine as it is, never made LGE-like", samples=cine_as_it_came),
    "no-neighbours": Arm(
        about="the slice alone, without the slices below and above", recipe=without_neighbours
    ),
    "no-phantoms": Arm(
        about="no phantoms; LGE and cine take over their share",
        recipe=lambda recipe: without(recipe, "phantom"),
    ),
    "small-windows": Arm(
        about=f"training windows of {SMALL_SIDE} pixels instead of the window of use",
        recipe=with_small_windows,
    ),
    "one-view": Arm(
        about="the network of base, used without the mean over turns and mirror images",
        views=AS_IT_IS,
    ),
    "no-inversion-times": Arm(
        about="no variant is seen at another inversion time",
        mix=lambda mix: replace(mix, inversion_time_share=0.0),
    ),
    "no-new-scars": Arm(
        about="no variant gets a scar that the patient has not",
        mix=lambda mix: replace(mix, new_scar_share=dict.fromkeys(SOURCES, 0.0)),
    ),
}


def folds(names: Sequence[str], count: int) -> list[list[str]]:
    """The names in `count` parts, each with its share of normals and infarcts, always the same.

    EMIDEC names say which: `Case_N...` and `Case_P...`. Raises ValueError for fewer than two parts,
    or more than there are cases of the commoner kind.
    """
    kinds = [name.rpartition("_")[2][:1] for name in names]
    parts = StratifiedKFold(count, shuffle=True, random_state=0).split(kinds, kinds)
    return [[names[k] for k in held] for _, held in parts]


def probabilities(
    network: ResUNet, case: TrainingCase, *, views: Sequence[View]
) -> NDArray[np.float32]:
    """Wall and enhancement inside the expert's region, (2, slice, row, column) of the scan."""
    standard = standardise(case.scan)
    roi = standard_tissue(case, standard) != BACKGROUND
    seen = predict_myocardium(TorchNetwork(network=network, views=views), standard, roi)
    return np.stack([to_scan(stack, standard) for stack in seen])


def measured(
    network: ResUNet, case: TrainingCase, *, views: Sequence[View] = ALL_VIEWS
) -> dict[str, float | None]:
    """The measures of one patient."""
    return patient_measures(
        probabilities(network, case, views=views),
        expert_wall=case.tissue >= WALL,
        expert_enhancement=case.tissue == SCAR,
    )


def measured_both_ways(
    network: ResUNet, case: TrainingCase, *, views: Sequence[View]
) -> dict[str, float | None]:
    """The measures of one patient as it came, and their means at other inversion times."""
    labelled = LabelledScan(scan=case.scan, labels=LABELS[case.tissue])
    changed = [inversion_time(labelled, wall_of_pool=share).scan for share in OTHER_TIMES]
    seen = [measured(network, replace(case, scan=scan), views=views) for scan in changed]
    measures = measured(network, case, views=views)
    for name, called in AT_OTHER_TIMES.items():
        values = [value for one in seen if (value := one[name]) is not None]
        measures[called] = float(np.mean(values)) if values else None
    return measures
