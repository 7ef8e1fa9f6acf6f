"""``/api/users``."""

from __future__ import annotations

from typing import Any

from flask import request

from app.api.base import Resource, container, raises
from app.api.guard import access, caller, caller_id, in_path
from app.api.paging import PAGE_PARAMS, page_headers, wanted_page
from app.api.parsing import parse_body
from app.api.schemas import users as wire
from app.db import Role
from app.errors import EmailTaken, InvalidInput, LastAdmin, ServerBusy, UserNotFound
from app.services.access import Need

ns = wire.ns

ID = {"user_id": "The user's id."}


@ns.route("")
class Users(Resource):
    """All users."""

    @access(Need.ADMIN, scope="users")
    @ns.doc("list_users", params={**PAGE_PARAMS, "q": "Part of a name or an email address, or an id."})
    @ns.marshal_list_with(wire.user)
    def get(self) -> Any:
        """List users

        Sorted by id. The number of all users is in `X-Total-Count`, the next page in `Link`.
        """
        wanted = wanted_page()
        page = container().users.list(wanted, search=request.args.get("q", "").strip())
        return page.items, 200, page_headers(page, wanted)

    @access(Need.ADMIN, scope="users")
    @ns.doc("create_user")
    @ns.expect(wire.new_user)
    @raises(ns, InvalidInput, EmailTaken, ServerBusy)
    @ns.marshal_with(wire.user, code=201)
    def post(self) -> Any:
        """Create a user

        Makes the folder `dataset/<id>/` for the photos. Next: upload photos, then train.
        """
        body = parse_body(wire.NewUser)
        user = container().users.create(body.name, body.email, body.password)
        return user, 201, {"Location": f"/api/users/{user.id}"}


@ns.route("/me")
class Me(Resource):
    """The signed-in account."""

    @access(Need.PERSON, scope="users")
    @ns.doc("get_my_account")
    @raises(ns, UserNotFound)
    @ns.marshal_with(wire.user)
    def get(self) -> Any:
        """The signed-in account

        Needs the person's own token, also in local mode.
        """
        return container().users.get(caller_id())


@ns.route("/<int:user_id>")
@ns.doc(params=ID)
class User(Resource):
    """One user."""

    @access(Need.OWNER, scope="users", subject=in_path("user_id"))
    @ns.doc("get_user")
    @raises(ns, UserNotFound)
    @ns.marshal_with(wire.user)
    def get(self, user_id: int) -> Any:
        """One user

        The person as the list shows it; never a password.
        """
        return container().users.get(user_id)

    @access(Need.OWNER, scope="users", subject=in_path("user_id"))
    @ns.doc("update_user")
    @ns.expect(wire.user_change)
    @raises(ns, InvalidInput, UserNotFound, EmailTaken, ServerBusy)
    @ns.marshal_with(wire.user)
    def put(self, user_id: int) -> Any:
        """Change a user

        What is left out stays as it is. A new password ends every session of the user, and a lockout.
        """
        body = parse_body(wire.UserChange)
        return container().users.update(
            user_id,
            name=body.name,
            email=body.email,
            password=body.password,
            by_holder=caller().user_id == user_id and caller().role is not Role.ADMIN,
        )

    @access(Need.OWNER, scope="users", subject=in_path("user_id"))
    @ns.doc("delete_user")
    @raises(ns, UserNotFound, LastAdmin)
    @ns.marshal_with(wire.deleted)
    def delete(self, user_id: int) -> Any:
        """Delete a user

        Photos, embeddings, tokens and `dataset/<id>/` go with it. There is no way back.
        """
        container().users.delete(user_id)
        return {"message": "User deleted"}
