#!/bin/sh
# Installs the bundle of `make bundle` where there is no network, and segments a sample with it.
#
#   sh deploy/try-bundle.sh [PYTHON]     takes minutes and some gigabytes below $TMPDIR
set -eu

python=${1:-.venv/bin/python}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

tar -C "$folder" -xf build/bundle/*.tar
cat >"$folder/try.sh" <<'END'
set -eu
! "$1" -c 'import socket; socket.create_connection(("192.0.2.1", 80), 2)' 2>/dev/null
sh "$2"/*/install.sh "$2/acsnet" "$1"
"$2/acsnet/bin/acsnet" segment sample-data/nifti/phantom-1.nii.gz --output "$2/out"
grep -m 1 -o '"scar_burden_percent": [0-9.]*' "$2"/out/*/features.json
END
env -i PATH="$PATH" HOME="$folder" unshare --net sh "$folder/try.sh" "$python" "$folder"
du -sh "$folder/acsnet"
echo "installed and used without a network"
