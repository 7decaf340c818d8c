#!/bin/sh
# All that an installation without a network needs, in one file. `make bundle` runs this with the
# Python of .venv; the bundle is for that version of Python and for this kind of machine.
set -eu

python=$1
bundle=build/bundle
version=$("$python" -c 'import acsnet; print(acsnet.__version__)')
name=acsnet-$version-py$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-$(uname -m)

rm -rf "$bundle"
mkdir -p "$bundle/$name"
# The weights are inside the wheel of acsnet. `deploy/itk` stands for ITK, which nothing here calls.
"$python" -m pip wheel --quiet --wheel-dir "$bundle/$name/wheels" ./deploy/itk ".[all]"
cp -r build/viewer/dist "$bundle/$name/viewer"
cp -r docs "$bundle/$name/docs"
cp deploy/install.sh deploy/acsnet.service deploy/acsnet.toml CHANGELOG.md LICENSE NOTICE "$bundle/$name/"
(cd "$bundle/$name" && find . -type f -print0 | sort -z | xargs -0 sha256sum) >"$bundle/SHA256SUMS"
mv "$bundle/SHA256SUMS" "$bundle/$name/"
tar -C "$bundle" -cf "$bundle/$name.tar" "$name"
echo "$bundle/$name.tar: $(du -h "$bundle/$name.tar" | cut -f1)"
