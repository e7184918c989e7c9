"""The parts of `io` that work in memory only."""

import _io
from _io import BytesIO, StringIO, UnsupportedOperation

DEFAULT_BUFFER_SIZE = 8192
SEEK_SET, SEEK_CUR, SEEK_END = 0, 1, 2
IOBase = _io._IOBase
RawIOBase = _io._RawIOBase
BufferedIOBase = _io._BufferedIOBase
TextIOBase = _io._TextIOBase
TextIOWrapper = _io.TextIOWrapper
BufferedReader = _io.BufferedReader
BufferedWriter = _io.BufferedWriter
BlockingIOError = BlockingIOError


def open(*arguments, **options):
    """Fail, because methods may not open files."""
    import _guard

    raise _guard.NotAvailable("files are not available to methods")


open_code = open


def text_encoding(encoding, stacklevel=2):
    """Return the encoding, or the default one for `None`."""
    return encoding or "utf-8"
