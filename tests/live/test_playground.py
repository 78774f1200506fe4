"""The playground as Python makes it; tests/site/test_playground.py trains in a browser."""

from __future__ import annotations

import ast
import html
import inspect
import json
import re
from importlib import resources
from urllib.parse import parse_qsl

import nbformat
import numpy as np
import pytest

from coursekit import datasets, live
from coursekit.live import _playground
from tests.conftest import ROOT


def data_of(figure: live.LiveFigure) -> dict:
    (text,) = re.findall(r'^start\("[^"]+", (.*), playgroundFigure\);$', figure.html, re.MULTILINE)
    return json.loads(text)


def without_pictures(page: str) -> str:
    return re.sub(r"base64,[A-Za-z0-9+/=]*", "", page)


@pytest.mark.parametrize("preset", _playground.PRESETS)
def test_presets(preset):
    figure = live.playground(preset)
    data = data_of(figure)
    assert list(data["settings"]) == sorted(_playground.OPTIONS)
    for name, value in data["settings"].items():
        assert value in data["options"][name]
    assert data["preset"] == preset and data["look"].endswith((".", "?"))
    assert preset in " ".join(inspect.getdoc(live.playground).split())


def test_presets_differ():
    settings = [json.dumps(data_of(live.playground(name))) for name in _playground.PRESETS]
    assert len(set(settings)) == len(settings)


def test_it_is_small_and_loads_nothing():
    html = live.playground("iris").html
    assert len(without_pictures(html)) < 60_000
    assert len(html) < 100_000
    for word in ("http://", "https://", "@import", "url(", "fetch(", "import(", "eval(", "src=x"):
        assert word not in without_pictures(html), word
    (source,) = re.findall(r'<img src="([^"]*)', html)
    assert source.startswith("data:image/png;base64,")


def test_the_same_settings_give_the_same_html():
    assert live.playground("spirals").html == live.playground("spirals").html
    assert live.playground("spirals").html != live.playground("spirals", seed=2).html


def test_settings_replace_those_of_the_preset():
    data = data_of(live.playground("overfitting", rows=100, look="Look here.", running=True))
    assert data["settings"]["rows"] == 100 and data["settings"]["units"] == 32
    assert data["look"] == "Look here." and data["running"] is True


def test_the_page_has_the_iris_data():
    iris = datasets.load_iris()
    length, width, label = np.array(data_of(live.playground())["iris"]).T
    assert np.allclose(length / 10, iris["petal_length"])
    assert np.allclose(width / 10, iris["petal_width"])
    assert (label == iris["species"].cat.codes).all()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"preset": "bigger"}, ValueError, "preset is 'bigger'; it must be one of start, "),
        ({"speed": 3}, TypeError, "speed is not a setting. The settings are data, rows"),
        ({"rate": 0.02}, ValueError, "rate is 0.02; it must be one of 0.0001, 0.0003"),
        ({"layers": True}, ValueError, "layers is True"),
        ({"running": "yes"}, TypeError, "running is 'yes'"),
        ({"look": 5}, TypeError, "look is 5"),
    ],
)
def test_what_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        live.playground(**arguments)


@pytest.mark.parametrize("data", _playground.OPTIONS["data"])
def test_pictures_show_each_class(data):
    figure = _playground._draw(data)
    (axis,) = figure.axes
    counts = [len(points.get_offsets()) for points in axis.collections]
    assert min(counts[:2]) > 40 and (counts[2] == 50) == (data == "iris")
    assert axis.get_xlabel() and axis.get_ylabel()


def test_code_is_safe_inside_a_script_element():
    for name in ("trainer.js", "playground.js"):
        text = resources.files("coursekit.live").joinpath(name).read_text(encoding="utf-8")
        assert "</" not in text and "<!--" not in text, name
        assert "window." not in text and "globalThis" not in text, name
        assert max(map(len, text.splitlines())) <= 100, name


def test_the_python_is_small():
    """What is not data: the browser does the work."""
    tree = ast.parse(inspect.getsource(_playground))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    documented = sum(
        node.body[0].end_lineno - node.body[0].lineno + 1
        for node in functions
        if ast.get_docstring(node)
    )
    assert sum(node.end_lineno - node.lineno + 1 for node in functions) - documented < 65


def test_the_links_of_the_page_are_settings():
    page = nbformat.read(ROOT / "book" / "playground.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in page.cells)
    links = [html.unescape(found) for found in re.findall(r'href="#([^"]+)"', text)]
    assert len(links) == 7
    for link in links:
        words = dict(parse_qsl(link, strict_parsing=True))
        assert words.pop("playground") == "start"
        settings = {
            name: next(each for each in _playground.OPTIONS[name] if str(each) == value)
            for name, value in words.items()
        }
        assert settings
        live.playground(**settings)
