"""The playground in a browser, from a file."""

from __future__ import annotations

import html
import itertools
import json
import re
from urllib.parse import parse_qsl, urlencode

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe

from coursekit import live
from tests.conftest import ROOT

PAGE = """<!doctype html>
<html lang="en"{theme}>
<head><meta charset="utf-8"><title>Playground</title>{head}
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>html {{ background: var(--pst-color-background); color: var(--pst-color-text-base); }}
html[data-theme="dark"] {{ --pst-color-background: #14181e; --pst-color-text-base: #ced6dd;
  --pst-color-text-muted: #9ca4af; --pst-color-surface: #29313d; }}</style></head>
<body><main><h1>Playground</h1>
{figures}
</main></body>
</html>
"""
FIGURE = "document.querySelector('[id^=coursekit-playground-]').coursekitLive"


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    """A function that writes a page with figures, and returns its address."""
    folder, numbers = tmp_path_factory.mktemp("playground"), itertools.count()

    def write(*figures: live.LiveFigure, dark: bool = False, head: str = "") -> str:
        path = folder / f"{next(numbers)}.html"
        together = "\n".join(figure.html for figure in figures)
        theme = ' data-theme="dark"' if dark else ""
        path.write_text(PAGE.format(figures=together, theme=theme, head=head), encoding="utf-8")
        return path.as_uri()

    return write


@pytest.fixture(scope="module")
def address(write) -> str:
    return write(live.playground())


@pytest.fixture
def visit(chrome):
    """A function that opens an address without a network; fails on any error or request."""
    contexts, wrong = [], []

    def visit(address: str, *, script: str = "", **options):
        options = {"viewport": {"width": 900, "height": 1000}, "offline": True} | options
        context = chrome.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("file:", "data:", "blob:"))
                else wrong.append(request.url)
            ),
        )
        page.add_init_script(script)
        page.goto(address)
        if options.get("java_script_enabled", True):
            page.evaluate(f"{FIGURE}.ready")
        return page

    visit.wrong = wrong
    yield visit
    for context in contexts:
        context.close()
    assert wrong == []


def current(page) -> dict:
    return page.evaluate(f"{FIGURE}.current()")


def train(page, epochs: int) -> dict:
    """Train without drawing in between; return the state."""
    page.evaluate(f"{FIGURE}.train({epochs})")
    return current(page)


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def choose(page, name: str, value: str) -> None:
    """Choose a value, and wait for the new run."""
    field = page.get_by_role("combobox", name=name, exact=True)
    field.select_option(value)
    setting = field.get_attribute("name")
    page.wait_for_function(f"{FIGURE}.current().settings.{setting} === '{value}'")


def wait_for_epoch(page, epoch: int) -> None:
    page.wait_for_function(f"{FIGURE}.current().epoch >= {epoch}", timeout=60_000)


def losses(state: dict, name: str = "training") -> list[float]:
    return [each[name]["loss"] for each in state["losses"]]


# ------------------------------------------------------------------ training


def test_start_trains_and_pause_stops(visit, address):
    page = visit(address)
    before = current(page)
    assert before["epoch"] == 0 and not before["running"]
    button(page, "Start").click()
    wait_for_epoch(page, 15)
    button(page, "Pause").click()
    after = current(page)
    assert not after["running"]
    assert losses(after)[-1] < 0.5 * losses(before)[0]
    assert losses(after, "validation")[-1] < 0.5 * losses(before, "validation")[0]
    assert after["map"] != before["map"]
    page.wait_for_timeout(400)
    assert current(page)["epoch"] <= after["epoch"] + 1  # one may have been on its way
    stopped = current(page)["epoch"]
    page.wait_for_timeout(400)
    assert current(page)["epoch"] == stopped
    assert f"Epoch {stopped}." in page.locator(".ck-state").first.inner_text()
    button(page, "Reset").click()
    page.wait_for_function(f"{FIGURE}.current().epoch === 0")
    assert losses(current(page)) == losses(before)


def test_one_step_is_one_step(visit, address):
    page = visit(address)
    button(page, "One step").click()
    page.wait_for_function(f"{FIGURE}.current().epoch > 0")
    one = current(page)
    assert one["epoch"] == pytest.approx(32 / 200)
    assert len(one["losses"]) == 2 and losses(one)[0] != losses(one)[1]
    for _ in range(6):
        before = current(page)["epoch"]
        button(page, "One step").click()
        page.wait_for_function(f"{FIGURE}.current().epoch > {before}")
    assert current(page)["epoch"] == 1  # the last batch has 8 examples
    stepped = losses(current(page))[-1]
    button(page, "Reset").click()
    page.wait_for_function(f"{FIGURE}.current().epoch === 0")
    assert losses(train(page, 1))[-1] == stepped


def test_hasty_fingers_lose_nothing(visit, address):
    """Start, Pause and One step while answers are on their way: every epoch has its loss."""
    page = visit(address)
    page.evaluate(
        """async () => {
          const named = (name) => [...document.querySelectorAll("button")].find(
            (node) => node.textContent === name);
          for (let k = 0; k < 8; k += 1) {
            (named("Start") ?? named("Pause")).click();
            await new Promise((done) => setTimeout(done, 20 + 15 * k));
          }
          named("One step").click();
          named("One step").click();
        }"""
    )
    page.wait_for_timeout(1500)
    state = current(page)
    assert not state["running"] and state["epoch"] > 1
    epochs = [each["epoch"] for each in state["losses"]]
    assert epochs == sorted(set(epochs)) and epochs[-1] == pytest.approx(state["epoch"])
    assert set(range(int(state["epoch"]) + 1)) <= set(epochs)


def test_a_change_starts_a_new_run(visit, address):
    page = visit(address)
    train(page, 5)
    choose(page, "learning rate", "0.1")
    assert current(page)["settings"]["rate"] == "0.1"
    button(page, "Start").click()
    wait_for_epoch(page, 2)
    choose(page, "activation", "tanh")
    assert current(page)["running"]
    wait_for_epoch(page, 2)  # and goes on training


NO_WORKER = "Worker = class { constructor() { throw new Error('none'); } };"
FORBIDDEN = """<meta http-equiv="Content-Security-Policy" content="worker-src 'none'">"""


def test_runs_repeat_with_and_without_a_worker(visit, write, address):
    """The same numbers in a worker, on the page where there is none, and where one is forbidden."""
    worker = train(visit(address), 12)
    assert train(visit(address), 12)["losses"] == worker["losses"]
    without = visit(address, script=NO_WORKER)
    forbidden = visit(write(live.playground(), head=FORBIDDEN))
    for page in (without, forbidden):
        button(page, "Start").click()
        wait_for_epoch(page, 12)
        found = current(page)
        assert found["losses"][:13] == worker["losses"]
    assert all("Content Security Policy" in message for message in visit.wrong)
    assert visit.wrong  # it was forbidden
    visit.wrong.clear()
    other = visit(address)
    choose(other, "random seed", "2")
    assert train(other, 12)["losses"] != worker["losses"]


@pytest.mark.parametrize(
    ("preset", "best"),
    [("start", 0.95), ("threshold rule", 0.93), ("iris", 0.9), ("spirals", 0.95)],
)
def test_presets_learn(visit, write, preset, best):
    state = train(visit(write(live.playground(preset))), 60)
    assert state["losses"][-1]["validation"]["accuracy"] > best


def test_presets_show_what_they_say(visit, write):
    def last(preset: str, epochs: int = 60) -> dict:
        return train(visit(write(live.playground(preset))), epochs)

    assert last("no hidden layer")["losses"][-1]["training"]["accuracy"] < 0.75
    assert last("no activation")["losses"][-1]["training"]["accuracy"] < 0.75
    assert losses(last("too few units"))[-1] > 0.3
    assert losses(last("missing input"))[-1] > 0.3
    small = losses(last("learning rate too small", 100))
    assert 0.9 * small[0] < small[-1] < small[0]
    large = losses(last("learning rate too large"))
    assert max(large[10:]) > 1.2 * large[0]
    held = {}
    for preset in ("overfitting", "dropout", "L2 penalty"):
        state = last(preset, 200)
        held[preset] = losses(state, "validation")[-1]
        assert held[preset] > min(losses(state, "validation"))
    assert losses(last("overfitting", 200))[-1] < 0.3
    assert max(held["dropout"], held["L2 penalty"]) < held["overfitting"]


def test_a_diverged_run_stops_and_says_so(visit, write):
    figure = live.playground(layers=4, activation="linear", optimiser="momentum", rate=10)
    page = visit(write(figure))
    button(page, "Start").click()
    page.wait_for_function("document.querySelector('.ck-notice').textContent !== ''")
    assert "diverged" in page.locator(".ck-notice").inner_text()
    assert "not a number" in page.locator(".ck-state").first.inner_text()
    assert not current(page)["running"]


# ------------------------------------------------------------------ two runs, links


def test_two_runs_side_by_side(visit, address):
    page = visit(address)
    panes = page.locator(".ck-pane")
    assert not panes.nth(1).is_visible() and not button(page, "Remove kept run").is_visible()
    first = train(page, 10)
    button(page, "Keep this run").click()
    page.wait_for_function(f"{FIGURE}.current().epoch === 0")
    choose(page, "learning rate", "0.001")
    train(page, 20)
    both = current(page)
    assert both["kept"]["losses"] == first["losses"] and both["kept"]["epoch"] == 10
    assert both["epoch"] == 20
    assert "This run: learning rate 0.001" in panes.nth(0).inner_text()
    assert "Kept run: learning rate 0.01" in panes.nth(1).inner_text()
    left, right = (panes.nth(place).bounding_box() for place in (0, 1))
    assert left["y"] == right["y"] and left["x"] + left["width"] <= right["x"]
    button(page, "Remove kept run").click()
    assert not panes.nth(1).is_visible()
    assert page.evaluate("document.activeElement.textContent") == "Keep this run"


def test_a_link_restores_settings_and_the_kept_run(visit, address):
    page = visit(address)
    choose(page, "data set", "spirals")
    choose(page, "units per layer", "16")
    kept = train(page, 7)
    button(page, "Keep this run").click()
    page.wait_for_function(f"{FIGURE}.current().epoch === 0")
    choose(page, "dropout", "0.3")
    link = page.evaluate(f"{FIGURE}.link()")
    assert link.startswith(f"{address}#playground=start&")
    other = visit(link)
    restored = current(other)
    assert restored["settings"] == current(page)["settings"]
    assert restored["settings"]["dropout"] == "0.3" and restored["epoch"] == 0
    assert restored["kept"]["settings"] == kept["settings"]
    assert restored["kept"]["losses"] == kept["losses"]
    assert other.get_by_label("units per layer").input_value() == "16"


def test_links_of_others_and_false_values_change_nothing(visit, write):
    address = write(live.playground("iris"))
    before = current(visit(address))["settings"]
    wrong = {"playground": "iris", "rate": "7", "colour": "red", "units": "16"}
    page = visit(f"{address}#{urlencode(wrong)}")
    assert current(page)["settings"] == before | {"units": "16"}
    page = visit(f"{address}#{urlencode(wrong | {'playground': 'spirals'})}")
    assert current(page)["settings"] == before
    page.evaluate(f"location.hash = '{urlencode(wrong)}'")  # pasted into an open page
    page.wait_for_function(f"{FIGURE}.current().settings.units === '16'")


def test_each_experiment_begins_from_the_same_settings(visit, address):
    """The links of the page, one after the other: none inherits what an earlier one has set."""
    page = visit(address)
    start = current(page)["settings"]
    notebook = nbformat.read(ROOT / "book" / "playground.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells)
    links = [html.unescape(found) for found in re.findall(r'href="#([^"]+)"', text)]
    assert len(links) == 7
    for link in links:
        wanted = start | dict(parse_qsl(link.partition("&")[2]))
        page.evaluate("link => { location.hash = link; }", link)
        page.wait_for_function(
            f"wanted => JSON.stringify({FIGURE}.current().settings) === wanted",
            arg=json.dumps(wanted, separators=(",", ":")),
        )
        if "rows=50" in link and "dropout" not in link:
            train(page, 3)
            button(page, "Keep this run").click()
            few = wanted
    state = current(page)
    assert state["kept"]["settings"] == few and state["kept"]["epoch"] == 3  # to compare with


def test_the_link_is_copied_or_shown(visit, address):
    page = visit(address, permissions=["clipboard-read", "clipboard-write"])
    button(page, "Copy link").click()
    page.wait_for_function("document.querySelector('.ck-notice').textContent !== ''")
    assert "copied" in page.locator(".ck-notice").inner_text()
    assert page.evaluate("navigator.clipboard.readText()") == page.evaluate(f"{FIGURE}.link()")

    refuse = "navigator.clipboard.writeText = () => Promise.reject(new Error('no'));"
    page = visit(address, script=refuse)
    button(page, "Copy link").click()
    shown = page.get_by_label("Link to these settings")
    shown.wait_for()
    assert shown.input_value() == page.evaluate(f"{FIGURE}.link()")
    assert page.evaluate("getSelection().toString()") == shown.input_value()


# ------------------------------------------------------------------ keyboard, screen reader


def test_everything_by_keyboard(visit, address):
    page = visit(address)
    names = []
    while True:
        page.keyboard.press("Tab")
        name, ring = page.evaluate(
            """() => {
              const node = document.activeElement;
              const { outlineStyle, outlineWidth } = getComputedStyle(node);
              return [node.name || node.textContent, `${outlineStyle} ${outlineWidth}`];
            }"""
        )
        if page.evaluate("document.activeElement === document.body"):
            break
        assert ring == "solid 3px", name
        names.append(name)
    assert names[0].startswith("Settings: circles, 2 \u00d7 8 relu, Adam, learning rate 0.01")
    assert names[1:] == [
        *("data", "rows", "noise", "layers", "units", "activation", "dropout", "l2"),
        *("optimiser", "rate", "batch", "seed"),
        *("Start", "One step", "Reset", "Keep this run", "Copy link"),
    ]

    page.get_by_label("hidden layers").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_function(f"{FIGURE}.current().settings.layers === '3'")
    assert page.evaluate("document.activeElement.name") == "layers"
    button(page, "Start").focus()
    page.keyboard.press("Enter")
    wait_for_epoch(page, 2)
    page.keyboard.press("Space")
    assert not current(page)["running"]


def test_a_screen_reader_hears_epoch_and_losses(visit, address):
    page = visit(address)
    spoken = page.locator("[aria-live=polite]")
    button(page, "One step").click()
    page.wait_for_function(
        "node => node.textContent.includes('Epoch 0.16. Training: loss 0.')",
        arg=spoken.element_handle(),
    )
    button(page, "Start").click()
    page.evaluate(
        """node => {
          node.said = 0;
          new MutationObserver(() => { node.said += 1; }).observe(node, { childList: true });
        }""",
        spoken.element_handle(),
    )
    page.wait_for_function("node => node.said >= 1", arg=spoken.element_handle(), timeout=20_000)
    page.wait_for_timeout(2000)
    assert spoken.evaluate("node => node.said") <= 2  # not with every epoch
    images = page.get_by_role("img")
    assert images.count() == 4  # the map, the losses, two hidden layers
    for image in images.all():
        assert len(image.get_attribute("aria-label").split()) >= 8


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(visit, write, dark):
    page = visit(write(live.playground(), dark=dark))
    train(page, 10)
    button(page, "Keep this run").click()
    page.wait_for_function(f"{FIGURE}.current().epoch === 0")
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


# ------------------------------------------------------------------ motion, sizes, colours


PICTURES = """() => {
  const map = document.querySelector('.ck-field');
  map.drawn = 0;
  new MutationObserver(() => { map.drawn += 1; }).observe(map, { attributes: true });
}"""


def test_reduced_motion_means_few_pictures(visit, write):
    address = write(live.playground(running=True))
    moving = visit(address)
    wait_for_epoch(moving, 3)  # by itself
    still = visit(address, reduced_motion="reduce")
    still.wait_for_timeout(500)
    assert current(still)["epoch"] == 0 and not current(still)["running"]
    still.evaluate(PICTURES)
    button(still, "Start").click()
    wait_for_epoch(still, 60)
    assert 1 <= still.evaluate("document.querySelector('.ck-field').drawn") <= 4


@pytest.mark.parametrize("width", [320, 390, 768, 1300])
def test_no_page_scrolls_sideways(visit, write, width):
    figure = live.playground("iris", units=32, layers=2)
    page = visit(write(figure), viewport={"width": width, "height": 800}, has_touch=True)
    train(page, 2)
    page.locator("summary").click()
    button(page, "Keep this run").tap()
    page.wait_for_function(f"{FIGURE}.current().kept !== null")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("summary").tap()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    smallest = "[...document.querySelectorAll('button')].map(node => node.offsetHeight)"
    assert min(height for height in page.evaluate(smallest) if height) >= 30


def test_on_a_phone_the_picture_comes_first(visit, address):
    page = visit(address, viewport={"width": 390, "height": 844})
    assert not page.get_by_label("learning rate").is_visible()
    assert "learning rate 0.01" in page.locator("summary").inner_text()
    box = page.locator(".ck-field").first.bounding_box()
    assert box["y"] < 500 and box["width"] > 280


def test_maps_are_alike_in_light_and_dark(visit, write, address):
    pixels = """() => document.querySelector('.ck-field').toDataURL()"""
    pages = visit(address), visit(write(live.playground(), dark=True))
    light, dark = (train(page, 10) and page.evaluate(pixels) for page in pages)
    assert light == dark
    stroke = "getComputedStyle(document.querySelector('.ck-validation')).stroke"
    assert pages[0].evaluate(stroke) != pages[1].evaluate(stroke)
    dashes = "getComputedStyle(document.querySelector('.ck-{}')).strokeDasharray"
    assert pages[0].evaluate(dashes.format("validation")) != "none"
    assert pages[0].evaluate(dashes.format("training")) == "none"


def test_without_javascript_there_is_a_picture(visit, address):
    page = visit(address, java_script_enabled=False)
    picture = page.locator(".coursekit-live img")
    assert picture.is_visible() and picture.bounding_box()["width"] > 200


def test_two_figures_on_a_page(visit, write):
    page = visit(write(live.playground(), live.playground(), live.playground("iris")))
    figures = page.locator("[id^=coursekit-playground-]")
    assert figures.count() == 3
    assert len(set(figures.evaluate_all("nodes => nodes.map(node => node.id)"))) == 3
    figures.nth(2).get_by_role("button", name="One step").click()
    epochs = "nodes => nodes.map(node => node.coursekitLive.current().epoch)"
    page.wait_for_function(
        "() => document.querySelectorAll('[id^=coursekit-playground-]')[2]"
        ".coursekitLive.current().epoch > 0"
    )
    assert figures.evaluate_all(epochs)[:2] == [0, 0]
