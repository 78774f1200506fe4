#!/usr/bin/env bash
# Build the wheel from the source distribution, install it into an empty environment outside the
# checkout, and load from there.
set -euo pipefail
cd "$(dirname "$0")/.."
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
from coursekit.datasets import _files

assert Path(_files.__file__).is_relative_to(Path.cwd()), _files.__file__
assert _files.bundled_directory().is_relative_to(Path.cwd()), _files.bundled_directory()
assert datasets.load_iris().shape == (150, 5)
assert datasets.load_breast_cancer().shape == (699, 11)
assert len(datasets.load_walking().x) == 2560
assert datasets.load_mnist()[0][0].shape == (4000, 28, 28)
print("bundled data load from", _files.bundled_directory().relative_to(Path.cwd()))
PYTHON
"$folder/env/bin/coursekit" data verify | tail -n 1
