"""Recipes that train the networks: data, augmentation, losses, loop.

A data folder holds the public data sets as their users download them, and one patient-level split::

    DIR/splits.json                        {"emidec": {"train": [...], "test": [...]}, "acdc": ...}
    DIR/emidec/images/<case>.nii.gz        true LGE; DIR/emidec/labels/<case>.nii.gz
    DIR/acdc/images/<case>.nii.gz          cine, made LGE-like; DIR/acdc/labels/<case>.nii.gz

Only the train lists are read. Each network is one command::

    acsnet train roi --data DIR --output RUN
    acsnet train myo --data DIR --output RUN

RUN/samples holds the standardised slices (made once, for both), RUN/<network> the checkpoint, the
settings (`recipe.json`) and the loss of each epoch (`history.csv`), RUN/weights the weights and
`manifest.json` as `acsnet.nets.weights.load_network` verifies them. The same command goes on after
an interruption. Other data or another seed need another RUN.
"""
