"""Reports and figures of a result: PDF, montage, bullseye, anatomical checks, meshes."""
