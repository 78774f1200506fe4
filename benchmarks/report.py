"""Write ``RESULTS.md`` from what the other scripts have kept in ``results/``."""

from __future__ import annotations

import json
import statistics

from _measure import RESULTS

REPORT = RESULTS.parent / "RESULTS.md"
ORDER = (
    "start_up", "book", "kernels", "training", "one_network", "loading", "scaling",
    "grid", "grading",
)  # fmt: skip
HANDLED = {"way", "seconds", "ratio", "fastest"}
HEAD = """\
# What the measurements say

Made by `make bench` from `results/*.json`: do not edit. All ways of a table ran in turn on the same
machine. Seconds are medians, with the smallest and the largest. The third column says how many
times as fast as that way ours is: the median of the ratios within the rounds, and their range.
The next column compares the fastest round of each.
A question can be asked again by itself, for example with `.venv/bin/python benchmarks/loading.py`.
"""


def report() -> str:
    """Return the text of ``RESULTS.md``."""
    files = sorted(RESULTS.glob("*.json"), key=lambda path: ORDER.index(path.stem))
    asked = {path.stem for path in files}
    missing = ", ".join(name for name in ORDER if name not in asked)
    gap = [f"Not measured yet: {missing}.\n"] if missing else []
    return "\n".join([HEAD, *gap, *(section(json.loads(path.read_text())) for path in files)])


def section(found: dict) -> str:
    """Return what one script found, as Markdown."""
    on = ", ".join(f"{name} {value}" for name, value in found["machine"].items())
    lines = [
        f"## {found['title']}", "", found["about"], "",
        f"*{found['day']}, commit {found['commit']}; {on}.*", "",
    ]  # fmt: skip
    for part in found["parts"]:
        lines += [part["words"], ""] if "words" in part else table(part)
    return "\n".join(lines)


def table(part: dict) -> list[str]:
    """Return the ways of doing one thing, one per row."""
    extras = [name for name in part["rows"][0] if name not in HANDLED]
    rounds = len(part["rows"][0]["seconds"])
    often = f"{rounds} rounds" if rounds > 1 else "once"
    lines = [
        f"### {part['title']}", "",
        f"| way | seconds ({often}) | ours is × as fast | by the fastest |"
        + "".join(f" {name} |" for name in extras),
        "|---" * (4 + len(extras)) + "|",
    ]  # fmt: skip
    for row in part["rows"]:
        name = f"**{row['way']}**" if row["way"] == part["ours"] else row["way"]
        times = _middle(statistics.median(row["seconds"]), min(row["seconds"]), max(row["seconds"]))
        cells = [name, times]
        cells += [_middle(*row["ratio"]), f"{row['fastest']:.3g}"] if "ratio" in row else ["", ""]
        cells += [str(row.get(name, "")) for name in extras]
        lines.append("| " + " | ".join(cells) + " |")
    if "goal" in part:
        goal = part["goal"]
        reached = next(row["ratio"][0] for row in part["rows"] if row["way"] == goal["against"])
        verdict = "reached" if reached >= goal["at least"] else "**not reached**"
        lines += ["", f"Goal: {goal['at least']:g} times as fast as {goal['against']}; {verdict}."]
    return [*lines, ""]


def _middle(middle: float, low: float, high: float) -> str:
    def short(value: float) -> str:
        return f"{value:.0f}" if value >= 100 else f"{value:.3g}"

    return short(middle) if low == high else f"{short(middle)} ({short(low)}–{short(high)})"


def main() -> None:
    REPORT.write_text(report(), encoding="utf-8")
    print(f"Written: {REPORT.name}")


if __name__ == "__main__":
    main()
