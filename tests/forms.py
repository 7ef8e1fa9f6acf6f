"""Forms with files, byte for byte: the test client's own builder spools large ones to files that nobody closes."""

from __future__ import annotations

BOUNDARY = "----kenali"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
END = b"--" + BOUNDARY.encode() + b"--\r\n"


def part(field: str, filename: bytes | None, data: bytes, extra: bytes = b"") -> bytes:
    """One part of a form; without a file name it is a plain field."""
    named = b"" if filename is None else b'; filename="' + filename + b'"'
    head = b"--" + BOUNDARY.encode() + b'\r\nContent-Disposition: form-data; name="' + field.encode() + b'"' + named
    return head + b"\r\n" + extra + b"\r\n" + data + b"\r\n"


def form(*files: tuple[str, str, bytes]) -> dict[str, object]:
    """Arguments of a test client's call that send (field, file name, content) each."""
    body = b"".join(part(field, name.encode(), data) for field, name, data in files) + END
    return {"data": body, "content_type": FORM}
