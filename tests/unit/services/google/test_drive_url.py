"""Links of folders."""

from __future__ import annotations

import pytest

from app.errors import InvalidDriveUrl
from app.services.google.drive_url import DriveFolder, file_url, parse_drive_url

ID = "1AbCdEfGhIjKlMnOpQrStUvWxYz_-0123"

GOOD = [
    f"https://drive.google.com/drive/folders/{ID}",
    f"https://drive.google.com/drive/folders/{ID}/",
    f"https://drive.google.com/drive/folders/{ID}?usp=sharing",
    f"https://drive.google.com/drive/folders/{ID}?usp=drive_link#grid",
    f"http://drive.google.com/drive/folders/{ID}",
    f"  https://drive.google.com/drive/folders/{ID}\n",
    f"drive.google.com/drive/folders/{ID}",
    f"HTTPS://Drive.Google.com/drive/folders/{ID}",
    f"https://drive.google.com/drive/u/0/folders/{ID}",
    f"https://drive.google.com/drive/u/12/folders/{ID}?hl=id",
    f"https://drive.google.com/drive/mobile/folders/{ID}",
    f"https://drive.google.com/drive/u/1/mobile/folders/{ID}",
    f"https://drive.google.com/a/firm.example/drive/folders/{ID}",
    f"https://drive.google.com/open?id={ID}",
    f"https://drive.google.com/open?usp=drive_fs&id={ID}",
    f"https://drive.google.com/u/0/open?id={ID}",
    f"https://drive.google.com/folderview?id={ID}&usp=sharing",
    f"https://drive.google.com/embeddedfolderview?id={ID}#list",
    f"https://docs.google.com/folderview?id={ID}",
    f"https://drive.google.com/#folders/{ID}",
]


@pytest.mark.parametrize("url", GOOD)
def test_every_usual_form_leads_to_the_folder(url):
    assert parse_drive_url(url) == DriveFolder(ID, None)


def test_the_resource_key_of_an_old_link_is_kept():
    url = f"https://drive.google.com/drive/folders/{ID}?resourcekey=0-AbC_d-E&usp=sharing"
    assert parse_drive_url(url) == DriveFolder(ID, "0-AbC_d-E")
    assert parse_drive_url(f"https://drive.google.com/open?id={ID}&resourcekey=a/b,c/d").resource_key is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "   ",
        ID,
        "wedding",
        "https://drive.google.com",
        "https://drive.google.com/drive/my-drive",
        "https://drive.google.com/drive/folders/",
        "https://drive.google.com/drive/folders/short",
        f"https://drive.google.com/drive/folders/{ID}'%20or%20'a",
        f"https://drive.google.com/drive/folders/{ID}/../../x",
        f"https://drive.google.com/drive/folders/{ID}/{ID}",
        "https://drive.google.com/open",
        "https://drive.google.com/open?id=",
        "https://drive.google.com/open?id=../../secret_file",
        f"https://drive.google.com/file/d/{ID}/view",
        f"https://evil.example/drive/folders/{ID}",
        f"https://drive.google.com.evil.example/drive/folders/{ID}",
        f"https://evil.example/https://drive.google.com/drive/folders/{ID}",
        f"https://evil.example#@drive.google.com/drive/folders/{ID}",
        f"https://user:secret@drive.google.com/drive/folders/{ID}",
        f"https://drive.google.com@evil.example/drive/folders/{ID}",
        f"https://drive.google.com:8443/drive/folders/{ID}",
        f"https://drive.google.com:x/drive/folders/{ID}",
        f"https://169.254.169.254/drive/folders/{ID}",
        f"http://localhost/drive/folders/{ID}",
        f"file://drive.google.com/drive/folders/{ID}",
        f"javascript://drive.google.com/drive/folders/{ID}",
        f"https://[::1/drive/folders/{ID}",
        f"https://drıve.google.com/drive/folders/{ID}",
        f"https://drive.google.com/drive/folders/{ID}\x00",
        f"https://drive.google.com/drive/folders/{ID}\r\nHost: evil.example",
        f"https://drive.google.com/drive/folders/{'a' * 3000}",
        f"https://drive.google.com/open?{'a=1&' * 400}id={ID}",
        "https://www.dropbox.com/sh/abc/def",
    ],
)
def test_anything_else_is_no_folder(url):
    with pytest.raises(InvalidDriveUrl) as told:
        parse_drive_url(url)
    assert told.value.errors.keys() == {"drive_url"}


def test_a_file_is_looked_at_in_drive():
    assert file_url("abc", None) == "https://drive.google.com/file/d/abc/view"
    assert file_url("abc", "0-k") == "https://drive.google.com/file/d/abc/view?resourcekey=0-k"
