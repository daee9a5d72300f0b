"""Names what bytes are that are no image which is read here, for whoever sent them."""

_KINDS = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
)
_NUM_SHOWN = 32


def kind_of_foreign_bytes(content: bytes) -> str:
    """Return what the bytes are, or how they begin.

    >>> kind_of_foreign_bytes(b"GIF89a...")
    'a GIF'
    >>> kind_of_foreign_bytes(b'{"image": "cat.jpg"}')
    'the text \\'{"image": "cat.jpg"}\\''
    >>> kind_of_foreign_bytes(bytes(3))
    'bytes that begin with 00 00 00'
    """
    for magic, kind in _KINDS:
        if content.startswith(magic):
            return kind
    if content[4:8] == b"ftyp":
        return f"a file of the kind {content[8:12].decode('latin-1').strip()!r}, as videos are"
    begin = content[:_NUM_SHOWN]
    if begin.isascii() and (text := begin.decode()).replace("\n", "").replace("\r", "").isprintable():
        return f"the text {text!r}"
    return f"bytes that begin with {begin[:8].hex(' ')}"
