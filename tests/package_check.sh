#!/usr/bin/env bash
# Holds an installed plugin to its own README, its trainings cut short, to the conformance kit, and to its own tests.
# $1 is the folder of programs, $2 a folder with README.md and tests, which results are written into.
set -euo pipefail
export PATH="$1:$PATH" SUFFUSE_STRICT_PLUGINS=1
cd "$2"
name="$(basename "$PWD")"
short="train.steps=4 train.batch=8 train.validate_every=4 train.sample_every=4 train.validation_count=8"
short="$short sample.steps=4 sample.count=4 evaluate.count=40"
run() {
  echo "\$ $1" >>log.txt
  bash -c "$1" </dev/null >>log.txt 2>&1 || { cat log.txt; echo "$name does not work"; exit 1; }
}
# Of blocks that are not said to be shell commands only those verbs that need no file of the reader's.
mapfile -t lines < <(awk '/^```sh$/ { shell = 1; next } /^```/ { shell = 0 } shell && /^suffuse / { print }
  !shell && /^    suffuse (train|generate|evaluate|report|plugins check) / { sub(/^ +/, ""); print }' README.md)
for verb in train generate; do
  printf '%s\n' "${lines[@]}" | grep -q "^suffuse $verb " || { echo "$name: README.md lacks suffuse $verb"; exit 1; }
done
for line in "${lines[@]}"; do
  case "$line" in
    "suffuse train "*) run "$line $short" ;;
    "suffuse plugins check "*) run "$line --fast" ;; # pytest runs them all
    *) run "$line" ;;
  esac
done
run "python -m pytest -q"
echo "$name works: ${#lines[@]} commands of its README, $(tail -1 log.txt), $SECONDS s"
