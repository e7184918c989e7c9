"""Replaces a package that methods may not use. It and its attributes can be imported, but not used."""

import _guard as _guard_module


class _Absent:
    def __init__(self, name):
        object.__setattr__(self, "_name", name)

    def _refuse(self, *arguments, **options):
        raise _guard_module.NotAvailable(self._name + " is not available to methods")

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return _Absent(self._name + "." + name)

    __call__ = __getitem__ = __iter__ = __bool__ = __len__ = __enter__ = __contains__ = _refuse
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __str__ = _refuse

    def __hash__(self):
        return 0

    def __or__(self, other):
        return self

    __ror__ = __or__

    def __mro_entries__(self, bases):
        return ()


def __getattr__(name):
    if name.startswith("__") and name.endswith("__"):
        raise AttributeError(name)
    return _Absent(__name__ + "." + name)
