"""The tabs, in the order in which they are shown.

A new tab is one entry here, one template ``templates/tabs/<key>.html`` and one module ``static/js/tabs/<key>.js``.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import LazyString, lazy_gettext


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab."""

    #: names its template, its script and its elements.
    key: str
    #: its address
    path: str
    #: of Bootstrap Icons
    icon: str
    title: LazyString
    #: In token mode the tab asks to sign in first: everything it does belongs to somebody.
    needs_session: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """Tabs that belong together."""

    key: str
    title: LazyString
    tabs: tuple[Tab, ...]


GROUPS = (
    Group(
        "people",
        lazy_gettext("People"),
        (
            Tab("users", "/users", "people", lazy_gettext("Users")),
            Tab("photos", "/photos", "images", lazy_gettext("Photos")),
            Tab("build", "/build", "database-gear", lazy_gettext("Database Build")),
        ),
    ),
    Group(
        "events",
        lazy_gettext("Photos of an event"),
        (Tab("events", "/events", "calendar-heart", lazy_gettext("Events")),),
    ),
    Group(
        "faces",
        lazy_gettext("Faces"),
        (
            Tab("recognition", "/recognition", "person-bounding-box", lazy_gettext("Recognition")),
            Tab(
                "verification", "/verification", "person-check", lazy_gettext("Face Verification"), needs_session=False
            ),
            Tab("account", "/account", "key", lazy_gettext("Password Login"), needs_session=False),
        ),
    ),
    Group(
        "sorting",
        lazy_gettext("Dogs and coughs"),
        (
            Tab("breed", "/breed", "search-heart", lazy_gettext("Breed"), needs_session=False),
            Tab("cough", "/cough", "soundwave", lazy_gettext("Cough"), needs_session=False),
            Tab("history", "/history", "clock-history", lazy_gettext("History")),
        ),
    ),
    Group(
        "server",
        lazy_gettext("Server"),
        (Tab("status", "/status", "activity", lazy_gettext("Status"), needs_session=False),),
    ),
)
TABS = tuple(tab for group in GROUPS for tab in group.tabs)
