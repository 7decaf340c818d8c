"""Names of the files that are made from a result, beside its label map and its measures."""

from collections.abc import Mapping

from acsnet.labels import LEFT_VENTRICLE, Label

PDF = "report.pdf"
ROW = "features.csv"
ANATOMY_FIGURE = "anatomy.png"

MESHES = "meshes"
"""Folder of the surfaces."""

PARTS: Mapping[str, tuple[Label, ...]] = {
    "endocardium": (Label.LV_BLOOD_POOL,),
    "epicardium": LEFT_VENTRICLE,
    "core_scar": (Label.CORE_SCAR,),
    "grey_zone": (Label.GREY_ZONE,),
}
"""Name of each surface and the labels that it encloses."""

MESH_KINDS = ("stl", "ply")
ALL_MESHES = "all.glb"
MESH_FILES = (ALL_MESHES, *(f"{part}.{kind}" for part in PARTS for kind in MESH_KINDS))
