"""The parts of `os` that need no operating system. Everything else is missing, and the environment is empty."""

name = "posix"
sep = "/"
altsep = None
extsep = "."
pathsep = ":"
linesep = "\n"
curdir = "."
pardir = ".."
devnull = "/dev/null"
environ = {}


class PathLike:
    """Something that stands for a path."""


def fspath(path):
    """Return a path as it is."""
    if isinstance(path, (str, bytes)):
        return path
    raise TypeError("expected str or bytes, not " + type(path).__name__)


def fsencode(filename):
    """Return a path as bytes."""
    return filename if isinstance(filename, bytes) else fspath(filename).encode("utf-8", "surrogateescape")


def fsdecode(filename):
    """Return a path as text."""
    return filename if isinstance(filename, str) else fspath(filename).decode("utf-8", "surrogateescape")


def getenv(key, default=None):
    """Return the default: the environment is empty."""
    return environ.get(key, default)


def urandom(size):
    """Fail: the operating system's random numbers are out of reach."""
    import _guard

    raise _guard.NotAvailable("os.urandom is not available to methods")


import posixpath as path  # noqa: E402

import sys  # noqa: E402

sys.modules["os.path"] = path
