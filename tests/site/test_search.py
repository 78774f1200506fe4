"""The search: what it must put first, and how it is used."""

from __future__ import annotations

import gzip
import re

import pytest
from axe_playwright_python.sync_playwright import Axe

# What a reader may type, and the page that must come first. The pages were chosen from what the
# book teaches where, not from what the search found.
FIRST = {
    # One word, as the book spells it
    "dropout": "iris-again",
    "overfitting": "iris-again",
    "regularisation": "regularisation",
    "momentum": "learning-rate-and-optimisers",
    "softmax": "controlling-the-model",
    "leakage": "preparing-tabular-data",
    "MNIST": "meet-mnist",
    "TensorBoard": "capacity-and-grid",
    "Landlock": "grading",
    # Abbreviations, and words that readers use for ours
    "GPU": "what-is-deep-learning",
    "CNN": "convolutional-layers",
    "backpropagation": "how-a-network-learns",
    "quiz": "how-to-use",
    "one-hot": "first-sequential-model",
    "t-SNE": "what-the-network-learned",
    # Two words and phrases
    "confusion matrix": "final-walking-model",
    "early stopping": "callbacks",
    "learning rate": "learning-rate-and-optimisers",
    "learning rate schedule": "learning-rate-schedules",
    "max pooling": "convolutional-layers",
    "batch size": "batch-size",
    "cross validation": "cross-validation",
    "transfer learning": "images",
    "data augmentation": "images",
    "missing values": "preparing-tabular-data",
    "gradient descent": "how-a-network-learns",
    "grid search": "capacity-and-grid",
    "confidence interval": "one-run-or-many",
    "activation function": "controlling-the-model",
    "save a model": "keeping-a-model",
    "how to install keras": "setting-up",
    "random seed": "seeds-and-shuffling",
    # American spelling
    "regularization": "regularisation",
    "optimizer": "learning-rate-and-optimisers",
    "batch normalization": "capacity-and-grid",
    # A letter wrong
    "droput": "iris-again",
    "overfiting": "iris-again",
    "sofmax": "controlling-the-model",
    "convolutonal layer": "convolutional-layers",
    "augmentaton": "images",  # in an ending, which has no stem
    # Names of R
    "keras_model_sequential": "from-r-to-python",
    "layer_dense": "from-r-to-python",
    "fit_generator": "from-r-to-python",
    "callback_early_stopping": "from-r-to-python",
    "%>%": "from-r-to-python",
    # Names of Keras and of coursekit
    "Dense": "build-compile-fit",
    "EarlyStopping": "callbacks",
    "to_categorical": "keras-in-one-page",
    "load_walking": "api/datasets",
    # Questions
    "do I need a GPU": "what-is-deep-learning",
    "how do I stop training early": "callbacks",
    # For those who teach
    "plagiarism": "grading",
    "late submission": "grading",
    "syllabus": "for-instructors",
    # Of an exercise
    "solution 4-B": "solutions/mnist-learning-rate",
    "exercises breast cancer": "exercises/breast-cancer",
    # Errors
    "shape mismatch": "build-compile-fit",
    "nan loss": "tuning-checklist",
}

BOX = ".bd-search-container input[name=q]"
SCRIPTS = ("search_data.js", "search.js", "minisearch.min.js", "language_data.js")
MOST_KILOBYTES = 300


@pytest.fixture(scope="module")
def page(chrome, address):
    """The page of the search."""
    tab = chrome.new_page(viewport={"width": 1300, "height": 900})
    tab.goto(f"{address}search.html")
    yield tab
    tab.close()


def ask(page, query: str) -> list[str]:
    """The names of the pages that are found, in their order."""
    page.locator(BOX).fill(query)
    page.locator(BOX).press("Enter")
    links = page.locator(".search-page > a").evaluate_all(
        "all => all.map(one => one.getAttribute('href'))"
    )
    return [re.sub(r"^\./book/|\.html$", "", link) for link in links]


def summary(page) -> str:
    return page.locator(".search-summary").inner_text()


@pytest.mark.parametrize(("query", "name"), FIRST.items())
def test_the_right_page_comes_first(page, query, name):
    assert ask(page, query)[:1] == [name], summary(page)


@pytest.mark.parametrize("query", ["batch size", "regularisation", "capacity", "learning rate"])
def test_chapters_come_before_exercises_and_those_before_solutions(page, query):
    found = ask(page, query)
    folders = [name.rpartition("/")[0] for name in found]
    assert folders[:2] == ["", ""], found
    exercises, solutions = (
        [name.partition("/")[2] for name in found if name.startswith(folder)]
        for folder in ("exercises/", "solutions/")
    )
    assert exercises, found
    for name in {*exercises} & {*solutions}:
        assert found.index(f"exercises/{name}") < found.index(f"solutions/{name}")


def test_a_definition_comes_after_the_chapter_that_teaches_it(page):
    found = ask(page, "dropout")
    assert 0 < found.index("regularisation") < found.index("glossary"), found


@pytest.mark.parametrize("pair", ["optimizer optimiser", "standardize standardise", "color colour"])
def test_both_spellings_find_the_same(page, pair):
    american, british = pair.split()
    assert ask(page, american) == ask(page, british) != []


def test_excerpts_show_the_words_and_lead_to_their_sections(page, built):
    ask(page, "early stopping")
    sections = page.locator(".search-page li").all_inner_texts()
    assert len(sections) > 20
    unmarked = [text for text in sections if not re.search("early|earlier|stop", text.lower())]
    assert unmarked == []
    assert "early stopping" in page.locator("mark").first.locator("..").inner_text().lower()
    links = page.locator(".search-page li a").evaluate_all(
        "all => all.map(one => one.getAttribute('href'))"
    )
    assert len(links) > 20
    for link in links:
        path, _, anchor = link.removeprefix("./").partition("#")
        assert f'id="{anchor}"' in (built / path).read_text(encoding="utf-8"), link


def test_what_was_read_otherwise_is_said(page):
    ask(page, "droput")
    assert "“droput” was read as “dropout”" in summary(page)


def test_nothing_found_suggests_a_word(page):
    assert ask(page, "zyxwvutsrq") == []
    assert summary(page) == "Nothing found for “zyxwvutsrq”."
    assert ask(page, "drpuot") == []
    assert summary(page) == "Nothing found for “drpuot”. Did you mean dropout?"
    page.locator(".search-summary a").click()
    page.wait_for_selector(".search-page")
    assert "found for “dropout”" in summary(page)


def test_results_appear_while_one_types(page):
    ask(page, "")
    assert page.locator(".search-page").count() == 0 and summary(page) == ""
    page.locator(BOX).press_sequentially("overfitt")
    page.wait_for_selector(".search-page")
    assert page.locator(".search-page > a").first.inner_text().startswith("Iris again")
    page.wait_for_url(re.compile(r"\?q=overfitt$"))
    # What changes is announced.
    assert page.locator(".search-summary").get_attribute("role") == "status"
    assert re.match(r"\d+ pages found for “overfitt”", summary(page))


@pytest.mark.parametrize("start", ["search.html", "book/callbacks.html"])
def test_by_keyboard(tab, address, start):
    tab.goto(f"{address}{start}")
    if start != "search.html":  # where the box has the focus
        tab.keyboard.press("Control+k")
    assert tab.locator("input[type=search]:visible").count() == 1
    tab.keyboard.type("dropout")
    tab.keyboard.press("Enter")
    tab.wait_for_url(re.compile(r"search\.html\?q=dropout"))
    tab.wait_for_selector(".search-page")
    tab.locator(BOX).focus()
    tab.keyboard.press("Tab")
    assert "iris-again" in tab.evaluate("document.activeElement.href")
    tab.keyboard.press("Enter")
    tab.wait_for_url(re.compile(r"/iris-again\.html"))


@pytest.mark.parametrize("start", ["search.html", "book/callbacks.html"])
def test_the_glass_does_not_cover_the_first_letter(tab, address, start):
    tab.goto(f"{address}{start}")
    tab.keyboard.press("Control+k")
    ends, begins = tab.locator("form.bd-search:visible").evaluate(
        """form => {
          const box = form.querySelector("input");
          const inside = parseFloat(getComputedStyle(box).paddingLeft);
          return [
            form.querySelector("i, svg").getBoundingClientRect().right,
            box.getBoundingClientRect().left + inside,
          ];
        }"""
    )
    assert ends <= begins


def test_without_a_server(chrome, built):
    tab = chrome.new_page()
    try:
        tab.goto(f"{(built / 'book' / 'callbacks.html').as_uri()}")
        tab.keyboard.press("Control+k")
        tab.keyboard.type("layer_dense")
        tab.keyboard.press("Enter")
        tab.locator(".search-page > a").first.click()
        tab.wait_for_url(re.compile(r"^file:.*/from-r-to-python\.html"))
    finally:
        tab.close()


def test_a_search_loads_little(tab, address, built):
    fetched = []
    tab.goto(f"{address}book/index.html")
    tab.on("request", lambda request: fetched.append(request.url))
    tab.goto(f"{address}search.html?q=learning+rate")
    tab.wait_for_selector(".search-page")
    tab.wait_for_load_state("networkidle")
    assert not [url for url in fetched if "/book/" in url or "searchindex" in url]
    paths = [built / "_static" / name for name in SCRIPTS]
    sizes = [len(gzip.compress(path.read_bytes())) for path in paths]
    assert sum(sizes) < MOST_KILOBYTES * 1000, dict(zip(SCRIPTS, sizes, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1300])
def test_results_are_accessible_and_fit(chrome, address, scheme, width):
    context = chrome.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    try:
        tab = context.new_page()
        tab.goto(f"{address}search.html?q=callback_early_stopping")
        tab.wait_for_selector(".search-page")
        assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        found = Axe().run(tab).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    finally:
        context.close()
