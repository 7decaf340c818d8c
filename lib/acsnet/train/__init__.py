"""Recipes that train the networks: data, augmentation, losses, loop.

A data folder holds the public data sets as their users download them, and one patient-level split::

    DIR/splits.json                        {"emidec": {"train": [...], "test": [...]}, "acdc": ...}
    DIR/emidec/images/<case>.nii.gz        true LGE; DIR/emidec/labels/<case>.nii.gz
    DIR/acdc/images/<case>.nii.gz          cine, made LGE-like; DIR/acdc/labels/<case>.nii.gz
    DIR/sunnybrook/images/<case>.nii.gz    the same of another vendor

Others, and how each is laid out, are in `acsnet.train.data.datasets`; at least one has to be true
LGE with enhancement drawn. Only the train lists are read, and no patient may be in both. All
networks are one command::

    acsnet train all --data DIR --output RUN

RUN/samples holds the standardised slices (made once), RUN/<network> the checkpoint, the settings
(`recipe.json`), the digests of the data (`data.json`), seed and versions (`run.json`) and the
metrics of each epoch (`history.csv`), RUN/weights the weights and `manifest.json` as
`acsnet.nets.weights.load_network` verifies them, RUN/mlflow.db runs and model versions. The same
command goes on after an interruption. Other data or another seed need another RUN.
"""
