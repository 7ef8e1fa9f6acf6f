"""``/api/health`` and ``/metrics``."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import Blueprint, Response
from flask.views import MethodView
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.api.base import Resource, container, raises
from app.api.guard import access, caller, guarded
from app.api.schemas import operations as wire
from app.errors import KenaliError, NotReady
from app.services.access import Caller, Need, permits
from app.services.health import Health
from app.version import VERSION

ns = wire.ns

#: About the pace at which load balancers ask.
RETRY_SECONDS = 5


def _may_know(who: Caller) -> bool:
    try:
        permits(who, Need.ADMIN, scope="operations", writes=False)
    except KenaliError:
        return False
    return True


def _wire_form(found: Health) -> dict[str, Any]:
    # Versions and paths help an attacker: strangers of token mode learn only which part is ill.
    details = _may_know(caller())
    return {
        "status": "ok" if found.ready else "degraded",
        "live": True,
        "ready": found.ready,
        "version": VERSION if details else None,
        "parts": [
            {
                "name": name,
                "ok": part.ok,
                "detail": part.detail if details else None,
                "facts": dict(part.facts) if details else {},
            }
            for name, part in found.parts.items()
        ],
    }


@ns.route("/health")
class HealthPage(Resource):
    """All parts."""

    @access(Need.PUBLIC, scope="operations")
    @ns.doc("health")
    @ns.marshal_with(wire.health)
    def get(self) -> Any:
        """How every part is doing

        Always 200 while the process answers; `ready` tells whether it can do its work. For a load balancer use
        `/api/health/ready`.
        """
        return _wire_form(container().health.check())


@ns.route("/health/ready")
class Ready(Resource):
    """For load balancers."""

    @access(Need.PUBLIC, scope="operations")
    @ns.doc("ready")
    @raises(ns, NotReady)
    @ns.marshal_with(wire.health)
    def get(self) -> Any:
        """Whether requests can be answered

        200 if every part can do its work, else 503 with the names of those that cannot.
        """
        found = container().health.check()
        if not found.ready:
            details = _may_know(caller())
            raise NotReady(
                errors={
                    name: part.detail if details else "cannot do its work"
                    for name, part in found.parts.items()
                    if not part.ok
                },
                retry_after_seconds=RETRY_SECONDS,
            )
        return _wire_form(found)


class Metrics(MethodView):
    """Prometheus. Outside /api and its JSON, where scrapers look for it."""

    decorators: ClassVar[list[Any]] = [guarded]

    @access(Need.ADMIN, scope="operations")
    def get(self) -> Response:
        """Every counter of the process."""
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def metrics_blueprint() -> Blueprint:
    """``GET /metrics``."""
    blueprint = Blueprint("metrics", __name__)
    blueprint.add_url_rule("/metrics", view_func=Metrics.as_view("metrics"))
    return blueprint
