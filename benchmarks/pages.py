"""What a page weighs, when it shows something, how much it moves, and how fast it trains.

One page of each kind is opened in Chromium as on a first visit, at the width of a laptop and of a
phone, and scrolled to its end. The server on this machine compresses nothing, so published pages
weigh less. The networks are those of the playground's goals, trained by its own code.
"""

from __future__ import annotations

import sys
from pathlib import Path

from _measure import CACHE, ROOT, Question, commit, markdown, options_of, spread

sys.path.insert(0, str(ROOT / "tools"))

import site_checks
import site_table
import trainer_agreement

WIDTHS = {1300: "laptop", 390: "phone"}
KINDS = {
    "landing page": "book/index.html",
    "page of text": "book/setting-up.html",
    "chapter": "book/first-sequential-model.html",
    "chapter with many figures": "book/images.html",
    "live figures": "book/see-it-live.html",
    "playground": "book/playground.html",
    "exercise": "book/exercises/iris.html",
    "reference": "book/api/training.html",
}
SPEED_GOALS = {"3-64-64-2, 10,000 rows, batch 128": 6, "784-64-10, 1,000 digits, batch 128": 20}
SHIFT_GOAL = 0.1  # web.dev calls a page good up to it


def built_book(given: Path | None) -> Path:
    """Return the folder of the built book: the one that was named, or that of this commit."""
    kept = CACHE / f"html-{commit()}"
    folder = given or (kept if kept.exists() else site_checks.BUILT)
    if not (folder / "book" / "index.html").exists():
        raise SystemExit(
            f"There is no built book in {folder}: run `make book`, or benchmarks/book.py, first; "
            "--built names another folder."
        )
    return folder


def look(question: Question, chrome, built: Path, kinds: dict[str, str], rounds: int) -> None:
    """Open one page of each kind at both widths, in turn, and say what came out."""
    loads: dict[tuple[str, int], list] = {(kind, width): [] for kind in kinds for width in WIDTHS}
    question.calibrate()
    with site_checks.serve(built) as address:
        for _ in range(rounds):
            for kind, width in loads:
                load = site_table.measure(
                    chrome, address, kinds[kind], width=width, scheme="light", built=built
                )
                loads[kind, width].append(load)
            question.calibrate()
    head = ["kind", "page", "kB", "files"]
    for name in WIDTHS.values():
        head += [f"first paint, ms ({name})", f"layout shift ({name})"]
    rows = []
    for kind, page in kinds.items():
        every = [load for width in WIDTHS for load in loads[kind, width]]
        row = [kind, page, f"{max(load.bytes for load in every) / 1000:,.0f}",
               max(load.files for load in every)]  # fmt: skip
        for width in WIDTHS:
            row += [spread([load.paint for load in loads[kind, width]]),
                    f"{max(load.shift for load in loads[kind, width]):.3f}"]  # fmt: skip
        rows.append(row)
    question.say(markdown(head, rows) + f"\n\n{rounds} rounds; of weight and shift, the largest.",
                 title="Pages")  # fmt: skip
    worst = max(load.shift for every in loads.values() for load in every)
    question.goal("Layout shift of the page that moves most", worst, at_most=SHIFT_GOAL)


def train(question: Question, chrome, rounds: int) -> None:
    """Train the networks of the goals in the browser, in turn."""
    page = chrome.new_page()
    trainer_agreement.load(page)
    speeds: dict[str, list[float]] = {name: [] for name in SPEED_GOALS}
    question.calibrate()
    for _ in range(rounds):
        for name, found in speeds.items():
            found.append(trainer_agreement.epochs_per_second(page, name)[0])
        question.calibrate()
    rows = [[name, spread(found), f"{SPEED_GOALS[name]}"] for name, found in speeds.items()]
    head = ["network", f"epochs a second ({rounds} rounds)", "goal"]
    question.say(markdown(head, rows), title="Training in the browser")
    for name, found in speeds.items():
        middle = sorted(found)[len(found) // 2]
        question.goal(f"Playground, {name}", middle, at_least=SPEED_GOALS[name], unit="epochs/s")


def main() -> None:
    def more(parser) -> None:
        parser.add_argument("--built", type=Path, help="folder of the built book")

    options = options_of(__doc__, more=more)
    if site_checks.chromium() is None:
        raise SystemExit("Chromium is not installed; on Debian: apt install chromium.")
    question = Question("pages", "Pages", __doc__.split("\n\n")[1], quick=options.quick)
    kinds = dict(list(KINDS.items())[:2]) if options.quick else KINDS
    with site_checks.browser() as chrome:
        train(question, chrome, options.rounds)
        question.keep(unfinished=True)
        look(question, chrome, built_book(options.built), kinds, options.rounds)
    question.keep()


if __name__ == "__main__":
    main()
