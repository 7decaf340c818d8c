#!/bin/sh
# Installs ACSNet from the folder that this file lies in. No network is needed.
#
#   sh install.sh [FOLDER] [PYTHON]     by default /opt/acsnet, python3
#
# Then: FOLDER/bin/acsnet serve --studies ..., or the systemd unit acsnet.service.
set -eu
unset PYTHONPATH PYTHONHOME # what lies there would count as installed, and the service has neither

target=${1:-/opt/acsnet}
python=${2:-python3}
here=$(cd "$(dirname "$0")" && pwd)

refuse() {
	echo "error: $1" >&2
	exit 2
}

command -v "$python" >/dev/null || refuse "$python was not found: name one, sh install.sh $target PYTHON"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
	refuse "$python cannot make a virtual environment: on Debian, the package python3-venv"
test ! -e "$target" || refuse "$target is there already: to upgrade, see Upgrade in $here/docs/deploy.md; else name another folder"
(cd "$here" && sha256sum --check --quiet SHA256SUMS) ||
	refuse "the bundle is not as it was made: copy it again"

trap 'rm -rf -- "$target"' EXIT # half an installation would be taken for one
trap 'exit 130' HUP INT TERM
umask 022
"$python" -m venv "$target"
"$target/bin/python" -m pip --isolated install --quiet --no-index --no-cache-dir \
	--disable-pip-version-check --find-links "$here/wheels" "acsnet[all]" ||
	refuse "a package does not fit $python: the bundle's name says for which Python it is"
cp -r "$here/viewer" "$here/docs" "$target/"
chmod -R u=rwX,go=rX "$target/viewer" "$target/docs" # whatever the umask was where they come from
"$target/bin/acsnet" info
trap - EXIT
echo "Installed in $target. OHIF: export ACSNET_VIEWER=$target/viewer"
