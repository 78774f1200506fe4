#!/bin/sh
# Make the environment: ./.venv, with a Python that the course runs on and everything installed.
# Usage: tools/make_env.sh [PYTHON], where PYTHON is a command or a version, such as 3.12.
# The versions of Python are those that pyproject.toml allows: one line widens them.
set -eu
cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE=1  # looking for a Python leaves nothing behind

range=$(sed -n 's/^requires-python = "\(.*\)".*/\1/p' pyproject.toml)
lowest=$(echo "$range" | sed 's/>=3\.\([0-9]*\),.*/\1/')
above=$(echo "$range" | sed 's/.*,<3\.//')
needed="Python 3.$lowest to 3.$((above - 1))"

# What is there is put back if this fails or is interrupted: an old environment beats none.
kept=.venv.old
put_back() {
  if [ -d "$kept" ]; then
    rm -rf .venv
    mv "$kept" .venv
  fi
}
failed() {
  rm -rf .venv
  put_back
}
put_back  # after a run that was killed

how_to_get_one() {
  echo "To get one: install uv (https://docs.astral.sh/uv/), which fetches it by itself; or use your" >&2
  echo "system's packages (Debian, Ubuntu: apt install python3.13 python3.13-venv; macOS: brew install" >&2
  echo "python@3.13) or pyenv (pyenv install 3.13). Then call make again; make PYTHON=... names one." >&2
}

# Prints the version of a Python, and fails if the course does not run on it.
judge() {
  "$1" -c '
import sys
print("{}.{}.{}".format(*sys.version_info[:3]) + ("" if sys.maxsize > 2**32 else " (32 bits)"))
minor = sys.version_info[1] if sys.version_info[0] == 3 else 0
sys.exit(not (int(sys.argv[1]) <= minor < int(sys.argv[2]) and sys.maxsize > 2**32))
' "$lowest" "$above" 2>/dev/null
}

if [ -d .venv ]; then
  mv .venv "$kept"
fi
trap failed EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if command -v uv >/dev/null 2>&1; then
  if ! uv venv --quiet --python "${1:-$range}" .venv; then
    echo "The course needs $needed, and uv neither found ${1:-one} nor could fetch it (see above)." >&2
    how_to_get_one
    exit 1
  fi
else
  python=
  found=
  versions=$(i=$((above - 1)); while [ "$i" -ge "$lowest" ]; do echo "python3.$i"; i=$((i - 1)); done)
  case "${1:-}" in
    "") names="$versions python3 python" none="no Python at all" ;;
    [0-9]*) names="python$1" none="no $names" ;;
    *) names=$1 none="no $names" ;;
  esac
  for name in $names; do
    if command -v "$name" >/dev/null 2>&1; then
      if version=$(judge "$name"); then
        python=$name
        break
      fi
      found="${found:+$found, }$name (${version:-does not start})"
    fi
  done
  if [ -z "$python" ]; then
    echo "The course needs $needed, which is not here (found: ${found:-$none})." >&2
    how_to_get_one
    exit 1
  fi
  if ! "$python" -m venv .venv; then
    echo "$python ($version) cannot make environments; on Debian and Ubuntu: apt install python${version%.*}-venv" >&2
    exit 1
  fi
fi

bin=.venv/bin
if [ -d .venv/Scripts ]; then
  bin=.venv/Scripts
fi
if ! version=$(judge "$bin/python"); then
  echo "The course needs $needed; ${1:-the Python that was found} is $version." >&2
  how_to_get_one
  exit 1
fi
# Bytecode is compiled now: where PYTHONDONTWRITEBYTECODE is set, an environment never gets
# compiled by use, and importing TensorFlow takes 11 seconds instead of 4.
if command -v uv >/dev/null 2>&1; then
  uv pip install --quiet --compile-bytecode --python .venv \
    --editable ".[test]" --constraint constraints.txt
else
  "$bin/python" -m pip install --quiet --compile --disable-pip-version-check \
    --editable ".[test]" --constraint constraints.txt
fi
touch .venv/.ready
trap - EXIT
rm -rf "$kept"
