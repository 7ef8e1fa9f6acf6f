"""Every sentence of the interface is there in Indonesian, and what is compiled is what is written."""

import re
import string
from collections import defaultdict

import pytest

from app.errors import KenaliError
from app.web import translations
from app.web.api_messages import APP, SOURCES, api_messages, error_classes
from app.web.catalogue import script_messages
from app.web.language import DEFAULT_LANGUAGE, LANGUAGES, TRANSLATIONS

OTHERS = [language for language in LANGUAGES if language != DEFAULT_LANGUAGE]
GAP = re.compile(r"\{\w+\}|%\(\w+\)[sd]|%%")


@pytest.fixture(scope="module", params=OTHERS)
def language(request):
    return request.param


@pytest.fixture(scope="module")
def catalogues(language):
    return {part: translations.read_part(language, part) for part in translations.parts()}


def every_message(catalogues):
    return [(part, message) for part, catalogue in catalogues.items() for message in catalogue if message.id]


def test_the_files_are_in_step_with_the_source(language):
    for part, catalogue in translations.updated(language).items():
        on_disk = (TRANSLATIONS / language / f"{part}.po").read_bytes()
        assert on_disk == translations.as_text(catalogue), f"{part}.po: run make translations"


def test_nothing_lacks_a_translation_or_is_in_doubt(catalogues):
    assert translations.missing(catalogues) == []
    assert [message.id for _, message in every_message(catalogues) if message.fuzzy] == []


def test_what_is_compiled_is_what_is_written(language, catalogues):
    for domain, data in translations.compiled(language, catalogues).items():
        on_disk = (TRANSLATIONS / language / "LC_MESSAGES" / f"{domain}.mo").read_bytes()
        assert on_disk == data, f"{domain}.mo: run make translations"


def test_gaps_are_the_same_on_both_sides(catalogues):
    for part, message in every_message(catalogues):
        ids = [message.id] if isinstance(message.id, str) else message.id
        strings = [message.string] if isinstance(message.string, str) else message.string
        wanted = set(GAP.findall(ids[-1]))
        for text in strings:
            assert set(GAP.findall(text)) == wanted, f"{part}.po: {ids[0]}"


def test_one_sentence_has_one_translation(catalogues):
    found = defaultdict(set)
    for _, message in every_message(catalogues):
        found[message.id].add(message.string)
    assert {id_: strings for id_, strings in found.items() if len(strings) > 1} == {}


def test_sentences_end_as_they_do_in_english(catalogues):
    for part, message in every_message(catalogues):
        if isinstance(message.id, str) and message.id[-1] in ".:…?!":
            assert message.string.endswith(message.id[-1]), f"{part}.po: {message.id}"


def test_every_error_of_the_api_is_translated(language):
    known = script_messages(language)
    said = {message for file, message in api_messages() if file == "errors.py"}
    assert {kind("").detail for kind in error_classes()} == said
    assert said <= known.keys()


def test_no_folder_of_the_api_or_its_services_is_left_out():
    """A module that moves into a folder of its own does not lose its translations."""
    read = {path for pattern in SOURCES for path in APP.glob(pattern)}
    assert {*(APP / "api").rglob("*.py"), *(APP / "services").rglob("*.py")} <= read


def test_advice_on_photos_is_translated(language):
    from app.engines.face.quality import ADVICE

    assert set(ADVICE.values()) <= script_messages(language).keys()


def test_gaps_of_the_api_have_names_that_a_script_can_fill():
    for _, message in api_messages():
        if "{" in message and '"' not in message:
            names = [name for _, name, _, _ in string.Formatter().parse(message) if name is not None]
            assert all(re.fullmatch(r"\w+(,\w+)?", name) for name in names), message


def test_an_error_without_words_would_be_noticed():
    assert KenaliError in set(error_classes())
    assert len({message for _, message in api_messages()}) > 100


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("app/web/templates/shell.html", "shell"),
        ("app/web/templates/tabs/photos.html", "photos"),
        ("static/js/tabs/photos/queue.js", "photos"),
        ("app/web/templates/tabs/events/organiser.html", "events"),
        ("static/js/tabs/events/upload.js", "events"),
        ("app/web/templates/tabs/events/guest.html", "events_guest"),
        ("static/js/tabs/events/lightbox.js", "events_guest"),
        ("app/errors.py", "api"),
    ],
)
def test_a_large_tab_has_a_part_for_some_of_its_views(file, part):
    assert translations.part_of(file) == part
    assert part in translations.parts()


def test_what_services_say_is_translated_in_whatever_folder_they_are(language):
    services = APP / "services"
    folders = {path.parent.relative_to(APP).as_posix() for path in services.rglob("*.py")}
    said_in = defaultdict(set)
    for file, message in api_messages():
        said_in[file.rpartition("/")[0]].add(message)
    assert folders <= said_in.keys(), "a folder of services is not among SOURCES"
    known = script_messages(language)
    assert {message for folder in folders for message in said_in[folder] if message not in known} == set()
