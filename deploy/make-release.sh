#!/bin/sh
# What is given away as a version: wheel, source, bill of materials, model card and checksums.
# `make release` runs this with the Python of .venv; it publishes nothing.
set -eu

python=$1
release=build/release
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' lib/acsnet/__init__.py)
today=$(date +%F)

refuse() {
	echo "error: $1" >&2
	exit 2
}

grep -q "^## \[$version\] - [0-9-]*$" CHANGELOG.md || refuse "CHANGELOG.md gives version $version no date"
grep -q "^version: $version$" CITATION.cff || refuse "CITATION.cff is of another version than $version"
test -z "$(git status --porcelain)" || refuse "there are changes that are not committed"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$release" && mkdir -p "$release"

echo "1/4 wheel and source"
"$python" -m venv "$work/tools"
env -u PIP_CONSTRAINT "$work/tools/bin/pip" install --quiet --requirement deploy/release-tools.txt
"$work/tools/bin/python" -m build --outdir "$release" .
"$work/tools/bin/twine" check --strict "$release"/*.whl "$release"/*.tar.gz

echo "2/4 the wheel in an environment of its own"
"$python" -m venv "$work/site"
"$work/site/bin/pip" install --quiet ./deploy/itk "$(echo "$release"/*.whl)[all]"
"$work/site/bin/acsnet" segment sample-data/nifti/phantom-1.nii.gz --output "$work/out"
test -s "$work/out/phantom-1/features.json"

echo "3/4 bill of materials"
# The version is not in pyproject.toml; the bill names what it is of.
sed "s/^dynamic = \[\"version\"\]$/version = \"$version\"/" pyproject.toml >"$work/pyproject.toml"
grep -q "^version = \"$version\"$" "$work/pyproject.toml"
"$work/tools/bin/cyclonedx-py" environment --pyproject "$work/pyproject.toml" --output-reproducible \
	--output-file "$release/acsnet-$version.cdx.json" "$work/site/bin/python"

echo "4/4 model card and checksums"
cp lib/acsnet/weights/README.md "$release/model-card.md"
cp LICENSE NOTICE CHANGELOG.md "$release/"
(cd "$release" && sha256sum -- * >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
echo "$today, version $version:"
ls -sh "$release"
