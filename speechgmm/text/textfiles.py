"""The text of files that people and other programs write: UTF-8, or UTF-16 with a byte order mark."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

UTF8, UTF16 = "UTF-8", "UTF-16"

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""The first bytes of .xlsx and .ods files, which are zip archives, and of .xls files."""


class NotTextError(ValueError):
    """The content of a file is no text; the message ends a sentence about the file."""


def decoded(content: bytes) -> tuple[str, str]:
    """Decode the content of a text file.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    text : str
        Without the byte order mark. Bytes that are not UTF-8 stay, as the error handler ``surrogateescape`` encodes
        them: `undecoded` finds them.
    encoding : str
        `UTF8` or `UTF16`.

    Raises
    ------
    NotTextError
        If it is a workbook of a spreadsheet or another binary file, or not the UTF-16 that it claims to be.
    """
    if content.startswith(_WORKBOOKS):
        raise NotTextError("it is a workbook of a spreadsheet or an archive, save the sheet as CSV (UTF-8)")
    encoding = UTF16 if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else UTF8
    try:
        text = content.decode("utf-16") if encoding == UTF16 else content.decode("utf-8-sig", "surrogateescape")
    except UnicodeDecodeError as error:
        raise NotTextError("it is not valid UTF-16 as its first bytes say, save the file as UTF-8") from error
    if "\0" in text:
        raise NotTextError("it is no text (it has null bytes), save the file as UTF-8")
    return text, encoding


def undecoded(text: str) -> Iterator[tuple[int, str]]:
    """Lines of a decoded text, from 1, that have bytes which are not UTF-8, each with what is wrong there."""
    for line, content in enumerate(io.StringIO(text, newline=""), start=1):
        try:
            content.encode()
        except UnicodeEncodeError as error:
            byte = ord(content[error.start]) - 0xDC00  # encoded by the error handler "surrogateescape"
            yield line, f"the byte {byte:#04x} is not UTF-8, save the file as UTF-8"
