#!/bin/sh
# Where there is no container engine: runs the RUN steps of the Dockerfile's build stage in a clean
# folder, one after another. Steps with apt-get are left out: a compiler must be there.
#
#   sh deploy/try-dockerfile-steps.sh [PYTHON] [TORCH_INDEX]
set -eu

python=${1:-python3.11}
TORCH_INDEX=${2:-}
clean=$(mktemp -d)
trap 'rm -rf "$clean"' EXIT

mkdir "$clean/src" "$clean/bin"
ln -s "$(command -v "$python")" "$clean/bin/python"
# Lines that go on are joined; then this stage's lines are taken, up to the next.
sed -e ':a' -e '/\\$/N' -e 's/\\\n *//' -e 'ta' deploy/Dockerfile |
	sed -n '/ AS build$/,/^FROM python:[^ ]*$/p' >"$clean/stage"
# Only what the stage copies is there: COPY names its sources first and where they go last.
sed -n 's/^COPY \(.*\) [^ ]*$/\1/p' "$clean/stage" | xargs cp -r --parents --target-directory "$clean/src"
sed -n 's/^RUN //p' "$clean/stage" |
	grep -v '^apt-get' |
	sed -e "s#/opt/acsnet#$clean/acsnet#g" >"$clean/steps"
test -s "$clean/steps"

export TORCH_INDEX PATH="$clean/bin:$PATH" PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
export PIP_CONSTRAINT="$clean/src/constraints.txt" PIP_BUILD_CONSTRAINT="$clean/src/constraints.txt"
cd "$clean/src"
unset PYTHONPATH
while read -r step; do
	echo "RUN $step"
	sh -ec "$step" </dev/null
done <"$clean/steps"
