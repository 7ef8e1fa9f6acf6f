"""300 malformed uploads, the same ones at every run."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator

from PIL import Image as PillowImage

from tests import pictures
from tests.forms import BOUNDARY, END, FORM, part
from tests.pictures import encode, gradient, jpeg, png, png_chunk, png_header

#: name of the case, file name, content
File = tuple[str, bytes, bytes]
#: name of the case, body, Content-Type
Request = tuple[str, bytes, str]


def _truncated() -> Iterator[File]:
    kinds = {"jpeg": jpeg(120, 90), "progressive": jpeg(120, 90, progressive=True), "png": png(120, 90)}
    for kind, data in kinds.items():
        for cut in range(20):
            yield f"{kind} cut to {cut}/20", f"{kind}.jpg".encode(), data[: len(data) * cut // 20]
        for missing in (1, 2, 13):
            yield f"{kind} without its last {missing}", f"{kind}.jpg".encode(), data[:-missing]


def _flipped() -> Iterator[File]:
    rng = random.Random(20_250_101)
    kinds = {
        "jpeg": jpeg(),
        "progressive": jpeg(progressive=True),
        "png": png(),
        "palette": encode(gradient(), "PNG", "P"),
        "cmyk": encode(gradient(), "JPEG", "CMYK"),
    }
    for kind, data in kinds.items():
        for number in range(18):
            damaged = bytearray(data)
            # The first ones hit the header, where it hurts most.
            reach = 200 if number < 9 else len(data)
            for _ in range(rng.randint(1, 12)):
                damaged[rng.randrange(reach)] ^= 1 << rng.randrange(8)
            yield f"{kind} with flipped bits {number}", f"{kind}{number}.jpg".encode(), bytes(damaged)


def _bombs() -> Iterator[File]:
    end = png_chunk(b"IEND", b"")
    zeros = zlib.compress(bytes(20_000_000), 9)
    for width, height in ((60_000, 60_000), (2**31 - 1, 1), (2**32 - 1, 2**32 - 1), (0, 0), (0, 100), (100_000, 32)):
        yield f"png of {width}x{height}", b"bomb.png", png_header(width, height) + png_chunk(b"IDAT", zeros[:500]) + end
    yield "png with too many rows", b"rows.png", png_header(40, 40) + png_chunk(b"IDAT", zeros) + end
    yield "png, interlaced, empty", b"i.png", png_header(7000, 7000, interlace=1) + png_chunk(b"IDAT", b"") + end
    for bits, colour in ((3, 0), (16, 3), (8, 1), (255, 255), (1, 2), (0, 0)):
        header = png_header(64, 64, bits=bits, colour=colour)
        yield f"png of {bits} bits, colour {colour}", b"c.png", header + png_chunk(b"IDAT", zeros[:200]) + end
    for kind, head in ((b"zTXt", b"k\0\0"), (b"iTXt", b"k\0\x01\0\0\0"), (b"iCCP", b"p\0\0"), (b"eXIf", b"II*\0")):
        yield f"png with a bomb in {kind!r}", b"t.png", pictures.insert_chunk(png(), kind, head + zeros)
    for kind in (
        b"IHDR",
        b"PLTE",
        b"tRNS",
        b"IDAT",
        b"acTL",
        b"fcTL",
        b"fdAT",
        b"ABCD",
        b"\0\0\0\0",
        b"\xff\xfe\xfd\xfc",
    ):
        yield f"png with a strange {kind!r}", b"s.png", pictures.insert_chunk(png(), kind, b"\xff" * 50)
    yield "png with a long chunk", b"l.png", png()[:33] + b"\xff\xff\xff\xffIDAT"
    yield "png of 60000 chunks", b"n.png", png()[:33] + png_chunk(b"teSt", b"") * 60_000 + png()[33:]
    frame = jpeg()
    at = frame.index(b"\xff\xc0")
    for width, height in ((65_500, 65_500), (0, 0), (1, 65_535), (80, 0)):
        sized = frame[: at + 5] + struct.pack(">HH", height, width) + frame[at + 9 :]
        yield f"jpeg of {width}x{height}", b"bomb.jpg", sized
    for offset, value in ((4, 12), (4, 1), (9, 200), (9, 0), (9, 2), (11, 0xFF), (13, 99)):
        odd = bytearray(frame)
        odd[at + offset] = value
        yield f"jpeg with frame byte {offset} = {value}", b"odd.jpg", bytes(odd)
    for marker in (0xC3, 0xC5, 0xC8, 0xCB, 0xDE):
        yield f"jpeg of kind {marker:x}", b"kind.jpg", frame[: at + 1] + bytes((marker,)) + frame[at + 2 :]
    progressive = jpeg(progressive=True)
    scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    yield "jpeg of 2000 scans", b"scans.jpg", progressive[:-2] + scan * 2000 + progressive[-2:]
    yield "jpeg of 50000 exif blocks", b"exif.jpg", frame[:2] + b"\xff\xe1\0\x09Exif\0\0x" * 50_000 + frame[2:]
    yield "jpeg with two frames", b"two.jpg", frame[:at] + frame[at:] + frame[2:]


def _disguised() -> Iterator[File]:
    for kind in ("GIF", "BMP", "TIFF", "WEBP", "ICO", "PPM", "TGA", "PDF", "JPEG2000", "EPS", "PCX", "DDS"):
        yield f"{kind} as jpg", b"photo.jpg", encode(gradient(), kind)
    texts = {
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        "html": b"<html><script>alert(1)</script>",
        "zip": b"PK\x03\x04" + bytes(60),
        "elf": b"\x7fELF" + bytes(60),
        "php": b"<?php system($_GET[0]); ?>",
        "json": b'{"file": 1}',
        "nothing": b"",
        "one byte": b"\xff",
        "zeros": bytes(5000),
        "start of jpeg": b"\xff\xd8\xff",
        "start of png": b"\x89PNG\r\n\x1a\n",
        "markers": b"\xff\xd8" + b"\xff" * 5000,
        "noise": random.Random(1).randbytes(5000),
        "jpeg of noise": b"\xff\xd8\xff" + random.Random(2).randbytes(5000),
        "png of noise": b"\x89PNG\r\n\x1a\n" + random.Random(3).randbytes(5000),
    }
    for kind, data in texts.items():
        yield f"{kind} as jpg", b"photo.jpg", data
    # Two things at once: a picture in front of, behind or inside something else.
    yield "gif before jpeg", b"p.jpg", b"GIF89a" + jpeg()
    yield "html before png", b"p.png", b"<html>" + png()
    yield "jpeg and zip", b"p.jpg", jpeg() + b"PK\x03\x04" + bytes(100)
    yield "png and html", b"p.html", png() + b"<script>alert(1)</script>"
    yield "html inside jpeg", b"p.html", pictures.insert_segment(jpeg(), 0xFE, b"<script>alert(1)</script>")
    yield "png inside jpeg", b"p.jpg", pictures.insert_segment(jpeg(), 0xE0, png()[:300])
    yield "tiny", b"tiny.png", png(1, 1)
    yield "strip", b"strip.png", png(4000, 33)
    buffer = io.BytesIO()
    still = PillowImage.fromarray(gradient())
    still.save(buffer, "PNG", save_all=True, append_images=[still.rotate(n) for n in range(1, 5)])
    yield "animation", b"a.png", buffer.getvalue()


def _named() -> Iterator[File]:
    names = [
        b"../../../etc/passwd",
        b"..\\..\\boot.ini",
        b"/etc/passwd",
        b"nul\0byte.jpg",
        b"\xff\xfe\xfd.jpg",
        "\u202egpj.exe".encode(),
        b"x" * 5000 + b".jpg",
        b".",
        b"..",
        b"/",
        b"CON",
        b"a;b=c.jpg",
        b"%00%2e%2e%2f.jpg",
        b"<script>.jpg",
        "\U0001f600\u200d\U0001f600.jpg".encode(),
        b"new\nline.jpg",
        b"'; DROP TABLE photos; --.jpg",
    ]
    for name in names:
        yield f"picture named {name[:20]!r}", name, jpeg()


def _broken_forms(field: str, lead: bytes) -> Iterator[Request]:
    good = lead + part(field, b"a.jpg", jpeg())
    whole = good + END
    yield "no body", b"", FORM
    yield "no end", good, FORM
    yield "only the end", END, FORM
    yield "no file", lead + END, FORM
    yield "no filename", lead + part(field, None, jpeg()) + END, FORM
    yield "empty filename", lead + part(field, b"", b"") + END, FORM
    yield "empty filename with content", lead + part(field, b"", jpeg()) + END, FORM
    yield "another field", lead + part("picture", b"a.jpg", jpeg()) + END, FORM
    yield "field without a name", lead + part("", b"a.jpg", jpeg()) + END, FORM
    yield "no boundary told", whole, "multipart/form-data"
    yield "another boundary told", whole, "multipart/form-data; boundary=other"
    yield "an empty boundary", whole, "multipart/form-data; boundary="
    yield "a very long boundary", whole, "multipart/form-data; boundary=" + "x" * 5000
    yield "a quoted boundary", whole, f'multipart/form-data; boundary="{BOUNDARY}'
    yield "json told", whole, "application/json"
    yield "a form of another kind told", whole, "application/x-www-form-urlencoded"
    yield "nothing told", whole, ""
    yield "rubbish told", whole, "\u00ff/;;=,"
    yield "a bare picture", jpeg(), "image/jpeg"
    yield "mixed", whole, f"multipart/mixed; boundary={BOUNDARY}"
    yield "line feeds only", whole.replace(b"\r\n", b"\n"), FORM
    yield "no headers in the part", b"--" + BOUNDARY.encode() + b"\r\n\r\n" + jpeg() + b"\r\n" + END, FORM
    yield "a strange disposition", good.replace(b"form-data;", b"attachment; ;;=;") + END, FORM
    yield "a header without end", b"--" + BOUNDARY.encode() + b"\r\nX: " + b"y" * 200_000, FORM
    yield "a nul in a header", lead + part(field, b"a.jpg", jpeg(), b"X-\0: y\r\n") + END, FORM
    yield (
        "a transfer encoding",
        lead + part(field, b"a.jpg", jpeg(), b"Content-Transfer-Encoding: base64\r\n") + END,
        FORM,
    )
    yield (
        "an unknown charset",
        lead + part(field, b"a.jpg", jpeg(), b"Content-Type: text/plain; charset=x\r\n") + END,
        FORM,
    )
    yield "2000 parts", part("x", None, b"1") * 2000 + good + END, FORM
    yield "a form inside the form", lead + part(field, b"a.jpg", whole) + END, FORM
    yield "filename* of an unknown charset", good.replace(b'filename="a.jpg"', b"filename*=klingon''%ff%fe") + END, FORM
    yield "filename* of broken utf-8", good.replace(b'filename="a.jpg"', b"filename*=UTF-8''%ff%fe.jpg") + END, FORM
    for cut in range(1, 12):
        yield f"form cut at {cut}/12", whole[: len(whole) * cut // 12], FORM


def malformed_requests(field: str, lead: bytes = b"") -> list[Request]:
    """Every case as a request body.

    :param field: name of the file's form field.
    :param lead: parts in front of it.
    """
    makers: list[Callable[[], Iterator[File]]] = [_truncated, _flipped, _bombs, _disguised, _named]
    requests = [
        (name, lead + part(field, filename, data, b"Content-Type: image/jpeg\r\n") + END, FORM)
        for make in makers
        for name, filename, data in make()
    ]
    return requests + list(_broken_forms(field, lead))
