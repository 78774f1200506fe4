#!/usr/bin/env bash
# Build the wheel from the source distribution, install it into an empty environment outside the
# checkout, load from there, and run notebooks alone in empty folders: three by default.
# Usage: tests/install.sh [NOTEBOOK ...]
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# = 0 ]; then
  # They read stored runs and the cheat sheet.
  set -- book/what-to-expect.ipynb book/keras-in-one-page.ipynb book/solutions/keras-in-one-page.ipynb
fi
checkout=$PWD
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
constraints="$PWD/constraints.txt"

if command -v uv >/dev/null 2>&1; then
  uv build --quiet --out-dir "$folder/dist" .
  uv venv --quiet --python .venv "$folder/env"
  uv pip install --quiet --python "$folder/env" --constraint "$constraints" "$folder"/dist/*.whl
else
  .venv/bin/python -m pip wheel --quiet --no-deps --wheel-dir "$folder/dist" .
  .venv/bin/python -m venv "$folder/env"
  "$folder/env/bin/python" -m pip install --quiet --constraint "$constraints" "$folder"/dist/*.whl
fi

cd "$folder"
env -u COURSEKIT_DATA COURSEKIT_EDITION=sample COURSEKIT_CACHE="$folder/cache" \
  "$folder/env/bin/python" - <<'PYTHON'
from pathlib import Path

from coursekit import datasets

import coursegrader
import warmkernels

bundled = datasets.folders()["bundled"]
for place in (datasets.__file__, coursegrader.__file__, warmkernels.__file__, bundled):
    assert Path(place).is_relative_to(Path.cwd()), place
assert datasets.load_iris().shape == (150, 5)
assert datasets.load_breast_cancer().shape == (699, 11)
assert len(datasets.load_walking().x) == 6792
assert datasets.load_mnist()[0][0].shape == (4000, 28, 28)
print("bundled data load from", bundled.relative_to(Path.cwd()))
PYTHON
"$folder/env/bin/coursekit" data verify | tail -n 1
# The grader's commands are there, and say which extra they need.
"$folder/env/bin/coursekit" release --help >/dev/null
told=$("$folder/env/bin/coursekit" release . --out . 2>&1) && exit 1
case "$told" in *"pip install 'coursekit[grading]'"*) ;; *) echo "$told"; exit 1 ;; esac
# As on Colab, once the first cell of a notebook has installed the package.
if command -v uv >/dev/null 2>&1; then
  uv pip install --quiet --python "$folder/env" --constraint "$constraints" ipykernel nbclient
else
  "$folder/env/bin/python" -m pip install --quiet --constraint "$constraints" ipykernel nbclient
fi
cd "$checkout"
env -u COURSEKIT_DATA COURSEKIT_CACHE="$folder/cache" "$folder/env/bin/python" tools/run_alone.py "$@"
