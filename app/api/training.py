"""``/api/training``."""

from __future__ import annotations

import re
from typing import Any

from flask import request

from app.api.base import Resource, container, raises
from app.api.guard import access, caller, in_json
from app.api.paging import PAGE_PARAMS, page_headers, wanted_page
from app.api.parsing import parse_body
from app.api.schemas import training as wire
from app.db import JobKind, JobState, Role, TrainingJob
from app.errors import (
    InvalidInput,
    JobAlreadyFinished,
    JobNotFound,
    ModelNotUsable,
    NotPermitted,
    NoUsablePhotos,
    RebuildUnderWay,
    UserNotFound,
)
from app.services.access import Need, Via
from app.services.paging import MAX_PER_PAGE
from app.services.training_jobs import error_of, progress_of

ns = wire.ns

ID = {"job_id": "The job's id."}
#: Digits of an id that is nobody's, and would be an error in SQL.
_LONG = 19
ACCEPTED = "The job goes on; `Location` is its address."


def _only_person() -> int | None:
    """Whose jobs the caller may see; None is everybody's."""
    who = caller()
    if who.trusted or who.role is Role.ADMIN or who.via is Via.API_KEY:
        return None
    return who.user_id


def _may_see(job: TrainingJob) -> TrainingJob:
    person = _only_person()
    if person is not None and person not in {job.user_id, job.requested_by}:
        raise JobNotFound(f"There is no job with the id {job.id}.")
    return job


def _job_form(job: TrainingJob) -> dict[str, Any]:
    error = error_of(job) if job.state == JobState.FAILED else None
    finished = job.result if job.state == JobState.SUCCEEDED else None
    return {
        "id": job.id,
        "kind": job.kind,
        "user_id": job.user_id,
        "requested_by": job.requested_by,
        "state": job.state,
        "cancel_requested": job.cancel_requested,
        "progress": progress_of(job),
        "attempts": job.attempts,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "error": {"code": error.code, "message": error.detail} if error else None,
        "incremental": finished if job.kind == JobKind.INCREMENTAL else None,
        "rebuild": finished if job.kind == JobKind.REBUILD else None,
    }


def _patience() -> tuple[float, dict[str, str]]:
    """How long to wait, and the header that says what was understood (RFC 7240)."""
    most = container().settings.job_wait_seconds
    prefer = request.headers.get("Prefer", "").lower()
    if re.search(r"(^|[,;\s])respond-async($|[,;\s])", prefer):
        return 0, {"Preference-Applied": "respond-async"}
    wait = re.search(r"(^|[,;\s])wait=(\d{1,6})($|[,;\s])", prefer)
    if wait:
        return min(int(wait[2]), most), {"Preference-Applied": f"wait={wait[2]}"}
    return most, {}


def _answer(job: TrainingJob) -> Any:
    """Wait for the job; 200 with its result, 202 with its address, or the error it ended with."""
    seconds, headers = _patience()
    if seconds > 0:
        job = container().training.wait(job.id, seconds)
    error = error_of(job)
    if error is not None:
        raise error
    done = job.state == JobState.SUCCEEDED
    if not done:
        headers["Location"] = f"/api/training/jobs/{job.id}"
    body = {
        "success": True,
        "message": _message(job) if done else f"Training goes on: see /api/training/jobs/{job.id}",
        "data": job.result if done else None,
        "job_id": job.id,
        "state": job.state,
    }
    return body, 200 if done else 202, headers


def _message(job: TrainingJob) -> str:
    if job.kind == JobKind.REBUILD:
        return "Face database built successfully"
    result = job.result or {}
    if not result.get("embeddings_created") and not result.get("skipped"):
        return f"Nothing to do: every photo of user {job.user_id} is trained already"
    return f"Embeddings built for user {job.user_id}"


def _wanted_users() -> set[int] | None:
    """Ids of the query's ``user_id``; None if it names nobody."""
    text = request.args.get("user_id", "")
    if not text:
        return None
    ids = text.split(",")
    # isdecimal alone accepts other scripts' digits
    if len(ids) > MAX_PER_PAGE or not all(id_.isascii() and id_.isdecimal() and len(id_) < _LONG for id_ in ids):
        raise InvalidInput(errors={"user_id": f"at most {MAX_PER_PAGE} ids with commas between them are needed"})
    return {int(id_) for id_ in ids}


def _only_due() -> bool:
    text = request.args.get("due", "").lower()
    if text not in {"", "true", "false"}:
        raise InvalidInput(errors={"due": "true or false is needed"})
    return text == "true"


@ns.route("/incremental")
class IncrementalTraining(Resource):
    """One user."""

    @access(Need.OWNER, scope="training", subject=in_json("user_id"))
    @ns.doc("train_user", params=wire.asynchronous)
    @ns.expect(wire.incremental_body)
    @ns.response(202, ACCEPTED, wire.incremental_answer)
    @raises(ns, InvalidInput, UserNotFound, NoUsablePhotos, ModelNotUsable)
    @ns.marshal_with(wire.incremental_answer)
    def post(self) -> Any:
        """Train one user

        Embeds the photos that are not trained yet, and makes them searchable in one step. Photos without a usable face
        are listed in `skipped`. The first training of all fixes the face model.
        """
        body = parse_body(wire.Incremental)
        job = container().training.request_incremental(body.user_id, force=body.force, requested_by=caller().user_id)
        return _answer(job)


@ns.route("/start")
class FullRebuild(Resource):
    """Everybody."""

    @access(Need.ADMIN, scope="training")
    @ns.doc("rebuild_gallery", params=wire.asynchronous)
    @ns.expect(wire.rebuild_body)
    @ns.response(202, ACCEPTED, wire.rebuild_answer)
    @raises(ns, NoUsablePhotos, RebuildUnderWay, ModelNotUsable)
    @ns.marshal_with(wire.rebuild_answer)
    def post(self) -> Any:
        """Rebuild everything

        Makes a new gallery from every photo beside the live one and swaps the two in one step. If a rebuild is under
        way, this call waits for that one.
        """
        return _answer(container().training.request_rebuild(requested_by=caller().user_id))


@ns.route("/jobs")
class Jobs(Resource):
    """All jobs."""

    @access(Need.SIGNED_IN, scope="training")
    @ns.doc("list_training_jobs", params=PAGE_PARAMS)
    @ns.marshal_list_with(wire.job)
    def get(self) -> Any:
        """List training jobs

        Newest first. A person sees the jobs about them or requested by them, an admin all.
        """
        wanted = wanted_page()
        page = container().training.list(wanted, _only_person())
        return [_job_form(job) for job in page.items], 200, page_headers(page, wanted)


@ns.route("/jobs/<int:job_id>")
@ns.doc(params=ID)
class Job(Resource):
    """One job."""

    @access(Need.SIGNED_IN, scope="training")
    @ns.doc("get_training_job")
    @raises(ns, JobNotFound)
    @ns.marshal_with(wire.job)
    def get(self, job_id: int) -> Any:
        """One training job

        Its state, and while it runs: photos done, rate and remaining time. A finished one has its result or its error.
        """
        return _job_form(_may_see(container().training.get_job(job_id)))

    @access(Need.SIGNED_IN, scope="training")
    @ns.doc("cancel_training_job")
    @raises(ns, NotPermitted, JobNotFound, JobAlreadyFinished)
    @ns.marshal_with(wire.job)
    def delete(self, job_id: int) -> Any:
        """Cancel a training job

        A queued job ends at once, a running one after the batch under way (`cancel_requested`). What is live stays as
        it was.
        """
        _may_see(container().training.get_job(job_id))
        return _job_form(container().training.cancel(job_id))


@ns.route("/status")
class Status(Resource):
    """How everybody stands."""

    @access(Need.SIGNED_IN, scope="training")
    @ns.doc("training_status", params={**PAGE_PARAMS, **wire.only_users})
    @raises(ns, InvalidInput)
    @ns.marshal_with(wire.status)
    def get(self) -> Any:
        """Who is trained

        Photos and embeddings of each user by id, and whether training would add something. A person sees themselves,
        an admin everybody.
        """
        wanted = wanted_page()
        found = container().training.status(wanted, _only_person(), user_ids=_wanted_users(), due=_only_due())
        body = {
            "model": found.live.model_name if found.live else None,
            "model_key": found.live.model if found.live else None,
            "trained_at": found.live.activated_at if found.live else None,
            "users": found.users.items,
        }
        return body, 200, page_headers(found.users, wanted)
