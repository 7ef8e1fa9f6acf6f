"""The modules that tabs share: camera, microphone, choosing files, dialogs, problems, faces on pictures, uploads."""

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_shell import core
from tests.pictures import GROUP_PHOTO, jpeg

pytestmark = pytest.mark.browser

#: A place in the page for what a test tries out; `found` collects what was handed over.
STAGE = """
window.found = [];
window.found.push = (...values) => {
  for (const value of values) window.found[window.found.length] = value;
  document.documentElement.dataset.found = window.found.length;
};
const stage = document.createElement('div');
stage.id = 'stage';
document.querySelector('section:not([hidden]) .panel-body').prepend(stage);
"""


def staged(page: Page, module: str, script: str, **values) -> None:
    """Run a script with the exports of one core module as ``m`` and a fresh place as ``stage``."""
    page.evaluate(
        f"async ([url, values]) => {{ const m = await import(url); {STAGE} {script} }}", [core(page, module), values]
    )


def stage(page: Page) -> Locator:
    return page.locator("#stage")


def found(page: Page) -> list:
    # Not wait_for_function: it would need eval, which the page's policy forbids.
    expect(page.locator("html")).to_have_attribute("data-found", re.compile("[1-9]"))
    return page.evaluate("[...window.found]")


# --- camera


def refuse_devices(page: Page, name: str) -> None:
    page.add_init_script(
        f"navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', {json.dumps(name)}))"
    )


CAMERA = """
window.tracks = [];
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (what) => {
  const stream = await ask(what);
  window.tracks.push(...stream.getTracks());
  return stream;
};
window.camera = m.makeCamera(stage, {
  onPicture: async (file) => {
    const size = await createImageBitmap(file);
    window.found.push({type: file.type, name: file.name, bytes: file.size, width: size.width, height: size.height});
  },
  series: {count: 3, hints: ['one', 'two'], onSeries: (files) => window.found.push(files.length)},
});
window.camera.start();
"""


def live_tracks(page: Page) -> int:
    return page.evaluate("window.tracks.filter((track) => track.readyState === 'live').length")


def test_the_camera_shows_what_it_sees_and_takes_a_jpeg(open_page):
    page = open_page("/recognition")
    staged(page, "camera.js", CAMERA)
    button = stage(page).get_by_role("button", name="Take a picture")
    expect(button).to_be_enabled()
    button.click()
    [picture] = found(page)
    assert picture["type"] == "image/jpeg"
    assert picture["name"].endswith(".jpg")
    assert (picture["width"], picture["height"]) == (640, 480)
    page.evaluate("window.camera.stop()")
    assert live_tracks(page) == 0


def test_a_series_counts_down_gives_hints_and_hands_over_every_picture(open_page):
    page = open_page("/recognition")
    staged(page, "camera.js", CAMERA)
    stage(page).get_by_role("button", name="Take a series").click()
    hint = page.locator("#stage .camera-hint")
    expect(hint).to_have_text("Picture 1 of 3: one")
    expect(hint).to_have_text("Picture 2 of 3: two")
    expect(hint).to_have_text("Picture 3 of 3: one")
    assert found(page) == [3]
    expect(stage(page).get_by_role("button", name="Take a picture")).to_be_visible()


def test_a_series_that_is_stopped_keeps_what_was_taken(open_page):
    page = open_page("/recognition")
    staged(page, "camera.js", CAMERA)
    stage(page).get_by_role("button", name="Take a series").click()
    expect(page.locator("#stage .camera-hint")).to_have_text("Picture 2 of 3: two")
    stage(page).get_by_role("button", name="Stop the series").click()
    assert found(page) == [1]


def test_the_camera_is_let_go_while_the_page_is_hidden(open_page):
    page = open_page("/recognition")
    staged(page, "camera.js", CAMERA)
    button = stage(page).get_by_role("button", name="Take a picture")
    expect(button).to_be_enabled()
    turn = "Object.defineProperty(document, 'hidden', {{value: {}, configurable: true}});"
    turn += " document.dispatchEvent(new Event('visibilitychange'));"
    page.evaluate(turn.format("true"))
    assert live_tracks(page) == 0
    expect(button).to_be_disabled()
    page.evaluate(turn.format("false"))
    expect(button).to_be_enabled()
    assert live_tracks(page) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NotAllowedError", "You have not allowed the camera"),
        ("NotFoundError", "There is no such device: the camera"),
        ("NotReadableError", "Another program uses the camera"),
    ],
)
def test_a_camera_that_is_refused_is_told_with_what_to_do(open_page, name, words):
    page = open_page()
    refuse_devices(page, name)
    page.goto("/recognition")
    staged(page, "camera.js", "m.makeCamera(stage, {onPicture() {}}).start();")
    expect(stage(page).get_by_role("alert")).to_contain_text(words)
    expect(stage(page).get_by_role("button", name="Try again")).to_be_visible()


def test_an_insecure_address_is_told(open_page):
    page = open_page()
    page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', {value: undefined})")
    page.goto("/recognition")
    staged(page, "camera.js", "m.makeCamera(stage, {onPicture() {}}).start();")
    expect(stage(page).get_by_role("alert")).to_contain_text("https://")


# --- microphone


def test_a_recording_is_one_that_the_api_takes(open_page):
    page = open_page("/cough")
    staged(
        page,
        "microphone.js",
        """
        const { upload } = await import(url.replace('microphone.js', 'api.js'));
        m.makeMicrophone(stage, {maxSeconds: 3, onRecording: async (file, {seconds}) => {
          const { data } = await upload('/api/cough/predict', {file});
          window.found.push({type: file.type, seconds, kind: data.kind, heard: data.quality.duration_seconds});
        }});
        """,
    )
    stage(page).get_by_role("button", name="Record").click()
    meter = stage(page).get_by_role("meter", name="Loudness")
    expect(meter).not_to_have_attribute("aria-valuenow", "0")
    expect(stage(page).get_by_role("button", name="Stop")).to_be_focused()
    [recording] = found(page)  # it stops by itself after three seconds
    assert recording["type"] == "audio/webm"
    assert recording["kind"] == "WebM"
    assert recording["heard"] > 1
    expect(stage(page).get_by_role("button", name="Record")).to_be_visible()


def test_a_microphone_that_is_denied_is_told(open_page):
    page = open_page()
    refuse_devices(page, "NotAllowedError")
    page.goto("/cough")
    staged(page, "microphone.js", "m.makeMicrophone(stage, {onRecording() {}});")
    stage(page).get_by_role("button", name="Record").click()
    expect(stage(page).get_by_role("alert")).to_contain_text("You have not allowed the microphone")
    expect(stage(page).get_by_role("button", name="Record")).to_be_enabled()


# --- choosing files

DROPZONE = """
const { el } = await import(url.replace('picker.js', 'dom.js'));
stage.append(
  el('div', {class: 'dropzone', id: 'try', dataset: {kind: 'picture', ...(values.multiple ? {multiple: ''} : {})}},
    el('input', {type: 'file', id: 'try-input', 'aria-label': 'Pictures', multiple: values.multiple}),
    el('div', {class: 'dropzone-error', role: 'alert'})));
m.makePicker(document.getElementById('try'), {
  maxBytes: 50000,
  onFiles: (files) => window.found.push(files.map((file) => file.name)),
});
"""


def file_of(name: str, data: bytes, mime: str = "image/jpeg") -> dict:
    return {"name": name, "mimeType": mime, "buffer": data}


def test_only_pictures_of_the_right_size_are_handed_on(open_page):
    page = open_page("/photos")
    staged(page, "picker.js", DROPZONE, multiple=True)
    chooser = stage(page).get_by_label("Pictures")
    chooser.set_input_files(
        [
            file_of("good.jpg", jpeg()),
            file_of("notes.txt", b"text", "text/plain"),
            file_of("empty.png", b"", "image/png"),
            file_of("huge.jpg", bytes(60_000)),
            file_of("UPPER.JPEG", jpeg()),
        ]
    )
    assert found(page) == [["good.jpg", "UPPER.JPEG"]]
    said = page.locator("#try .dropzone-error")
    expect(said).to_contain_text("notes.txt: This is not a JPEG or PNG picture.")
    expect(said).to_contain_text("empty.png: The file is empty.")
    expect(said).to_contain_text("huge.jpg: The file is too large: 60 kB, and 50 kB are allowed.")
    chooser.set_input_files([file_of("good.jpg", jpeg())])
    expect(said).to_be_empty()


def test_files_may_be_dropped_and_pasted(open_page):
    page = open_page("/photos")
    staged(page, "picker.js", DROPZONE, multiple=False)
    for event in ("drop", "paste"):
        page.evaluate(
            """(type) => {
              const data = new DataTransfer();
              data.items.add(new File(['1'], `${type}.png`, {type: 'image/png'}));
              const Kind = type === 'drop' ? DragEvent : ClipboardEvent;
              const name = type === 'drop' ? 'dataTransfer' : 'clipboardData';
              document.getElementById('try').dispatchEvent(
                new Kind(type, {[name]: data, bubbles: true, cancelable: true}));
            }""",
            event,
        )
    assert found(page) == [["drop.png"], ["paste.png"]]


# --- dialogs, problems, pictures


def test_a_confirmation_is_answered_by_keyboard_and_gives_the_focus_back(open_page):
    page = open_page("/users")
    staged(
        page,
        "dialog.js",
        """
        const button = document.createElement('button');
        button.textContent = 'Ask';
        button.addEventListener('click', async () => window.found.push(
          await m.confirm({title: 'Delete Ada?', text: 'Photos go too.', ok: 'Delete', danger: true})));
        stage.append(button);
        """,
    )
    ask = stage(page).get_by_role("button", name="Ask")
    ask.click()
    dialog = page.get_by_role("dialog", name="Delete Ada?")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(ask).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    assert found(page) == [False, True]


def test_a_problem_inside_a_dialog_keeps_it_open_with_what_was_typed(open_page):
    page = open_page("/users")
    staged(
        page,
        "dialog.js",
        """
        const { el } = await import(url.replace('dialog.js', 'dom.js'));
        const { post } = await import(url.replace('dialog.js', 'api.js'));
        const field = (name, label) => [
          el('label', {for: `x-${name}`}, label),
          el('input', {id: `x-${name}`, name}),
          el('div', {id: `x-${name}-error`}),
        ];
        const body = el('div', {}, field('name', 'Name'), field('email', 'Email'));
        const work = (form) => post('/api/users', Object.fromEntries(new FormData(form)));
        m.openDialog({title: 'New user', body, work});
        """,
    )
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Ada")
    dialog.get_by_label("Email").fill("nonsense")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator("#x-email-error")).to_have_text("This is not an email address")
    expect(dialog.get_by_label("Email")).to_be_focused()
    expect(dialog.get_by_label("Email")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_label("Name")).to_have_value("Ada")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Wrong email or password.", "Email atau kata sandi salah."),
        ("There is no user with the id 17.", "Tidak ada pengguna dengan id 17."),
        ("Too many failed attempts: try again in 15 min.", "Terlalu banyak percobaan gagal: coba lagi dalam 15 min."),
        ("There are 3 faces; the largest one counts.", "Ada 3 wajah; yang dipakai yang terbesar."),
        ("A sentence that nobody has translated.", "A sentence that nobody has translated."),
        ("at most 254 characters are allowed", "paling banyak 254 karakter"),
    ],
)
def test_what_the_api_says_is_shown_in_the_visitors_language(open_page, said, shown):
    page = open_page("/users", lang="id")
    text = page.evaluate("async ([url, said]) => (await import(url)).serverText(said)", [core(page, "errors.js"), said])
    assert text == shown


def test_a_button_counts_down_before_one_may_try_again(open_page):
    page = open_page("/users")
    staged(
        page,
        "errors.js",
        """
        const { Problem } = await import(url.replace('errors.js', 'http.js'));
        const problem = new Problem({status: 503, code: 'model_busy', message: 'Busy.', retryAfterSeconds: 2});
        m.showProblem(stage, problem, {retry: () => window.found.push('again')});
        """,
    )
    button = stage(page).get_by_role("button")
    expect(button).to_be_disabled()
    expect(button).to_be_enabled()
    button.click()
    assert found(page) == ["again"]
    expect(stage(page).get_by_role("alert")).to_have_count(0)


def test_faces_are_marked_where_the_api_finds_them(open_page):
    page = open_page("/recognition")
    page.evaluate(
        """() => {
          const input = document.createElement('input');
          input.type = 'file';
          input.id = 'given';
          document.body.append(input);
        }"""
    )
    page.locator("#given").set_input_files(GROUP_PHOTO)
    staged(
        page,
        "picture.js",
        """
        const { upload } = await import(url.replace('picture.js', 'api.js'));
        const file = document.getElementById('given').files[0];
        const shares = [];
        const { data } = await upload('/api/face/detect', {file}, {onProgress: (share) => shares.push(share)});
        stage.append(m.facePicture({blob: file, alt: 'A group',
          faces: data.faces.map((face, i) => ({...face, label: i ? '' : 'Largest'}))}));
        window.found.push({faces: data.faces, last: shares.at(-1)});
        """,
    )
    [answer] = found(page)
    assert answer["last"] == 1
    faces = answer["faces"]
    boxes = page.locator("#stage .face-box")
    expect(boxes).to_have_count(len(faces))
    picture = page.locator("#stage img")
    expect(picture).to_have_accessible_name(f"A group. {len(faces)} faces marked: Largest")
    shown = picture.bounding_box()
    natural = picture.evaluate("img => img.naturalWidth")
    drawn = boxes.first.bounding_box()
    scale = shown["width"] / natural
    assert drawn["x"] - shown["x"] == pytest.approx(faces[0]["box"]["x"] * scale, abs=4)
    assert drawn["width"] == pytest.approx(faces[0]["box"]["w"] * scale, abs=6)


def test_an_upload_that_is_given_up_is_no_problem_to_show(open_page):
    page = open_page("/photos")
    page.route("**/api/face/detect", lambda _: None)  # never answered
    staged(
        page,
        "api.js",
        """
        const controller = new AbortController();
        const sent = m.upload('/api/face/detect', {file: [new Blob(['x']), 'x.jpg']}, {signal: controller.signal});
        controller.abort();
        window.found.push(await sent.catch((error) => m.isAbort(error)));
        """,
    )
    assert found(page) == [True]


def test_two_clicks_are_one(open_page):
    page = open_page("/users")
    staged(
        page,
        "busy.js",
        """
        const button = document.createElement('button');
        button.textContent = 'Go';
        button.addEventListener('click', () => m.busy(button, () => new Promise((done) => {
          window.found.push('ran');
          window.finish = done;
        })));
        stage.append(button);
        """,
    )
    button = stage(page).get_by_role("button", name="Go")
    button.focus()
    button.dblclick()
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("aria-busy", "true")
    page.evaluate("window.finish()")
    expect(button).to_be_enabled()
    expect(button).to_be_focused()
    assert found(page) == ["ran"]
