"""The tab Cough, with the built-in network."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import until
from tests.recordings import bursts, tone, wav

pytestmark = pytest.mark.browser


def ask(page: Page, data: bytes, name: str = "sound.wav") -> None:
    page.locator("#cough-file-input").set_input_files({"name": name, "mimeType": "audio/wav", "buffer": data})


@pytest.mark.parametrize(
    ("lang", "size", "said", "notice"),
    [("en", "desktop", "This is no cough", "no diagnosis"), ("id", "phone", "Ini bukan batuk", "bukan diagnosis")],
)
def test_a_tone_is_no_cough_and_the_notice_is_there_before_and_after(open_page, lang, size, said, notice):
    page = open_page("/cough", lang=lang, size=size)
    expect(page.locator(".cough-notice")).to_contain_text(notice)
    ask(page, wav(tone(2)))
    expect(page.locator("#cough-verdict")).to_contain_text(said)
    expect(page.locator("#cough-verdict")).to_be_in_viewport()
    expect(page.locator(".cough-notice")).to_contain_text(notice)
    expect(page.locator("#cough-scores li")).to_have_count(2)
    expect(page.locator("#cough-places button")).to_have_count(0)
    expect(page.locator("#live")).to_contain_text(said)


def test_the_sound_can_be_seen_and_played(open_page):
    page = open_page("/cough")
    ask(page, wav(tone(2)))
    expect(page.locator("#cough-spectrogram")).to_have_attribute("alt", re.compile(r"Spectrogram of 2\.0 s"))
    until(page, "document.getElementById('cough-spectrogram').naturalWidth > 0")
    until(page, "document.getElementById('cough-player').duration > 1.9")


def test_places_of_coughs_are_marked_and_the_player_goes_there(open_page):
    """What the API says of the places; which sounds it takes for coughs is tested elsewhere."""
    page = open_page()

    def with_places(route):
        body = route.fetch().json()
        body |= {
            "prediction": "cough",
            "segments": [{"start": 0.5, "end": 1.0, "score": 0.97}, {"start": 1.5, "end": 1.75, "score": 0.6}],
        }
        route.fulfill(json=body)

    page.route("**/api/cough/predict", with_places)
    page.goto("/cough")
    ask(page, wav(tone(2)))
    expect(page.locator("#cough-verdict")).to_contain_text("This is a cough")
    expect(page.get_by_text("Coughs heard in 2 places.").first).to_be_visible()
    boxes = page.evaluate(
        "[...document.querySelectorAll('.cough-mark')].map((mark) => [mark.style.left, mark.style.width])"
    )
    assert [[float(value.rstrip("%")) for value in box] for box in boxes] == [
        pytest.approx([25, 25], abs=0.5),
        pytest.approx([75, 12.5], abs=0.5),
    ]
    page.get_by_role("button", name="1.5 to 1.8 s").click()
    until(page, "document.getElementById('cough-player').currentTime >= 1.5")


def test_silence_is_told_with_what_to_do_and_another_recording_may_follow(open_page):
    page = open_page("/cough")
    ask(page, wav(tone(2, peak=0.0)))
    expect(page.locator("#cough-problem")).to_contain_text(re.compile("quiet|louder|closer|nothing", re.IGNORECASE))
    expect(page.locator("#cough-spectrogram")).to_be_hidden()
    ask(page, wav(tone(2)))
    expect(page.locator("#cough-verdict")).to_contain_text("This is no cough")
    expect(page.locator("#cough-problem")).to_be_empty()


def test_what_is_no_recording_is_refused_before_and_after_it_is_sent(open_page):
    page = open_page("/cough")
    page.locator("#cough-file-input").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"})
    expect(page.locator("#cough-file-error")).to_contain_text("not a recording")
    ask(page, b"RIFF nothing of the kind")
    expect(page.locator("#cough-problem")).to_contain_text("WAV")
    ask(page, bytes(5_000_001))
    expect(page.locator("#cough-file-error")).to_contain_text("too large")


def test_a_recording_of_the_microphone_is_judged_and_the_microphone_let_go(open_page):
    page = open_page("/cough")
    page.evaluate(
        """() => {
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = async (wanted) => (window.stream = await ask(wanted));
        }"""
    )
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator(".microphone-time")).to_contain_text(re.compile(r"[1-9]\.\d s"))
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#cough-verdict p").first).to_be_visible()
    assert page.evaluate("window.stream.getTracks().every((track) => track.readyState === 'ended')")


def test_leaving_the_tab_stops_the_recording(open_page):
    page = open_page("/cough")
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.locator(".microphone.is-recording")).to_be_visible()
    page.get_by_role("link", name="Status").first.click()
    expect(page.locator("#heading-status")).to_be_visible()
    page.get_by_role("link", name="Cough").first.click()
    expect(page.get_by_role("button", name="Record", exact=True)).to_be_visible()
    expect(page.locator("#cough-verdict")).to_be_empty()


def test_bursts_of_noise_get_an_answer_with_two_scores(open_page):
    page = open_page("/cough")
    ask(page, wav(bursts(0.4)))
    expect(page.locator("#cough-verdict p").first).to_be_visible()
    shares = [float(text.rstrip("%")) for text in page.locator("#cough-scores .num").all_inner_texts()]
    assert sum(shares) == pytest.approx(100, abs=0.2)
    assert shares == sorted(shares, reverse=True)
