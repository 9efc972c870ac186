#!/usr/bin/env bash
# Uses an installed suffuse as its user would. Run from a folder that is not the checkout; $1 is the folder of programs.
set -euo pipefail
bin="$1"
"$bin/python" - <<'PY'
import pathlib, suffuse, suffuse_images, suffuse_tabular
home = pathlib.Path(suffuse.__file__).resolve()
assert "site-packages" in home.parts, f"not the installed package: {home}"
assert (home.parent / "py.typed").exists()
for plugin in (suffuse_images, suffuse_tabular):
    assert list(pathlib.Path(plugin.__file__).parent.glob("recipes/*.yaml")), f"no recipes of {plugin.__name__} in the wheel"
PY
"$bin/suffuse" plugins list
"$bin/suffuse" doctor
"$bin/suffuse" train digits train.steps=20 train.validate_every=20 train.sample_every=20 sample.count=4 --out run
"$bin/suffuse" generate run --count 4 --steps 4 --out made
test -s made/sheet.png
"$bin/suffuse" generate fashion --label Sneaker --count 2 --steps 4 --out sneakers.png
test -s sneakers.png
"$bin/suffuse" train tabular/neighbours --out near
"$bin/suffuse" generate near --count 4 --steps 4 --out rows.csv
test -s rows.csv
"$bin/suffuse" report run
test -s run/report.html
echo "the wheel works"
