"""The API as a blueprint under /api, and the error body for everything else."""

from __future__ import annotations

from flask import Blueprint, Flask
from werkzeug.exceptions import HTTPException

from app.api.base import Api
from app.api.guard import AUTHORIZATIONS
from app.api.problem import respond
from app.api.schemas.problem import PROBLEM
from app.config import Settings
from app.errors import KenaliError
from app.version import VERSION

DESCRIPTION = """\
Recognises **faces** (create users, upload photos, train, then ask who is on a picture or sign in with a face),
**dog breeds** and **coughs**, and finds people on the photos of **events**.

* Every error is one JSON body with a stable `code` and a `message` for people.
* The header `X-Fields` (`X-Fields: id,name`) cuts every answer down to the fields you name.
* Lists take `page` and `per_page` (at most 200); the total is in `X-Total-Count`, the next page in `Link`.
* In local mode nobody needs to sign in, except for what belongs to one person. In token mode press **Authorize**.
"""


def flask_settings(settings: Settings) -> dict[str, object]:
    """What Flask and its extensions are told."""
    return {
        "MAX_CONTENT_LENGTH": settings.max_request_bytes,
        # Fields of a form that are no files: an id, an address, a token.
        "MAX_FORM_MEMORY_SIZE": 1_000_000,
        "RESTX_ERROR_404_HELP": False,
        "RESTX_JSON": {"ensure_ascii": False},
        "RESTX_MASK_SWAGGER": True,
        "SWAGGER_UI_DOC_EXPANSION": "list",
        # The ids are in the document; in the page they would take a phone's width from the paths.
        "SWAGGER_UI_OPERATION_ID": False,
        "SWAGGER_UI_REQUEST_DURATION": True,
        "PROPAGATE_EXCEPTIONS": False,
    }


def register_api(app: Flask) -> None:
    """Mount every namespace, /metrics, and the error body for what is not routed."""
    from app.api import (
        activity,
        auth,
        breed,
        cough,
        drive_search,
        event_downloads,
        event_statistics,
        events,
        face,
        find_my_face,
        fotota,
        hide_me,
        history_images,
        images,
        me,
        operations,
        photos,
        selfies,
        training,
        users,
    )

    blueprint = Blueprint("api", __name__, url_prefix="/api")
    api = Api(
        blueprint,
        version=VERSION,
        title="Kenali",
        description=DESCRIPTION,
        doc="/docs",
        authorizations=AUTHORIZATIONS,
        security=[{"bearer": []}, {"api_key": []}],
        validate=False,
        default_mediatype="application/json",
    )
    api.add_model(PROBLEM.name, PROBLEM)
    modules = (
        *(users, selfies, photos, training, face, breed, cough),
        *(events, find_my_face, hide_me, event_downloads, event_statistics, images),
        *(fotota, activity, drive_search, auth, me, operations),
    )
    # Some share a namespace.
    for namespace in dict.fromkeys(module.ns for module in modules):
        api.add_namespace(namespace)
    app.register_blueprint(blueprint)
    app.register_blueprint(operations.metrics_blueprint())
    app.register_blueprint(history_images.blueprint())
    app.register_blueprint(images.blueprint())
    # URLs that no blueprint knows, and routes outside the Api.
    app.register_error_handler(HTTPException, respond)
    app.register_error_handler(KenaliError, respond)
    app.register_error_handler(Exception, respond)
