"""Real weights on real photos: those of the insightface wheel with dlib always, a pack and LFW where present."""

import importlib.resources
import threading

import numpy as np
import pytest

from app.engines import images
from app.engines.base import EMBEDDING_SIZE, Face
from app.engines.face.calibration import calibration_for
from app.engines.face.dlib import DlibEngine
from app.engines.face.insightface import InsightFaceEngine
from app.engines.face.quality import assess
from tests.collections_ import BUFFALO_SC, CONDITIONS, LFW, needs_buffalo, needs_conditions, needs_lfw

WHEEL = importlib.resources.files("insightface") / "data" / "images"
#: People in the group shot that every engine should find; dlib's HOG misses small and turned faces.
GROUP = {"dlib": 5, "insightface": 6}


def read(path):
    return images.decode(path.read_bytes(), max_bytes=50_000_000, max_pixels=50_000_000)


@pytest.fixture(scope="module", params=["dlib", pytest.param("insightface", marks=needs_buffalo)])
def engine(request):
    return DlibEngine() if request.param == "dlib" else InsightFaceEngine(BUFFALO_SC, threads=2)


def test_the_people_of_a_group_are_found_largest_first(engine):
    faces = engine.detect(read(WHEEL / "t1.jpg"))
    assert len(faces) >= GROUP[engine.info.engine]
    assert [face.area for face in faces] == sorted((face.area for face in faces), reverse=True)
    assert all(0 < face.score <= 1 for face in faces)


def test_landmarks_lie_as_described(engine):
    for face in engine.detect(read(WHEEL / "t1.jpg")):
        left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
        assert face.landmarks.shape == (5, 2)
        assert left_eye[0] < nose[0] < right_eye[0]
        assert left_mouth[0] < right_mouth[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
        left, top, right, bottom = face.box
        assert ((face.landmarks > (left, top)) & (face.landmarks < (right, bottom))).all()


def test_embeddings_are_padded_and_of_unit_length(engine):
    image = read(WHEEL / "t1.jpg")
    vectors = engine.embed(image, engine.detect(image)[:3])
    assert vectors.shape == (3, EMBEDDING_SIZE)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert not vectors[:, engine.info.dimensions :].any()


def test_no_face_is_an_empty_list_and_an_empty_array(engine):
    image = np.full((300, 400, 3), 120, np.uint8)
    assert engine.detect(image) == []
    assert engine.embed(image, []).shape == (0, EMBEDDING_SIZE)


@pytest.mark.parametrize("size", [(32, 32), (33, 640), (640, 33), (1, 1)])
def test_strange_sizes_are_looked_at_without_error(engine, size):
    assert engine.detect(np.random.default_rng(1).integers(0, 255, (*size, 3), np.uint8)) == []


def test_the_size_of_the_batch_changes_nothing(engine):
    image = read(WHEEL / "t1.jpg")
    items = [(image, face) for face in engine.detect(image)[:5]]
    together = engine.embed_many(items)
    alone = np.concatenate([engine.embed(*[item[0], [item[1]]]) for item in items])
    assert np.abs(together - alone).max() < 1e-4


def test_a_stored_crop_gives_nearly_the_same_vector_without_detecting_again(engine):
    image = read(WHEEL / "t1.jpg")
    for face in engine.detect(image)[:4]:
        crop = images.face_crop(image, face)
        kept = images.decode(images.encode_jpeg(crop.image), max_bytes=10**7, max_pixels=10**6)
        again = Face(box=crop.box, landmarks=crop.landmarks, score=face.score)
        similarity = engine.embed(kept, [again])[0] @ engine.embed(image, [face])[0]
        assert similarity > calibration_for("dlib" if engine.info.engine == "dlib" else "buffalo_sc").threshold(
            10**6, 0.01
        )


def test_a_picture_that_cannot_be_written_to_is_fine(engine):
    image = read(WHEEL / "Tom_Hanks_54745.png").copy()
    image.setflags(write=False)
    assert engine.embed(image, engine.detect(image)).shape[1] == EMBEDDING_SIZE


def test_a_large_photo_gives_the_same_person_as_a_small_one(engine):
    import cv2

    image = read(WHEEL / "Tom_Hanks_54745.png")
    padded = cv2.copyMakeBorder(image, 60, 60, 60, 60, cv2.BORDER_REPLICATE)
    large = cv2.resize(padded, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    small = engine.embed(padded, engine.detect(padded)[:1])[0]
    big = engine.embed(large, engine.detect(large)[:1])[0]
    name = "dlib" if engine.info.engine == "dlib" else "buffalo_sc"
    assert float(small @ big) > calibration_for(name).threshold(10_000, 0.01)


def test_threads_get_what_one_thread_gets(engine):
    image = read(WHEEL / "t1.jpg")
    expected_faces = engine.detect(image)[:2]
    expected = engine.embed(image, expected_faces)
    wrong = []

    def look():
        for _ in range(3):
            faces = engine.detect(image)[:2]
            if np.abs(engine.embed(image, faces) - expected).max() > 1e-4:
                wrong.append(faces)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not wrong


def test_the_faces_of_a_group_are_worth_comparing(engine):
    image = read(WHEEL / "t1.jpg")
    verdicts = [assess(image, face) for face in engine.detect(image)]
    assert sum(verdict.ok for verdict in verdicts) >= len(verdicts) - 1


def test_a_blurred_photo_is_told_apart_from_a_sharp_one(engine):
    import cv2

    image = read(WHEEL / "t1.jpg")
    face = engine.detect(image)[0]
    assert "blurred" not in assess(image, face).reasons
    spot = 0.09 * face.width
    assert "blurred" in assess(cv2.GaussianBlur(image, (0, 0), spot), face).reasons


@needs_buffalo
def test_a_face_that_fills_a_selfie_is_found():
    import cv2

    engine = InsightFaceEngine(BUFFALO_SC, threads=2)
    image = read(WHEEL / "t1.jpg")
    face = engine.detect(image)[0]
    left, top, right, bottom = (round(value) for value in face.box)
    selfie = cv2.resize(image[max(top, 0) : bottom, max(left, 0) : right], (1500, 1800), interpolation=cv2.INTER_CUBIC)
    (found,) = engine.detect(selfie)
    assert found.width > 900


@needs_conditions
@needs_buffalo
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("pose/left_face.jpeg", "turned_away"),
        ("pose/right_face.png", "turned_away"),
        ("pose/left_wryneck.png", "tilted"),
        ("rotate/rot_90.jpg", "tilted"),
    ],
)
def test_poses_are_told(name, reason):
    engine = InsightFaceEngine(BUFFALO_SC, threads=2)
    (path,) = CONDITIONS.rglob(name)
    image = read(path)
    assert reason in assess(image, engine.detect(image)[0]).reasons


@needs_lfw
def test_people_of_lfw_are_told_apart_at_the_models_own_threshold(engine):
    people = [sorted(person.glob("*.jpg"))[:2] for person in sorted(LFW.iterdir())]
    people = [photos for photos in people if len(photos) == 2][10:30]
    vectors = []
    for photos in people:
        for path in photos:
            image = read(path)
            vectors.append(engine.embed(image, engine.detect(image)[:1])[0])
    similarity = np.array(vectors) @ np.array(vectors).T
    same = np.kron(np.eye(len(people)), np.ones((2, 2))).astype(bool) & ~np.eye(2 * len(people), dtype=bool)
    different = ~np.kron(np.eye(len(people)), np.ones((2, 2))).astype(bool)
    name = "dlib" if engine.info.engine == "dlib" else "buffalo_sc"
    threshold = calibration_for(name).verification_threshold
    assert (similarity[different] >= threshold).mean() <= 0.005
    assert (similarity[same] >= threshold).mean() >= (0.6 if name == "dlib" else 0.95)
