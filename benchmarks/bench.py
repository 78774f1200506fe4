"""Run all benchmarks, one after the other, and write the report: what ``make bench`` calls.

Each script keeps its results as soon as it has them. So after an interruption the next call goes on
where this one stopped, as long as the same commit is checked out; ``--again`` starts anew.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from _measure import RESULTS, commit, environment, refuse_dirty

# Minutes on two cores. Later ones use what earlier ones found: first_page and pages need the book.
SCRIPTS = {
    "start_up": 2,
    "training": 9,
    "one_network": 5,
    "grid": 4,
    "scaling": 11,
    "grading": 19,
    "book": 38,
    "chapters": 12,
    "first_page": 12,
    "pages": 2,
}
SUITE = {"suite": 40}  # left out unless asked for: all together would take over two hours
LONGEST = 7200  # seconds for one script


def finished(name: str, now: str) -> bool:
    """Return whether there are results of this commit."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return False
    found = json.loads(path.read_text(encoding="utf-8"))
    return found["commit"] == now and not found.get("unfinished")


def run(name: str, *, quick: bool) -> bool:
    """Run one script; return whether it ended well."""
    command = [sys.executable, str(Path(__file__).parent / f"{name}.py"), *["--quick"] * quick]
    env = environment(COURSEKIT_EDITION="sample", TF_CPP_MIN_LOG_LEVEL="3")
    try:
        return subprocess.run(command, env=env, check=False, timeout=LONGEST).returncode == 0
    except subprocess.TimeoutExpired:
        print(f"{name}.py did not end within {LONGEST} s, and was ended.", flush=True)
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--again", action="store_true", help="also what this commit has already")
    parser.add_argument("--quick", action="store_true", help="only see whether all scripts work")
    parser.add_argument("--suite", action="store_true", help="time `make test`, too (40 min)")
    options = parser.parse_args()
    scripts = SCRIPTS | SUITE if options.suite else SCRIPTS
    now = commit()
    if not options.quick:
        refuse_dirty()
        # What other commits measured is in the history, and one report holds one commit.
        for path in RESULTS.glob("*.json"):
            if options.again or not finished(path.stem, now):
                path.unlink()
    began = time.monotonic()
    failed = []
    try:
        for name, minutes in scripts.items():
            elapsed = f"[{(time.monotonic() - began) / 60:5.1f} min]"
            if not options.quick and finished(name, now):
                print(f"{elapsed} {name}.py: commit {now} has its results", flush=True)
                continue
            print(f"{elapsed} {name}.py: about {minutes} min", flush=True)
            if not run(name, quick=options.quick):
                failed.append(name)
    except KeyboardInterrupt:
        print("Stopped. What was finished is kept; call it again to go on.", flush=True)
        return 130
    finally:
        if not options.quick:
            subprocess.run([sys.executable, str(Path(__file__).parent / "report.py")], check=False)
    print(f"[{(time.monotonic() - began) / 60:5.1f} min] done", flush=True)
    if failed:
        print(f"Not measured, see above: {', '.join(failed)}. Call it again to try only these.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
