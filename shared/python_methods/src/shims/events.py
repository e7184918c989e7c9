"""The types of the events that methods get: read-only, and keys are found in any letter case."""

from collections.abc import Mapping, Sequence
from copy import deepcopy


def frozen(value):
    """Return a read-only view of a dict or a list, and any other value unchanged."""
    if type(value) is dict:
        return ImmutableCaseInsensitiveDict(value)
    if type(value) is list:
        return ImmutableList(value)
    return value


class ImmutableContainerMixin:
    """The base class of read-only dicts and lists."""

    def __repr__(self):
        return f"{type(self).__name__}({self._container})"

    def __len__(self):
        return len(self._container)

    def __iter__(self):
        return iter([frozen(item) for item in self._container])


class ImmutableCaseInsensitiveDict(ImmutableContainerMixin, Mapping):
    """A read-only dict that finds an exact key, or else the first key that differs only in letter case."""

    def __init__(self, container):
        self._container = container.copy() if hasattr(type(container), "copy") else container

    @classmethod
    def mutable_type(cls):
        return dict

    def __getitem__(self, key):
        container = self._container
        if key in container or not container:
            return frozen(container[key])
        wanted = key.lower()
        for name in container:
            if name.lower() == wanted:
                return frozen(container[name])
        raise KeyError(key)

    def copy(self):
        """Return a deep copy that can be changed."""
        return dict(deepcopy(self._container))

    def to_dict(self):
        """Return a deep copy that can be changed."""
        return self.copy()

    def raw_view(self):
        """Return the dict itself."""
        return self._container

    def deep_get(self, *keys, default=None):
        """Return the value at the end of a chain of keys, or the default."""
        value = self
        for key in keys:
            value = value.get(key, default) if isinstance(value, Mapping) else default
        return default if value is None else value


class ImmutableList(ImmutableContainerMixin, Sequence):
    """A read-only list."""

    def __init__(self, container):
        self._container = tuple(container)

    @classmethod
    def mutable_type(cls):
        return list

    def __getitem__(self, index):
        return frozen(self._container[index])

    def __eq__(self, other):
        if isinstance(other, ImmutableList):
            return self._container == other._container
        if isinstance(other, (tuple, list)):
            return self._container == tuple(other)
        return False

    def copy(self):
        """Return a deep copy that can be changed."""
        return list(deepcopy(self._container))

    def as_list(self):
        """Return a deep copy that can be changed."""
        return self.copy()


class PantherEvent(ImmutableCaseInsensitiveDict):
    """The event type of rules, which helpers may import. Methods get an `ImmutableCaseInsensitiveDict`."""


def json_encoder(value):
    """Return the plain dict or list behind a read-only one, for `json.dumps`."""
    if isinstance(value, ImmutableContainerMixin):
        return value._container
    raise TypeError(f"object of type {type(value)} is not JSON serializable")
