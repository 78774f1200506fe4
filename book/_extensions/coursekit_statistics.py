"""Show when each notebook ran and for how long, with package versions and machine.

myst-nb's own table shows when a page was built, not when its notebook ran, and omits notebooks that
did not run. This extension takes the duration from myst-nb and the time from the execution cache.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import nbformat
import psutil
from coursekit_api import table
from docutils import nodes
from jupyter_cache import get_cache
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.util.docutils import SphinxDirective

REPORTED_PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn", "matplotlib")
BUILD_START = datetime.now(UTC)


@dataclass(frozen=True)
class Run:
    """The execution of one notebook.

    Attributes
    ----------
    page : str
        Name of the document.
    seconds : float or None
        Duration; None if it was not run.
    ended : datetime or None
        End of the run, in UTC; None if it is not known.
    succeeded : bool
        Whether it ran without an error.
    """

    page: str
    seconds: float | None = None
    ended: datetime | None = None
    succeeded: bool = True

    def cells(self, started: datetime) -> list[str]:
        """Return the cells of its row in the table: end, seconds and build.

        Parameters
        ----------
        started : datetime
            Start of this build.
        """
        if self.seconds is None:
            return ["not run in this build", "", ""]
        when = f"{self.ended:%Y-%m-%d %H:%M}" if self.ended else "not recorded"
        build = "not recorded"
        if self.ended:
            build = "this one" if self.ended >= started else "an earlier one"
        if not self.succeeded:
            build += ", failed"
        return [when, f"{self.seconds:.1f}", build]


class Statistics(nodes.General, nodes.Element):
    """A placeholder for the tables until all pages have been read."""


class ExecutionStatistics(SphinxDirective):
    """The directive for the tables."""

    def run(self) -> list[nodes.Node]:
        """Insert a placeholder, since other pages may not have been read yet."""
        pages = getattr(self.env, "statistics_pages", set())
        self.env.statistics_pages = pages | {self.env.docname}
        return [Statistics()]


# ------------------------------------------------------------------------- collecting the data


def runs(app) -> Iterator[Run]:
    """Yield the execution of each notebook, in the order of the table of contents."""
    folder = Path(app.config.nb_execution_cache_path or "")
    cache = get_cache(folder) if (folder / "global.db").exists() else None
    for page in app.env.collect_relations():
        path = Path(app.env.doc2path(page))
        if path.suffix != ".ipynb":
            continue
        known = NbMetadataCollector.get_exec_data(app.env, page) or {}
        if known.get("runtime") is None:
            yield Run(page)
        else:
            yield Run(page, known["runtime"], _ended(cache, path), known.get("succeeded", True))


def _ended(cache, path: Path) -> datetime | None:
    """Return when the outputs in the cache were computed."""
    if cache is None:
        return None
    try:
        record = cache.match_cache_notebook(nbformat.read(path, as_version=4))
    except KeyError:
        return None
    return record.created.replace(tzinfo=UTC)


def circumstances(edition: str, cache: str | None) -> dict[str, str]:
    """Return the edition, versions and machine of a build.

    Parameters
    ----------
    edition : str
        Edition of the data.
    cache : str or None
        Path of the execution cache.

    Returns
    -------
    dict of str to str
        Names and values, in the order of the table.
    """
    memory = psutil.virtual_memory().total / 2**30
    found = {
        "edition of the data": edition,
        # The name of the cache folder contains a hash of package, data and versions.
        "state of the package": Path(cache).name.rpartition("-")[2] if cache else "not recorded",
        "processor": f"{platform.machine() or 'unknown'}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GB",
        "system": platform.system(),
        "Python": platform.python_version(),
    }
    for name in REPORTED_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


# ---------------------------------------------------------------------------------- the page


def pages_to_update(app, env) -> list[str]:
    """Return the pages to rebuild when notebooks have run."""
    if not NbMetadataCollector.new_exec_data(env):
        return []
    return sorted(getattr(env, "statistics_pages", set()) & env.found_docs)


def fill_in(app, doctree: nodes.document, page: str) -> None:
    """Replace the placeholders by the tables."""
    for mark in list(doctree.findall(Statistics)):
        mark.replace_self(_tables(app, page))


def _tables(app, page: str) -> list[nodes.Node]:
    edition = os.environ.get("COURSEKIT_EDITION", "not set")
    build = circumstances(edition, app.config.nb_execution_cache_path)
    found = list(runs(app))
    ran = [run for run in found if run.seconds is not None]
    rows = []
    for run in found:
        title = app.env.titles[run.page].astext()
        address = app.builder.get_relative_uri(page, run.page)
        link = nodes.reference("", title, internal=True, refuri=address)
        rows.append([[link], *[[nodes.Text(cell)] for cell in run.cells(BUILD_START)]])
    notebooks = table(["notebook", "ended (UTC)", "seconds", "ran in build"], rows)
    for row in notebooks.findall(nodes.row):
        row[2]["classes"].append("text-right")
    total = sum(run.seconds for run in ran)
    return [
        table(
            ["this build", "value"],
            [[[nodes.Text(name)], [nodes.Text(value)]] for name, value in build.items()],
        ),
        nodes.paragraph("", f"{len(ran)} of {len(found)} notebooks ran, {total:.0f} s together."),
        notebooks,
    ]


def merge(app, env, docnames, other) -> None:
    """Merge the pages with tables that parallel processes have read."""
    pages = getattr(env, "statistics_pages", set())
    env.statistics_pages = pages | getattr(other, "statistics_pages", set())


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_node(Statistics)
    app.add_directive("execution-statistics", ExecutionStatistics)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", pages_to_update)
    app.connect("doctree-resolved", fill_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
