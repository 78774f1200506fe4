"""Print how often each check passes when its solution is run with other seeds.

Every solution is run from top to bottom with several seeds, in the sample edition. Run by hand:
``.venv/bin/python tools/check_seeds.py --seeds 10 [NAME ...]``. The exit status is 1 if a check
ever fails. A line is printed when a run ends, so an interrupted run is not lost.
"""

from __future__ import annotations

import argparse
import copy
import os
import re
import sys
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
SOLUTIONS = ROOT / "book" / "solutions"
CALL = re.compile(r'^check\(\s*"([^"]+)"')
SEED = re.compile(r"(set_random_seed\()(\d+)(\))")


def with_seed(notebook: nbformat.NotebookNode, seed: int) -> nbformat.NotebookNode:
    """Return the notebook with all its literal seeds moved; seed 0 changes nothing."""
    notebook = copy.deepcopy(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        cell.source = SEED.sub(
            lambda found: f"{found[1]}{int(found[2]) + 1000 * seed})", cell.source
        )
    code[0].source += f"\nimport keras\nkeras.utils.set_random_seed({1 + 1000 * seed})"
    return notebook


def run(path: Path, seed: int) -> tuple[str, int, dict[str, str]]:
    """Run a solution; return the message of each of its checks, empty if it passed."""
    notebook = with_seed(nbformat.read(path, as_version=4), seed)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook, timeout=1200, allow_errors=True, resources={"metadata": {"path": folder}}
        ).execute()
    verdicts = {}
    for cell in notebook.cells:
        called = CALL.match(cell.source) if cell.cell_type == "code" else None
        if called:
            errors = [output for output in cell.outputs if output.output_type == "error"]
            verdicts[called[1]] = errors[0].evalue if errors else ""
    return path.stem, seed, verdicts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="solutions; all by default")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    os.environ["COURSEKIT_EDITION"] = "sample"
    paths = [
        path
        for path in sorted(SOLUTIONS.glob("*.ipynb"))
        if not options.names or path.stem in options.names
    ]
    passed: dict[str, Counter] = defaultdict(Counter)
    with ThreadPoolExecutor(options.jobs) as pool:
        runs = [pool.submit(run, path, seed) for seed in range(options.seeds) for path in paths]
        for future in runs:
            name, seed, verdicts = future.result()
            wrong = {check: message for check, message in verdicts.items() if message}
            print(
                f"{name}, seed {seed}: {len(verdicts) - len(wrong)} of {len(verdicts)}", flush=True
            )
            for check, message in wrong.items():
                print(f"    {check}: {' '.join(message.split())[:300]}", flush=True)
            for check, message in verdicts.items():
                passed[check][not message] += 1
    print(f"\n{'check':<8}{'passed':>9}")
    for check, counts in passed.items():
        print(f"{check:<8}{counts[True]:>4} of {counts.total()}")
    return 1 if any(counts[False] for counts in passed.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
