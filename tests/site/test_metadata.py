"""What search engines and links show of a page: description, address and date."""

from __future__ import annotations

import datetime
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import coursekit_landing
import coursekit_site
import pytest

from tests.book.test_pages import table_of_contents

pytestmark = pytest.mark.no_cover
ROOT = Path(__file__).parents[2]
NAMES = {"map": "http://www.sitemaps.org/schemas/sitemap/0.9"}


def meta(text: str, name: str) -> list[str]:
    tags = re.findall(r"<meta [^>]*>", text)
    named = re.compile(rf'(?:name|property)="{re.escape(name)}"')
    return [re.search(r'content="([^"]*)"', tag)[1] for tag in tags if named.search(tag)]


@pytest.fixture(scope="module")
def texts(built):
    return {
        name: (built / f"{name}.html").read_text(encoding="utf-8") for name in table_of_contents()
    }


def test_every_page_describes_itself_once_and_in_its_own_words(texts):
    seen = {}
    for name, text in texts.items():
        (description,) = meta(text, "description")
        assert 40 < len(description) <= 203, (name, description)
        # A solution begins with the task of its exercise.
        task = name.replace("/solutions/", "/exercises/")
        assert seen.setdefault(description, task) == task, name
        for part in ("title", "description", "url", "site_name", "image", "image:alt"):
            (content,) = meta(text, f"og:{part}")
            assert content or part == "url"  # a book of no known address has none
            assert "not set" not in content, (name, part)


def test_every_page_has_one_address_and_the_site_map_lists_it(texts, built):
    if not (built / "sitemap.xml").exists():  # a checkout from elsewhere than GitHub
        assert not any('rel="canonical"' in text for text in texts.values())
        return
    listed = {}
    for one in ET.parse(built / "sitemap.xml").iterfind("map:url", NAMES):
        listed[one.findtext("map:loc", namespaces=NAMES)] = one
    for name, text in texts.items():
        (canonical,) = re.findall(r'<link rel="canonical" href="([^"]*)"', text)
        assert canonical.startswith("https://") and canonical.endswith(f"/{name}.html")
        assert meta(text, "og:url") == [canonical]
        assert canonical in listed, name
    assert len(listed) == len(texts)


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout


def test_pages_show_the_date_of_their_last_change(texts):
    """Where the history is there; a shallow clone and an archive of the source have none."""
    has_history = git("rev-parse", "--is-shallow-repository").strip() == "false"
    dated = {name.rpartition(".")[0] for name in git("ls-files", "book").splitlines()}
    for name, text in texts.items():
        shown = re.findall(r"Last updated on ([\d]+ \w+ \d{4})\.", text)
        assert len(shown) <= 1
        if has_history and name in dated:
            assert datetime.datetime.strptime(shown[0], "%d %B %Y").year >= 2020, name


def test_no_list_was_made_of_initials(texts):
    """'D. Ashton' at the beginning of a line is item D of a list, for Sphinx."""
    for name, text in texts.items():
        if "/api/" not in name:
            continue
        assert not re.findall(r'<ol class="(?:upper|lower)(?:alpha|roman)', text), name


def test_what_is_not_found_leads_back(tab, address, built):
    tab.goto(f"{address}404.html")
    text = (built / "404.html").read_text(encoding="utf-8")
    # It is shown at any address: so it names nothing by where it lies itself.
    schemes = {urlsplit(link).scheme for link in re.findall(r'(?:href|src|action)="([^"]*)"', text)}
    has_address = (built / "sitemap.xml").exists()
    assert schemes <= ({"https", "data"} if has_address else {"", "data"})
    for link in re.findall(r'(?:href|action)="(https:[^"]*)"', text):
        (canonical,) = re.findall(
            r'<link rel="canonical" href="([^"]*)"',
            (built / "book" / "index.html").read_text(encoding="utf-8"),
        )
        site = canonical.removesuffix("book/index.html")
        assert link.startswith(site) and (built / link.removeprefix(site)).is_file()


@pytest.mark.parametrize(
    ("repository", "site"),
    [
        ("https://github.com/someone/a-book", "https://someone.github.io/a-book/"),
        ("https://github.com/Someone/a-book.git", "https://someone.github.io/a-book/"),
        ("https://github.com/someone/someone.github.io", "https://someone.github.io/"),
        ("https://gitlab.com/someone/a-book", ""),
        ("", ""),
    ],
)
def test_the_address_of_a_fork(repository, site):
    assert coursekit_site.site_of(repository) == site


@pytest.mark.parametrize(
    "given", ["https://learn.example.org/keras", "https://learn.example.org/keras/"]
)
def test_an_address_that_is_set_counts(given):
    config = SimpleNamespace(
        html_baseurl=given,
        html_theme_options={"repository_url": "https://github.com/someone/a-book"},
        html_title="A book",
        suppress_warnings=["myst.header"],
    )
    coursekit_site.choose_address(None, config)
    assert config.html_baseurl == config.ogp_site_url == "https://learn.example.org/keras/"
    assert config.suppress_warnings[0] == "myst.header"


@pytest.mark.parametrize(
    ("repository", "found"),
    [
        (
            "https://github.com/a/b",
            {
                "Colab": "https://colab.test/github/a/b/blob/dev/book/x.ipynb",
                "Binder": "https://binder.test/v2/gh/a/b/dev?urlpath=lab/tree/book/x.ipynb",
            },
        ),
        ("https://example.org/a/b", {}),
        ("", {}),
    ],
)
def test_where_a_chapter_runs(repository, found):
    options = {
        "repository_url": repository,
        "repository_branch": "dev",
        "launch_buttons": {
            "colab_url": "https://colab.test",
            "binderhub_url": "https://binder.test",
        },
    }
    assert coursekit_landing.addresses(options, "book/x.ipynb") == found
