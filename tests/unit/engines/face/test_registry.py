"""Which face model is chosen, and that it is loaded once."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.config import Settings
from app.engines.base import FaceModelInfo
from app.engines.face import registry
from app.engines.face.catalogue import PUBLISHED_NAMES
from app.engines.face.registry import FaceEngines
from app.errors import ModelBusy, ModelDownloadFailed, ModelNotUsable
from tests.unit.engines.face.tiny_pack import pack_zip, write_pack

#: Nobody listens on port 9 (discard) of a test machine: refused at once.
NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def places(tmp_path):
    """MODELS_DIR and InsightFace's cache, both absent."""
    return tmp_path / "models", tmp_path / "cache"


@pytest.fixture
def engines(places):
    def build(face_model="auto", **more):
        models_dir, cache = places
        values = {"face_model": face_model, "models_dir": models_dir, "face_model_url": NOWHERE, **more}
        return FaceEngines(Settings(_env_file=None, **values), cache=cache, progress=lambda _: lambda *_: None)

    return build


@pytest.fixture
def zoo():
    """A server that has every pack; it remembers what it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = pack_zip()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    server.server_close()


def test_auto_prefers_a_pack_in_models_dir(engines, places):
    models_dir, cache = places
    write_pack(models_dir / "buffalo_sc")
    write_pack(cache / "buffalo_l")
    assert engines().choose() == "buffalo_sc"


def test_auto_prefers_the_better_of_several_packs(engines, places):
    for name in ("zzz_own", "buffalo_sc", "buffalo_l", "antelopev2"):
        write_pack(places[0] / name)
    assert engines().choose() == "buffalo_l"


def test_auto_takes_a_pack_from_insightfaces_cache(engines, places):
    write_pack(places[1] / "buffalo_s")
    assert engines().choose() == "buffalo_s"


def test_auto_takes_somebodys_own_pack(engines, places):
    write_pack(places[0] / "trained_here")
    assert engines().choose() == "trained_here"


def test_auto_passes_over_a_broken_pack_and_says_so(engines, places, caplog):
    models_dir, cache = places
    broken = write_pack(models_dir / "buffalo_l")
    (broken / "det_tiny.onnx").write_bytes(b"cut off")
    write_pack(cache / "buffalo_sc")
    assert engines().choose() == "buffalo_sc"
    assert "passed over" in caplog.text


def test_auto_is_not_confused_by_other_models_in_models_dir(engines, places):
    breed = places[0] / "breed"
    breed.mkdir(parents=True)
    (breed / "network.onnx").write_bytes(b"")
    assert engines().choose() == "dlib"


def test_auto_downloads_the_default_pack(engines, places, zoo):
    url, asked = zoo
    assert engines(face_model_url=url).choose() == "buffalo_l"
    assert asked == ["/buffalo_l.zip"]
    assert (places[0] / "buffalo_l").is_dir()


def test_auto_ends_at_dlib_with_one_line_in_the_log(engines, caplog):
    assert engines().choose() == "dlib"
    told = [record for record in caplog.records if "dlib" in record.getMessage()]
    assert len(told) == 1
    assert "refused" in told[0].getMessage()


def test_a_named_pack_is_downloaded_once(engines, zoo):
    url, asked = zoo
    assert engines("buffalo_s", face_model_url=url).choose() == "buffalo_s"
    assert engines("buffalo_s", face_model_url=url).choose() == "buffalo_s"
    assert asked == ["/buffalo_s.zip"]


def test_a_named_pack_that_cannot_be_had_is_an_error(engines):
    with pytest.raises(ModelDownloadFailed):
        engines("buffalo_s").choose()


def test_an_unknown_name_is_an_error_that_lists_the_known_ones(engines):
    with pytest.raises(ModelNotUsable, match="antelopev2"):
        engines("bufalo_l").choose()


def test_a_folder_is_taken_as_it_is(engines, tmp_path):
    folder = write_pack(tmp_path / "elsewhere" / "mine")
    found = engines(str(folder))
    assert found.choose() == "mine"
    assert found.find_local("mine") == folder
    assert found.get("mine").info.name == "mine"


def test_a_folder_without_a_pack_is_an_error(engines, tmp_path):
    with pytest.raises(ModelNotUsable, match=r"no \.onnx file"):
        engines(str(tmp_path / "nothing")).choose()


def test_a_folder_cannot_pass_for_dlib(engines, tmp_path):
    with pytest.raises(ModelNotUsable, match="another name"):
        engines(str(write_pack(tmp_path / "dlib"))).choose()


@pytest.mark.parametrize("name", ["../outside", "a/b", "", ".", ".."])
def test_names_do_not_leave_the_folder_of_models(engines, places, name):
    write_pack(places[0].parent / "outside")
    assert engines().find_local(name) is None


def test_antelopes_folder_in_a_folder_is_found(engines, places):
    write_pack(places[0] / "antelopev2" / "antelopev2")
    found = engines()
    assert found.choose() == "antelopev2"
    assert found.get("antelopev2").info.name == "antelopev2"


def test_an_engine_that_is_not_installed_says_what_to_do(engines):
    with pytest.raises(ModelNotUsable, match="flask face download buffalo_m"):
        engines().get("buffalo_m")


def test_many_threads_load_an_engine_once(engines, places, monkeypatch):
    write_pack(places[0] / "buffalo_sc")
    found = engines()
    built = []
    together = threading.Barrier(8)
    real = registry.InsightFaceEngine

    def build(*args, **kwargs):
        built.append(args)
        return real(*args, **kwargs)

    monkeypatch.setattr(registry, "InsightFaceEngine", build)

    def ask():
        together.wait(10)
        found.get("buffalo_sc")

    assert not found.loaded("buffalo_sc")
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(built) == 1
    assert found.loaded("buffalo_sc")


class Held:
    """An engine that looks at a picture until it is told to stop."""

    info = FaceModelInfo("held", "test", "0" * 8, "none", 512, "", commercial_use=True, source="")

    def __init__(self):
        self.started = threading.Event()
        self.go = threading.Event()

    def detect(self, _):
        self.started.set()
        self.go.wait(10)
        return []


def test_requests_beyond_the_queue_are_sent_away_and_jobs_are_not(engines, monkeypatch):
    found = engines(model_concurrency=1, model_queue=0)
    held = Held()
    monkeypatch.setattr(found, "_open", lambda _: held)
    request = threading.Thread(target=found.get("dlib").detect, args=(None,))
    request.start()
    assert held.started.wait(10)
    with pytest.raises(ModelBusy):
        found.get("dlib").detect(None)
    job = threading.Thread(target=found.get_for_jobs("dlib").detect, args=(None,))
    job.start()
    held.go.set()
    request.join(10)
    job.join(10)
    assert not job.is_alive()


def test_the_listing_names_every_pack_its_licence_and_whether_it_is_here(engines, places):
    write_pack(places[0] / "buffalo_sc")
    write_pack(places[1] / "own")
    listing = {model.name: model for model in engines().listing()}
    assert set(listing) == {*PUBLISHED_NAMES, "own", "dlib"}
    assert {name for name, model in listing.items() if model.installed} == {"buffalo_sc", "own", "dlib"}
    assert {name for name, model in listing.items() if model.commercial_use} == {"dlib"}
    assert "non-commercial" in listing["buffalo_l"].licence
    assert "public domain" in listing["dlib"].licence
