#!/usr/bin/env bash
# Begins a plugin of every kind, as a stranger would, and puts each on trial, and with them the packages in folder $2.
# Run from an empty folder that is not the checkout, with suffuse installed as a wheel; $1 is the folder of programs.
set -euo pipefail
bin="$1"
examples="${2:-}"
check="$(cd "$(dirname "$0")" && pwd)/package_check.sh"
"$bin/pip" install --quiet hatchling "pytest>=8"
mkdir packages
for kind in grid sequence vector graph table; do
  "$bin/suffuse" plugins new "my-$kind" --kind "$kind" --dir "packages/my-$kind"
done
if [ -n "$examples" ]; then cp -r "$examples"/*/ packages; fi
for package in packages/*/; do
  "$bin/pip" wheel --quiet --no-deps --no-build-isolation --wheel-dir wheels "$package"
  # The wheel is on trial, so its sources stay out of the way.
  mkdir -p "trials/$(basename "$package")"
  cp -r "$package/README.md" "$package/tests" "trials/$(basename "$package")"
done
"$bin/pip" install --quiet --no-deps wheels/*.whl
"$bin/suffuse" plugins list --load
find trials -mindepth 1 -maxdepth 1 | sort | xargs -P 2 -I {} bash "$check" "$bin" {}
echo "every new plugin works"
