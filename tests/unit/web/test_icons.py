"""The sprite holds what is used, and a name that does not exist is noticed."""

import pytest

from app.web import icons
from app.web.assets import Assets, bootstrap_folder
from app.web.pages import STATIC

ALL = bootstrap_folder() / "icons" / "bootstrap-icons.svg"


def test_icons_are_found_where_templates_and_scripts_name_them():
    sources = ['{{ icon("trash") }}', "icon('x-lg')", 'button("Go", icon_name="send")', 'empty_state("inbox", "Empty")']
    assert {"trash", "x-lg", "send", "inbox"} <= icons.used_icons(sources)


def test_an_icon_that_does_not_exist_is_an_error():
    with pytest.raises(icons.IconMissing, match="no-such-icon"):
        icons.sprite(ALL, {"trash", "no-such-icon"})


def test_the_sprite_is_a_small_part_of_all_icons():
    sprite = Assets(STATIC).current().files["icons.svg"].data
    assert b'id="people"' in sprite
    assert len(sprite) < ALL.stat().st_size / 20
