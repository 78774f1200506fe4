"""From nothing to a first page: a clone, its environment, and what one does first with it.

Each round clones the checkout, has `make env` make the environment, with uv and with pip (which
`make` takes where there is no uv), starts JupyterLab on it, opens a chapter's kernel and runs the
chapter's first two code cells. Environments are cold builds, so there are three rounds. The caches
of downloads are warm: a first download depends on the network alone. Building the book is not
measured again: it takes what the section on the book says, whichever tool made the environment.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import statistics
import subprocess
import sysconfig
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import Distribution, distributions
from pathlib import Path

import nbformat
from _measure import (
    BIN,
    OURS,
    RESULTS,
    ROOT,
    Question,
    clone,
    command_seconds,
    commit,
    environment,
    markdown,
    options_of,
    spread,
)
from jupyter_client import BlockingKernelClient

ROUNDS = 3
CHAPTER = "first-sequential-model.ipynb"
CELLS = 2
LONGEST = 180  # seconds for the server, the kernel, and each cell
BIGGEST = 25  # dependencies in the table
STEPS = ("clone", "environment", "JupyterLab answers", "kernel", "first cells")


# ------------------------------------------------------------------------------- the environment


def path_without_uv(folder: Path) -> str:
    """Return a PATH on which everything is but uv.

    A folder that has uv is replaced by one of links to all its other programs.
    """
    parts = []
    for number, name in enumerate(os.environ["PATH"].split(os.pathsep)):
        part = Path(name)
        if any((part / program).exists() for program in ("uv", "uvx")):
            links = folder / str(number)
            links.mkdir(parents=True)
            for program in part.iterdir():
                if program.name not in ("uv", "uvx"):
                    (links / program.name).symlink_to(program)
            part = links
        parts.append(str(part))
    return os.pathsep.join(parts)


def compiling(clone: Path, processes: int) -> float:
    """Return the seconds of compiling all bytecode of an environment, in so many processes."""
    # Some distributions have files for other Pythons, which do not compile: that is no failure.
    code = "import compileall, sys; compileall.compile_dir(sys.argv[1], force=True, quiet=2, "
    code += f"workers={processes})"
    with tempfile.TemporaryDirectory() as empty:
        return command_seconds(
            [clone / ".venv" / "bin" / "python", "-c", code, clone / ".venv" / "lib"],
            PYTHONPYCACHEPREFIX=empty,
        )


# ------------------------------------------------------------------------------------ JupyterLab


@contextmanager
def jupyterlab(clone: Path) -> Iterator[tuple[str, str, Path]]:
    """Start the clone's JupyterLab on the loopback interface, as `make lab` does.

    Yields
    ------
    tuple of str, str and Path
        Its address, its token, and the folder in which kernels leave their connections.
    """
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as runtime:
        server = subprocess.Popen(
            [clone / ".venv" / "bin" / "jupyter", "lab", "book", "--no-browser",
             "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--allow-root",
             f"--IdentityProvider.token={token}"],
            cwd=clone,
            env=environment(
                JUPYTER_RUNTIME_DIR=runtime, JUPYTER_DEFAULT_PROVISIONER_NAME="coursekit-quiet"
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield _address(server, Path(runtime), token), token, Path(runtime)
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _address(server: subprocess.Popen, runtime: Path, token: str) -> str:
    """Return the server's address once it answers; it notes the address before it listens."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        if server.poll() is not None:
            raise SystemExit(
                f"JupyterLab ended with {server.returncode} before it answered. Run `make lab` in "
                "the checkout to see why."
            )
        for path in runtime.glob("jpserver-*.json"):
            try:
                address = json.loads(path.read_text())["url"]
                _ask(address, token, "api/status")
                return address
            except (ValueError, ConnectionError, urllib.error.URLError):
                pass  # half written, or not listening yet
        time.sleep(0.02)
    raise SystemExit(f"JupyterLab did not answer within {LONGEST} s.")


def _ask(address: str, token: str, path: str, body: dict | None = None) -> bytes:
    request = urllib.request.Request(
        address + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=LONGEST) as answer:
        return answer.read()


def first_cells(clone: Path) -> dict[str, float]:
    """Start JupyterLab, and run a chapter's first cells in a kernel of it; return the seconds."""
    notebook = nbformat.read(clone / "book" / CHAPTER, as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"][:CELLS]
    seconds = {}
    began = time.perf_counter()
    with jupyterlab(clone) as (address, token, runtime):
        _ask(address, token, "lab")
        seconds["JupyterLab answers"] = time.perf_counter() - began
        began = time.perf_counter()
        body = {"path": CHAPTER, "name": CHAPTER, "type": "notebook", "kernel": {"name": "python3"}}
        session = json.loads(_ask(address, token, "api/sessions", body))
        connection = runtime / f"kernel-{session['kernel']['id']}.json"
        client = BlockingKernelClient(connection_file=str(connection))
        client.load_connection_file()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=LONGEST)
            seconds["kernel"] = time.perf_counter() - began
            began = time.perf_counter()
            for source in cells:
                answer = client.execute_interactive(
                    source, timeout=LONGEST, output_hook=lambda _: None
                )
                if answer["content"]["status"] != "ok":
                    raise SystemExit(f"A first cell of {CHAPTER} failed: {answer['content']}")
            seconds["first cells"] = time.perf_counter() - began
        finally:
            client.stop_channels()
    return seconds


# ------------------------------------------------------------------------------ the dependencies


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def _requirements(one: Distribution) -> Iterator[tuple[str, set[str], str]]:
    """Yield what a distribution requires: the name, its extras, and the extra that asks for it."""
    for text in one.requires or ():
        found = re.match(r"([\w.-]+)\s*(?:\[([^\]]*)\])?", text)
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", text)
        wanted = {_name(each.strip()) for each in (found[2] or "").split(",") if each.strip()}
        yield _name(found[1]), wanted, _name(extra[1]) if extra else ""


def _brought(installed: dict[str, Distribution], start: str, wanted: set[str]) -> set[str]:
    """Return everything that installing one distribution brings, itself included."""
    seen: dict[str, set[str]] = {}
    todo = [(start, wanted)]
    while todo:
        name, extras = todo.pop()
        if name not in installed or (name in seen and extras <= seen[name]):
            continue
        seen[name] = seen.get(name, set()) | extras
        todo += [(other, more) for other, more, extra in _requirements(installed[name])
                 if not extra or extra in seen[name]]  # fmt: skip
    return set(seen)


def _megabytes(one: Distribution) -> float:
    # pip notes the bytecode that it compiles among a distribution's files, and uv does not.
    paths = (Path(one.locate_file(file)) for file in one.files or () if file.suffix != ".pyc")
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def _uses() -> dict[str, str]:
    """Return what pyproject.toml says of each direct requirement, beside it."""
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    found = (re.match(r'\s+"([\w.-]+)[^"]*",\s*# (.*)', line) for line in lines)
    return {_name(each[1]): each[2] for each in found if each}


def dependencies(question: Question) -> None:
    """Say what `make env` installs: each distribution, its size, and what brings it."""
    folders = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    installed = {_name(one.metadata["Name"]): one for one in distributions(path=folders)}
    sizes = {name: _megabytes(one) for name, one in installed.items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"the package": project["dependencies"], **project["optional-dependencies"]}
    brought_by: dict[str, list[str]] = {}
    by_group: dict[str, set[str]] = {}
    for group, requirements in groups.items():
        for text in requirements:
            name = _name(re.match(r"[\w.-]+", text)[0])
            if name == "coursekit":
                continue
            found = _brought(installed, name, set())
            by_group[group] = by_group.get(group, set()) | found
            for each in found:
                brought_by.setdefault(each, []).append(f"{group}: {name}")
    uses = _uses()
    rows = []
    ranked = sorted(sizes, key=sizes.get, reverse=True)
    for name in ranked[:BIGGEST]:
        by = brought_by.get(name, ["the environment itself"])
        more = f" and {len(by) - 3} more" if len(by) > 3 else ""
        rows.append([name, f"{sizes[name]:.1f}", "; ".join(by[:3]) + more, uses.get(name, "")])
    rest = ranked[BIGGEST:]
    rows.append([f"{len(rest)} others", f"{sum(sizes[name] for name in rest):.1f}", "", ""])
    question.say(
        markdown(["distribution", "MB", "brought by", "use, if it is required directly"], rows)
        + f"\n\nAll {len(sizes)} take {sum(sizes.values()):,.0f} MB, without bytecode that the "
        "installer compiles.",
        title="What `make env` installs",
    )
    counts = Counter(name for found in by_group.values() for name in found)
    rows = []
    for group, found in by_group.items():
        alone = {name for name in found if counts[name] == 1}
        rows.append([group, len(found), f"{sum(sizes[name] for name in found):,.0f}", len(alone),
                     f"{sum(sizes[name] for name in alone):,.0f}"])  # fmt: skip
    head = ["extra", "distributions", "MB", "that no other brings", "MB of these"]
    words = (
        "`make lab` needs the package and `book`. So the last column is what `make env` could "
        "leave out for someone who only reads and runs chapters."
    )
    question.say(f"{markdown(head, rows)}\n\n{words}", title="What could go")


def imports(question: Question) -> None:
    """Say where the time of importing Keras goes, by distribution."""
    done = subprocess.run(
        [BIN / "python", "-X", "importtime", "-c", "import keras"],
        env=environment(TF_CPP_MIN_LOG_LEVEL="3"),
        capture_output=True,
        text=True,
        check=True,
        timeout=LONGEST,
    )
    lines = re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s*([\w.]+)", done.stderr, re.MULTILINE)
    own: Counter[str] = Counter()
    for microseconds, module in lines:
        own[module.partition(".")[0]] += int(microseconds)
    rows = [[name, f"{taken / 1e6:.2f}"] for name, taken in own.most_common(10)]
    rows.append(
        ["all others", f"{(own.total() - sum(dict(own.most_common(10)).values())) / 1e6:.2f}"]
    )
    question.say(markdown(["package", "seconds of its own (once)"], rows), title="`import keras`")


# ---------------------------------------------------------------------------- all steps in turn


def cold_build() -> list[float]:
    """Return the seconds of the book's cold builds, if this commit has them."""
    path = RESULTS / "book.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"commit": ""}
    if found["commit"] != commit():
        return []
    part = next(part for part in found["parts"] if part.get("title") == "Cold")
    return next(row["seconds"] for row in part["rows"] if row["way"] == OURS)


def say_steps(question: Question, found: dict[str, list[dict[str, float]]]) -> None:
    """Say what each step took with each installer, and the sums."""
    rows = [
        [step, *(spread([each[step] for each in rounds]) for rounds in found.values())]
        for step in STEPS
    ]

    def median(rounds: list[dict[str, float]], *steps: str) -> float:
        return statistics.median(sum(each[step] for step in steps) for each in rounds)

    first_cell = [f"{median(rounds, *STEPS):.0f}" for rounds in found.values()]
    rows.append(["**clone to first cell**", *first_cell])
    if build := cold_build():
        rows.append(["`make book`, from the section on the book", *[spread(build)] * len(found)])
        page = [median(rounds, "clone", "environment") + statistics.median(build)
                for rounds in found.values()]  # fmt: skip
        rows.append(["**clone to `_build/html/index.html`**", *(f"{each:.0f}" for each in page)])
    count = len(next(iter(found.values())))
    words = "" if build else "\n\nThe book of this commit was not measured: no time to its page."
    question.say(markdown([f"seconds ({count} rounds)", *found], rows) + words, title="The steps")


def main() -> None:
    options = options_of(__doc__, rounds=ROUNDS)
    question = Question("first_page", "From nothing to a first page", __doc__.split("\n\n")[1],
                        quick=options.quick)  # fmt: skip
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base)
        paths = {"uv": os.environ["PATH"], "pip": path_without_uv(folder / "programs")}
        if shutil.which("uv") is None:
            question.say("**Not measured: uv.** It is not on the PATH.")
            del paths["uv"]
        if options.quick:
            paths = dict(list(paths.items())[:1])
        found: dict[str, list[dict[str, float]]] = {name: [] for name in paths}
        compiled = {}
        question.calibrate()
        for number in range(options.rounds):
            for name in list(paths) if number % 2 == 0 else list(paths)[::-1]:
                steps = {"clone": clone(folder / "clone")}
                steps["environment"] = command_seconds(
                    ["make", "env"], cwd=folder / "clone", PATH=paths[name]
                )
                steps |= first_cells(folder / "clone")
                found[name].append(steps)
                said = ", ".join(f"{step} {taken:.1f} s" for step, taken in steps.items())
                print(f"  {name}, round {number + 1} of {options.rounds}: {said}", flush=True)
                if name not in compiled:
                    # uv compiles in all cores, pip in one.
                    compiled[name] = compiling(folder / "clone", 0 if name == "uv" else 1)
            question.calibrate()
        say_steps(question, found)
        shares = "; ".join(f"with {name} {taken:.0f} s" for name, taken in compiled.items())
        question.say(
            f"Of making the environment, compiling the bytecode takes about: {shares} (once, by "
            "itself). The section on starting up says what it saves at every import."
        )
        question.keep(unfinished=True)
    imports(question)
    dependencies(question)
    question.keep()


if __name__ == "__main__":
    main()
