"""The most used functions of Panther's helper of this name, for sets of models that do not have it."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from ipaddress import ip_address, ip_network


def deep_get(dictionary, *keys, default=None):
    """Return the value at the end of a chain of keys, or the default if a key is missing or the value is `None`."""
    value = dictionary
    for key in keys:
        value = value.get(key, default) if isinstance(value, Mapping) else default
    return default if value is None else value


def _is_list(value):
    return isinstance(value, Sequence) and not isinstance(value, str)


def _holds_nothing(value):
    return _is_list(value) and all(_holds_nothing(item) for item in value)


def deep_walk(obj, *keys, default=None, return_val="all"):
    """Return the values at the end of a chain of keys, also inside lists: the first, the last or all of them."""
    if not keys:
        return default if _holds_nothing(obj) else obj
    if isinstance(obj, Mapping):
        below = obj.get(keys[0], None)
        return default if below is None else deep_walk(below, *keys[1:], default=default, return_val=return_val)
    found = {}
    for item in obj if _is_list(obj) else ():
        value = deep_walk(item, *keys, default=default, return_val=return_val)
        if value is not None:
            found.update(dict.fromkeys(value if _is_list(value) else [value]))
    values = list(found)
    if not values:
        return default
    every = values[0] if len(values) == 1 else values
    return {"first": values[0], "last": values[-1], "all": every}.get(return_val, "all")


def get_val_from_list(list_of_dicts, return_field_key, field_cmp_key, field_cmp_val):
    """Return the set of one field's values in those dicts in which another field has the given value."""
    return {item.get(return_field_key) for item in list_of_dicts if item.get(field_cmp_key) == field_cmp_val}


def is_ip_in_network(ip_addr, networks):
    """Return `True` if an address is in one of the networks."""
    return any(ip_address(ip_addr) in ip_network(network) for network in networks)


def pattern_match(string_to_match, pattern):
    """Return `True` if a text matches a file name pattern such as `a*`."""
    return fnmatch(string_to_match, pattern)


def pattern_match_list(string_to_match, patterns):
    """Return `True` if a text matches one of the file name patterns."""
    return any(fnmatch(string_to_match, pattern) for pattern in patterns)


def key_value_list_to_dict(list_objects, key, value):
    """Return one dict made from a list of dicts that have a key and a value each."""
    return {item[key]: item[value] for item in list_objects}
