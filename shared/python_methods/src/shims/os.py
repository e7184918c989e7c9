"""The parts of `os` that need no operating system. Everything else is missing, and methods have no environment."""

import _guard

name = "posix"
sep = "/"
altsep = None
extsep = "."
pathsep = ":"
linesep = "\n"
curdir = "."
pardir = ".."
devnull = "/dev/null"


class _Environment(dict):
    """An empty environment. Only helpers may use it, and only while they are loaded."""

    def _look(self):
        if not _guard.loading_helpers:
            raise _guard.NotAvailable("the environment (os.environ) is not available to methods")

    def __getitem__(self, key):
        self._look()
        return dict.__getitem__(self, key)

    def __contains__(self, key):
        self._look()
        return False

    def get(self, key, default=None):
        self._look()
        return default

    def __iter__(self):
        self._look()
        return iter(())

    def __len__(self):
        self._look()
        return 0

    def _all(self):
        self._look()
        return ()

    keys = values = items = copy = _all


environ = _Environment()


class PathLike:
    """An object that represents a path."""


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
    """Return the default while a helper is loaded. Fail in methods, which have no environment."""
    return environ.get(key, default)


def urandom(size):
    """Fail, because methods may not use the random numbers of the operating system."""
    raise _guard.NotAvailable("os.urandom is not available to methods")


import posixpath as path  # noqa: E402

import sys  # noqa: E402

sys.modules["os.path"] = path
