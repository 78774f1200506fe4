"""The reference names all of the package, and chapters and reference lead to each other."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys

import nbformat
import pytest
from coursekit_api import Code, Entry, Reference, link_code, read_code

import coursekit
from tests.conftest import ROOT

API = ROOT / "book" / "api"
# What the command line and the builds are made of; the book describes what they do instead.
NOT_DESCRIBED = {"cli", "terminal", "grading", "data"}


def test_every_module_has_a_page_and_a_table():
    modules = {module.name for module in pkgutil.iter_modules(coursekit.__path__)}
    public = {name for name in modules if not name.startswith("_")} - NOT_DESCRIBED
    index = (API / "index.md").read_text(encoding="utf-8")
    for name in public:
        page = (API / f"{name}.md").read_text(encoding="utf-8")
        assert f".. automodule:: coursekit.{name}\n   :members:\n" in page
        assert f".. api-table:: coursekit.{name}\n" in index
        assert importlib.import_module(f"coursekit.{name}").__all__
    assert {path.stem for path in API.glob("*.md")} == public | {"index", "cli"}


def test_constants_are_described_by_hand():
    """Sphinx does not show a constant that has no docstring, and none can have one."""
    plotting = importlib.import_module("coursekit.plotting")
    page = (API / "plotting.md").read_text(encoding="utf-8")
    constants = [name for name in plotting.__all__ if not callable(getattr(plotting, name))]
    assert constants == ["COLOURS"]
    described = page.split(".. py:data:: COLOURS\n   :module: coursekit.plotting\n")[1]
    assert set(re.findall(r"``(\w+)``", described)) == set(plotting.COLOURS)


# --------------------------------------------------------------------------- reading code


def test_code_is_read():
    code = read_code(
        "from coursekit import datasets, models as m\n"
        "from coursekit.datasets.walking import STRIDE\n"
        "import coursekit.training, numpy as np\n"
        "%matplotlib inline\n"
        "def one_hot(x):\n"
        "    !ls\n"
        "    return m.mnist_mlp(units=8).count_params()\n"
        "mine = datasets.load_iris()\n"
        "coursekit.training.train_model, np.coursekit.x, STRIDE\n"
    )
    assert code.imported == {
        "datasets": "coursekit.datasets",
        "m": "coursekit.models",
        "STRIDE": "coursekit.datasets.walking.STRIDE",
        "coursekit": "coursekit",
    }
    assert code.own == {"one_hot", "mine"}
    assert code.used == {
        "coursekit",
        "coursekit.models",
        "coursekit.models.mnist_mlp",
        "coursekit.datasets",
        "coursekit.datasets.load_iris",
        "coursekit.datasets.walking",
        "coursekit.datasets.walking.STRIDE",
        "coursekit.training",
        "coursekit.training.train_model",
    }


@pytest.mark.parametrize("source", ["", "x = ___ +", "from coursekitten import models\nmodels.x"])
def test_code_that_uses_nothing(source):
    code = read_code(source)
    assert not code.imported and not code.used


ENTRIES = [
    Entry("coursekit.datasets", "api/datasets", "module-coursekit.datasets", "module"),
    Entry("coursekit.datasets.load_mnist", "api/datasets", "load_mnist", "function"),
    Entry("coursekit.datasets.Walking", "api/datasets", "Walking", "class"),
    Entry("coursekit.evaluation.Report", "api/evaluation", "Report", "class"),
    Entry("coursekit.evaluation.Report.from_labels", "api/evaluation", "from", "method"),
    Entry("coursekit.evaluation.band", "api/evaluation", "band", "function"),
    Entry("coursekit.training.train_model", "api/training", "train_model", "function"),
    Entry("coursekit.preprocessing.one_hot", "api/preprocessing", "one_hot", "function"),
]
REFERENCE = Reference(ENTRIES)
PAGE = Code(
    imported={"datasets": "coursekit.datasets", "ev": "coursekit.evaluation"},
    own={"one_hot", "training"},
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("datasets.load_mnist()", "datasets.load_mnist"),
        ('datasets.load_mnist(edition="sample")', "datasets.load_mnist"),
        ("coursekit.training.train_model", "training.train_model"),
        ("ev.Report.from_labels", "evaluation.Report.from_labels"),
        ("evaluation.band", "evaluation.band"),
        ("load_mnist", "datasets.load_mnist"),
        ("train_model(x, y)", "training.train_model"),
        ("coursekit.datasets", "datasets"),
        ("datasets", None),  # a word
        ("band", None),  # a word, too
        ("one_hot", None),  # the page's own
        ("training.train_model", None),  # a variable of the page
        ("datasets.load_cifar", None),
        ("model.fit", None),
        ("load_mnist + 1", None),
        ("keras.datasets.load_mnist", None),
    ],
)
def test_what_inline_code_means(text, name):
    found = REFERENCE.find(text, PAGE)
    assert (found and found.name.removeprefix("coursekit.")) == name


def test_the_first_use_in_code_is_linked():
    def tokens(code: str) -> str:
        parts = re.findall(r"\w+|\.|\W", code)
        return "".join(
            f'<span class="n">{part}</span>'
            if part.isidentifier()
            else f'<span class="o">{part}</span>'
            for part in parts
        )

    def block(code: str) -> str:
        return f'<div class="highlight-ipython3 notranslate"><pre>{tokens(code)}\n</pre></div>'

    body = (
        block("ev.Report.from_labels(x).matrix")
        + block("ev.Report; x.ev.band; datasets.load_mnist; datasets.load_mnist")
        + tokens("datasets.Walking")  # not in a block of code
    )
    linked = link_code(body, REFERENCE, PAGE, lambda entry: f"{entry.page}#{entry.anchor}")
    found = re.findall(r'<a class="api-code" href="(.*?)" title="(.*?)">(.*?)</a>', linked)
    plain = [(href, name, re.sub("<.*?>", "", inside)) for href, name, inside in found]
    assert plain == [
        ("api/evaluation#from", "coursekit.evaluation.Report.from_labels", "ev.Report.from_labels"),
        ("api/evaluation#Report", "coursekit.evaluation.Report", "ev.Report"),
        ("api/datasets#load_mnist", "coursekit.datasets.load_mnist", "datasets.load_mnist"),
    ]
    assert re.sub("</?a.*?>", "", linked) == body


# ------------------------------------------------------------------------------- a tiny book


CONFIG = """
extensions = ["myst_nb", "coursekit_api"]
nb_execution_mode = "off"
html_theme = "basic"
"""
PAGES = {
    "index.md": """# Book

Call `training.train_model()` or `coursekit data fetch`, not `coursekit` or `coursekit data`.

```{toctree}
book/one
book/solutions/one
book/api/index
book/api/models
book/api/training
book/api/cli
```
""",
    "book/api/index.md": "# Reference\n\n```{eval-rst}\n.. api-table:: coursekit.models\n\n"
    ".. api-table:: coursekit.training\n```\n",
    "book/api/models.md": "# Models\n\n```{eval-rst}\n.. automodule:: coursekit.models\n"
    "   :members:\n```\n",
    "book/api/training.md": "# Training\n\n```{eval-rst}\n.. automodule:: coursekit.training\n"
    "   :members:\n```\n",
    "book/api/cli.md": "# Commands\n\n```{api-commands}\n```\n",
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    (folder / "conf.py").write_text(CONFIG)
    for name, text in PAGES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    cells = [
        nbformat.v4.new_markdown_cell(
            "# The chapter\n\nFirst `models.iris_linear_softmax`, `iris_linear_softmax`."
        ),
        nbformat.v4.new_code_cell("from coursekit import models, training"),
        nbformat.v4.new_code_cell(
            "models.iris_linear_softmax(units=3)\nmodels.iris_linear_softmax()"
        ),
    ]
    (folder / "book" / "solutions").mkdir()
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.language_info = {"name": "python", "pygments_lexer": "ipython3"}
    for name in ("book/one", "book/solutions/one"):
        nbformat.write(notebook, folder / f"{name}.ipynb")
    extensions = str(ROOT / "book" / "_extensions")
    program = f"import sys; sys.path.insert(0, {extensions!r})\n" + (
        "from sphinx.cmd.build import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "-W", "-n", "-q", "-j", "2", folder, folder / "out"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "out"


def html_of(tiny, page: str) -> str:
    return (tiny / f"{page}.html").read_text(encoding="utf-8")


def test_chapters_lead_to_the_reference(tiny):
    page = html_of(tiny, "book/one")
    links = re.findall(r'<a [^>]*href="(api/models.html#[^"]*)"', page)
    # Prose twice, code once.
    assert links == ["api/models.html#coursekit.models.iris_linear_softmax"] * 3
    assert page.count('class="api-code"') == 1
    assert 'id="coursekit.models.iris_linear_softmax"' in html_of(tiny, "book/api/models")
    index = html_of(tiny, "index")
    assert 'href="book/api/training.html#coursekit.training.train_model"' in index
    commands = re.findall(r'href="book/api/cli.html#(\S*)" title=', index)
    assert commands == ["coursekit-data-fetch"]


def test_the_reference_leads_to_chapters(tiny):
    page = html_of(tiny, "book/api/models")
    (used,) = re.findall(r'<p class="api-used-in">(.*?)</p>', page)
    assert used.startswith("Used in: <a") and "../one.html" in used and "The chapter</a>." in used
    assert "solutions" not in used
    entry = page.split('id="coursekit.models.iris_linear_softmax"')[1]
    entry = entry.split('id="coursekit.models.')[0]
    assert used in entry


def test_docstrings_are_shown(tiny):
    page = html_of(tiny, "book/api/training")
    text = " ".join(re.sub(r"<[^>]+>", "", page).split())
    assert "units, layers (sequence of int)" in text.replace(" (sequence", " (sequence")
    assert ":func:" not in text and "Parameters" in text and "Raises" in text
    # What a function returns leads to the class of that name; roles lead to other modules.
    assert re.search(r'href="#coursekit.training.Trained"><em>Trained</em></a>', page)
    assert 'href="models.html#coursekit.models.mnist_mlp"' in page
    assert text.count("train_model(x, y, *, units=512") == 1  # no annotations in the signature


def test_tables_have_every_name(tiny):
    page = html_of(tiny, "book/api/index")
    for module in ("coursekit.models", "coursekit.training"):
        for name in importlib.import_module(module).__all__:
            assert f"#{module}.{name}" in page


def test_every_command_is_described(tiny):
    page = html_of(tiny, "book/api/cli")
    text = " ".join(re.sub(r"<[^>]+>", "", page).split())
    for name in ("data list", "data fetch", "data verify", "data where", "release", "grade"):
        assert f'id="coursekit-{name.replace(" ", "-")}"' in page
    assert "coursekit grade SUBMISSIONS --out OUT [--master MASTER...]" in text
    assert "The longest a cell may take. Default: 120." in text
    assert "Folder for the exercises. Required." in text
    assert "coursekit data fetch [DATASETS...]" in text
