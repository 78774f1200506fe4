"""Parts of the landing page: a figure that trains a network, and the ways to run a chapter.

The landing page is Markdown and runs no code, so the figure comes from the package while the book
is built: ``{playground} start``, with the option ``running`` to train at once. ``{run} chapter``
makes buttons that open a chapter in Colab or on Binder, at the addresses that the buttons on the
chapter itself have, or download it.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

BUTTON = ["sd-btn", "sd-btn-outline-primary"]


class Playground(SphinxDirective):
    """The figure in which readers train a network; the argument is the name of a preset."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec = {"running": directives.flag}  # noqa: RUF012 - as docutils wants it

    def run(self) -> list[nodes.Node]:
        """Make the figure."""
        from coursekit import live

        for path in sorted(Path(live.__file__).parent.glob("*.*")):
            self.env.note_dependency(str(path))
        figure = live.playground(self.arguments[0], running="running" in self.options)
        return [nodes.raw("", figure.html, format="html")]


def addresses(options: dict, path: str) -> dict[str, str]:
    """Return where a notebook of a repository on GitHub can be run, by the name of the service.

    Parameters
    ----------
    options : dict
        Options of the theme: the address of the repository, its branch, and the services.
    path : str
        Path of the notebook in the repository.

    Returns
    -------
    dict of str to str
        Empty if the repository is not on GitHub, from which both services read.
    """
    address = urlsplit(options.get("repository_url", ""))
    repository = address.path.strip("/").removesuffix(".git")
    if address.netloc != "github.com" or repository.count("/") != 1:
        return {}
    branch = options.get("repository_branch") or "main"
    services = options.get("launch_buttons", {})
    found = {}
    if colab := services.get("colab_url"):
        found["Colab"] = f"{colab}/github/{repository}/blob/{branch}/{path}"
    if binder := services.get("binderhub_url"):
        found["Binder"] = f"{binder}/v2/gh/{repository}/{branch}?urlpath=lab/tree/{path}"
    return found


class Run(SphinxDirective):
    """Buttons that run a chapter or download it; the argument is the name of the chapter."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the buttons."""
        relative, absolute = self.env.relfn2path(f"{self.arguments[0]}.ipynb")
        self.env.note_dependency(absolute)
        row = nodes.paragraph(classes=["landing-run"])
        row += nodes.Text("Run the first chapter: ")
        found = addresses(self.config.html_theme_options, relative)
        for service, address in found.items():
            row += nodes.reference("", service, refuri=address, classes=BUTTON)
            row += nodes.Text(" ")
        row += addnodes.download_reference(
            "", "", nodes.inline("", "Download"), reftarget=f"/{relative}", refdoc=self.env.docname,
            classes=BUTTON,
        )  # fmt: skip
        return [row]


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_directive("playground", Playground)
    app.add_directive("run", Run)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
