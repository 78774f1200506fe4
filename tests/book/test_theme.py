"""What is done to finished pages: images get the room that they will need."""

from __future__ import annotations

import coursekit_theme
import pytest
from PIL import Image

SVG = '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" {}><path d="M0 0"/></svg>'


@pytest.fixture
def folder(tmp_path):
    images = tmp_path / "_images"
    images.mkdir()
    (images / "lines.svg").write_text(SVG.format('width="432pt" height="216pt"'))
    (images / "logo.svg").write_text(SVG.format('viewBox="0 0 48 36"'))
    (images / "any.svg").write_text(SVG.format(""))
    Image.new("RGB", (384, 192)).save(images / "fine.png", dpi=(192, 192))
    Image.new("RGB", (300, 200)).save(images / "plain.png")
    (tmp_path / "book").mkdir()
    return tmp_path / "book"


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("lines.svg", (576, 288)),  # 6 by 3 inches
        ("logo.svg", (48, 36)),
        ("any.svg", None),
        ("fine.png", (192, 96)),  # two pixels for each of CSS
        ("plain.png", (300, 200)),
    ],
)
def test_the_size_of_an_image(folder, name, size):
    assert coursekit_theme.size_of(folder.parent / "_images" / name) == size


def test_images_get_their_size_and_come_late(folder):
    tag = '<p><img alt="Lines &gt; points" src="../_images/lines.svg?v=1"/></p>'
    assert coursekit_theme.reserve_room(tag, folder) == (
        '<p><img width="576" height="288" loading="lazy" alt="Lines &gt; points" '
        'src="../_images/lines.svg?v=1"/></p>'
    )


@pytest.mark.parametrize(
    "tag",
    [
        '<img src="../_images/gone.png">',
        '<img src="../_images/any.svg">',
        '<img src="https://example.org/x.png">',
        '<img src="data:image/png;base64,AAAA">',
        '<img width="9" height="9" src="../_images/plain.png">',
        '<img style="width: 50%" src="../_images/plain.png">',
    ],
)
def test_other_images_stay_as_they_are(folder, tag):
    assert coursekit_theme.reserve_room(tag, folder) == tag


def test_a_lighter_figure_is_shown_as_large_as_before(tmp_path):
    path = tmp_path / "figure.png"
    Image.effect_noise((200, 100), 90).convert("RGB").save(path, dpi=(192, 192))
    before = path.stat().st_size
    coursekit_theme.lighten(path)
    assert path.stat().st_size < before
    assert coursekit_theme.size_of(path) == (100, 50)
