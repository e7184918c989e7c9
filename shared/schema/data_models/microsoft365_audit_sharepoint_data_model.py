"""The methods of the data model for Microsoft365.Audit.SharePoint."""

import ipaddress
import re

# The values of panther_event_type_helpers, so that this file needs nothing but Python.
ADMIN_ROLE_ASSIGNED = "admin_role_assigned"
USER_GROUP_CREATED = "user_group_created"
USER_GROUP_DELETED = "user_group_deleted"
USER_GROUP_MODIFIED = "user_group_modified"
USER_ROLE_CREATED = "user_role_created"
USER_ROLE_DELETED = "user_role_deleted"
USER_ROLE_MODIFIED = "user_role_modified"

# Operations in small letters.
EVENT_TYPES = {
    "addedtogroup": USER_GROUP_MODIFIED,
    "groupadded": USER_GROUP_CREATED,
    "groupremoved": USER_GROUP_DELETED,
    "groupupdated": USER_GROUP_MODIFIED,
    "permissionleveladded": USER_ROLE_CREATED,
    "permissionlevelmodified": USER_ROLE_MODIFIED,
    "permissionlevelremoved": USER_ROLE_DELETED,
    "removedfromgroup": USER_GROUP_MODIFIED,
    "sitecollectionadminadded": ADMIN_ROLE_ASSIGNED,
    "sitecollectionadminremoved": USER_ROLE_MODIFIED,
}

# White space as Unicode defines it, without the separators of ASCII that Python adds.
SPACE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
SEPARATOR = re.compile(f"[,;{SPACE}]")
# The number or the name of a network interface.
ZONE = re.compile(f"[^\\[\\]%:/\\\\\"{SPACE}\x00-\x1f\x7f-\x9f]+")


def text(value):
    """Return a text that is not empty, or nothing."""
    return value if isinstance(value, str) and value else None


def first_text(*values):
    """Return the first value that is a text and not empty."""
    return next((value for value in values if text(value)), None)


def has_failed(event):
    """Return True if the result says that the operation failed."""
    return (text(event.get("ResultStatus")) or "").lower() in ("failed", "failure", "false")


def get_user(event):
    return first_text(event.get("TargetUserOrGroupName"), event.get("UserSharedWith"))


def get_event_type(event):
    operation = (text(event.get("Operation")) or "").lower()
    return None if has_failed(event) else EVENT_TYPES.get(operation)


def get_assigned_admin_role(event):
    return "Site Collection Administrator" if get_event_type(event) == ADMIN_ROLE_ASSIGNED else None


def addresses(event):
    return [event.get("ClientIP")]


def get_source_ip(event):
    return source(addresses(event))[0]


def get_source_port(event):
    return source(addresses(event))[1]


def port_of(value):
    """Return the number of a port, or nothing."""
    digits = re.fullmatch("0*([0-9]{1,5})", value)
    port = int(digits.group(1)) if digits else None
    return port if port is not None and port <= 65535 else None


def is_address(value):
    """Return True for an IP address without zone, port and brackets."""
    try:
        return "%" not in value and bool(ipaddress.ip_address(value))
    except ValueError:
        return False


def without_zone(value):
    """Return an address without the zone that may follow it, or nothing."""
    address, percent, zone = value.partition("%")
    is_valid = not percent or ZONE.fullmatch(zone)
    return address if is_valid and is_address(address) else None


def address_in_brackets(value):
    """Return the address and the port of `[address]`, `[address]:port` and `[address]%zone:port`."""
    inner, bracket, after = value[1:].partition("]")
    address = without_zone(inner) if bracket else None
    if address is None:
        return None
    if not after or (after[0] == "%" and ZONE.fullmatch(after[1:])):
        return address, None
    if after[0] == "%":
        zone, _, port = after[1:].rpartition(":")
        port = port_of(port) if ZONE.fullmatch(zone) else None
    else:
        port = port_of(after[1:]) if after[0] in ":-" else None
    return None if port is None else (address, port)


def address_and_port(value):
    """Return the address and the port of a text with one address in any of its usual forms."""
    if value.startswith("["):
        return address_in_brackets(value)
    address = without_zone(value)
    if address is not None:
        return address, None
    split = max(value.rfind(":"), value.rfind("-"))
    port = port_of(value[split + 1 :]) if split >= 0 else None
    address = without_zone(value[:split]) if port is not None else None
    return None if address is None else (address, port)


def source(values):
    """Return the first address in the values, which may be lists of addresses, and its port."""
    parts = [part for value in values if text(value) for part in SEPARATOR.split(value)]
    found = [address_and_port(part) for part in parts]
    return next((address for address in found if address), (None, None))
