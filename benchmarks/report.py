"""Write ``RESULTS.md`` from what the other scripts have kept in ``results/``."""

from __future__ import annotations

import json
import statistics

from _measure import RESULTS, markdown, spread
from bench import SCRIPTS, SUITE

REPORT = RESULTS.parent / "RESULTS.md"
HANDLED = {"way", "seconds", "ratio", "fastest"}
DRIFT = 0.15  # share by which the calibration may vary
# Why a goal that was not reached is out of reach, by what the goal's name holds. Each points to the
# measurement that shows it.
REASONS = {
    ("train_model against plain Keras, JAX", "train_model against PyTorch"): (
        "With perceptrons, the products of matrices and the update of the weights take TensorFlow "
        "longer than JAX and PyTorch: see *Parts of a step*. `train_model` can only save what is "
        "around them. Compiled with XLA, the steps take less time, but the first epoch takes "
        "longer (*What train_model does, means by means*), which only a long training makes good."
    ),
    ("Grading against",): (
        "Most of the time goes into the notebook's own cells, which no grader that runs them can "
        "save: see below *One more submission*. nbgrader grades one notebook after the other as it "
        "comes, and that is a row of its own; the other rows give every tool two jobs."
    ),
    ("A cold build",): (
        "Most of the time goes into the chapters' own training, which uses both cores in either "
        "way: see *A learner's kernel* for how long the cells take."
    ),
}
# Something that takes this much longer or less than ours is within what rounds differ anyway.
NO_DIFFERENCE = 0.03
HEAD = """\
# What the measurements say

Made by `make bench` from `results/*.json`: do not edit. All ways of a table ran in turn on the same
machine. Seconds are medians, with the smallest and the largest. The third column says how many
times as fast as that way ours is: the median of the ratios within the rounds, and their range.
The next column compares the fastest round of each. A part that has fewer rounds than the others
says why.
"""


def report() -> str:
    """Return the text of ``RESULTS.md``.

    Raises
    ------
    SystemExit
        If the results are not all of one commit.
    """
    paths = sorted(RESULTS.glob("*.json"))
    if unknown := [path.name for path in paths if path.stem not in SCRIPTS | SUITE]:
        raise SystemExit(f"No script makes {', '.join(unknown)} in results/: delete what is left.")
    found = {name: json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
             for name in SCRIPTS | SUITE if (RESULTS / f"{name}.json").exists()}  # fmt: skip
    commits: dict[str, list[str]] = {}
    for name, content in found.items():
        commits.setdefault(content["commit"], []).append(name)
    if len(commits) > 1:
        listed = "; ".join(f"{commit}: {', '.join(names)}" for commit, names in commits.items())
        raise SystemExit(
            f"The results are of {len(commits)} commits ({listed}), and a report holds one: run "
            "`make bench`, which measures anew what another commit had."
        )
    missing = [name for name in SCRIPTS if name not in found]
    missing += [f"{name} (in part)" for name, each in found.items() if each.get("unfinished")]
    gap = [f"**Not measured yet: {', '.join(missing)}.**\n"] if missing else []
    blocks = [HEAD, *_when(found), *gap, *drift(found), *goals(found)]
    blocks += [section(content) for content in found.values()]
    return "\n".join([*blocks, *tried(found)])


def _when(found: dict[str, dict]) -> list[str]:
    if not found:
        return []
    first = next(iter(found.values()))
    days = sorted({content["day"] for content in found.values()})
    machines = {json.dumps(content["machine"]) for content in found.values()}
    minutes = sum(content.get("minutes", 0) for content in found.values())
    lines = [f"Commit {first['commit']}, {' to '.join(dict.fromkeys((days[0], days[-1])))}; "
             f"{minutes:.0f} minutes in all. {_machine(first)}.", ""]  # fmt: skip
    if len(machines) > 1:
        lines[:0] = ["**Not all parts ran on the same machine: see their sections.**", ""]
    return lines


def _machine(content: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in content["machine"].items())


def drift(found: dict[str, dict]) -> list[str]:
    """Return a sentence for each part in which the machine's speed changed, if any did."""
    lines, middles = [], []
    for content in found.values():
        for part in content["parts"]:
            times = part.get("calibration", [])
            where = f"*{content['title']}*" + (f", {part['title']}" if "title" in part else "")
            if times:
                middles.append((where, statistics.median(times)))
            if len(times) > 1 and max(times) > (1 + DRIFT) * min(times):
                lines.append(
                    f"- {where}: by {max(times) / min(times) - 1:.0%} within the part "
                    f"({min(times):.2f} to {max(times):.2f} s)"
                )
    usual = statistics.median(middle for _, middle in middles) if middles else 0
    for where, middle in middles:
        if abs(middle / usual - 1) > DRIFT:
            lines.append(
                f"- {where}: {middle / usual - 1:+.0%} against the usual ({middle:.2f} instead of "
                f"{usual:.2f} s)"
            )
    if not middles:
        return []
    if not lines:
        return [
            f"The machine's speed was steady: a product of matrices, timed between the rounds, "
            f"varied by no more than {DRIFT:.0%} (usually {usual:.2f} s).\n"
        ]
    head = (
        f"**The machine's speed drifted.** A product of matrices, timed between the rounds, varied "
        f"by more than {DRIFT:.0%} in {len(lines)} places. Ratios are taken within a round and "
        "suffer least; compare seconds of these parts with care:\n"
    )
    return [head, *lines, ""]


def goals(found: dict[str, dict]) -> list[str]:
    """Return the table of all goals, with what was reached."""
    rows = []
    for content in found.values():
        for goal in content["goals"]:
            bound = "at least" if "at least" in goal else "at most"
            value, limit = goal["found"], goal[bound]
            reached = value >= limit if bound == "at least" else value <= limit
            unit = f" {goal['unit']}" if goal["unit"] else ""
            rows.append([
                goal["what"], f"{bound} {limit:g}{unit}", f"{value:.3g}{unit}",
                "reached" if reached else "**not reached**",
            ])  # fmt: skip
    if not rows:
        return []
    missed = [row[0] for row in rows if row[-1] != "reached"]
    why = [f"- {text}" for parts, text in REASONS.items()
           if any(part in name for part in parts for name in missed)]  # fmt: skip
    head = ["Why some were not reached:\n"] if why else []
    return ["## Goals\n", markdown(["what", "goal", "measured", ""], rows), "", *head, *why, ""]


def tried(found: dict[str, dict]) -> list[str]:
    """Return what was tried on top of ours and did not make it faster, as it was measured."""
    entries = [entry for content in found.values() for entry in content["tried"]]
    entries.sort(key=lambda entry: -entry["ratio"][0])
    useless = [entry for entry in entries if entry["ratio"][0] >= 1 - NO_DIFFERENCE]
    helped = [entry for entry in entries if entry not in useless]
    if not entries:
        return []
    lines = [
        "## Tried and did not help\n",
        "Each was put on top of what the course does, and measured in the same rounds. The number "
        "is the time with it as a multiple of the time without: the median over the rounds, and "
        f"their range. From {1 - NO_DIFFERENCE:g} on, it is listed here.\n",
    ]
    lines += [f"- {entry['what']}: {spread(entry['ratio'])} times as long" for entry in useless]
    if helped:
        named = "; ".join(f"{entry['what']} ({spread(entry['ratio'])})" for entry in helped)
        lines += ["", f"Tried, and took less time: {named}."]
    return [*lines, ""]


def section(found: dict) -> str:
    """Return what one script found, as Markdown."""
    took = f"; {found['minutes']:.0f} minutes" if "minutes" in found else ""
    lines = [
        f"## {found['title']}", "", found["about"], "",
        f"*{found['day']}{took}; {_machine(found)}.*", "",
    ]  # fmt: skip
    for part in found["parts"]:
        if "words" in part:
            lines += [f"### {part['title']}", ""] if "title" in part else []
            lines += [part["words"], ""]
        else:
            lines += table(part)
    return "\n".join(lines)


def table(part: dict) -> list[str]:
    """Return the ways of doing one thing, one per row."""
    extras = list(
        dict.fromkeys(name for row in part["rows"] for name in row if name not in HANDLED)
    )
    counts = {len(row["seconds"]) for row in part["rows"]}
    often = f"{counts.pop()} rounds" if len(counts) == 1 else "rounds as noted"
    often = "once" if often == "1 rounds" else often
    lines = [
        f"### {part['title']}", "",
        f"| way | seconds ({often}) | ours is × as fast | by the fastest |"
        + "".join(f" {name} |" for name in extras),
        "|---" * (4 + len(extras)) + "|",
    ]  # fmt: skip
    for row in part["rows"]:
        name = f"**{row['way']}**" if row["way"] == part["ours"] else row["way"]
        times = spread(row["seconds"])
        if often == "rounds as noted":
            times += f"; {len(row['seconds'])} ×"
        cells = [name, times]
        cells += [spread(row["ratio"]), f"{row['fastest']:.3g}"] if "ratio" in row else ["", ""]
        cells += [str(row.get(name, "")) for name in extras]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def main() -> None:
    REPORT.write_text(report(), encoding="utf-8")
    print(f"Written: {REPORT.name}")


if __name__ == "__main__":
    main()
