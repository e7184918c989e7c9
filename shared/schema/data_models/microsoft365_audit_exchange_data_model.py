"""The methods of the data model for Microsoft365.Audit.Exchange."""

import ipaddress
import re

# The values of panther_event_type_helpers, so that this file needs nothing but Python.
ADMIN_ROLE_ASSIGNED = "admin_role_assigned"
FAILED_LOGIN = "failed_login"
SUCCESSFUL_LOGIN = "successful_login"
USER_ACCOUNT_CREATED = "user_account_created"
USER_ACCOUNT_DELETED = "user_account_deleted"
USER_GROUP_CREATED = "user_group_created"
USER_GROUP_DELETED = "user_group_deleted"
USER_GROUP_MODIFIED = "user_group_modified"
USER_ROLE_CREATED = "user_role_created"
USER_ROLE_DELETED = "user_role_deleted"
USER_ROLE_MODIFIED = "user_role_modified"

# Operations in small letters.
EVENT_TYPES = {
    "add-distributiongroupmember": USER_GROUP_MODIFIED,
    "add-rolegroupmember": ADMIN_ROLE_ASSIGNED,
    "mailboxlogin": SUCCESSFUL_LOGIN,
    "new-distributiongroup": USER_GROUP_CREATED,
    "new-mailbox": USER_ACCOUNT_CREATED,
    "new-managementrole": USER_ROLE_CREATED,
    "new-managementroleassignment": ADMIN_ROLE_ASSIGNED,
    "new-rolegroup": USER_ROLE_CREATED,
    "remove-distributiongroup": USER_GROUP_DELETED,
    "remove-distributiongroupmember": USER_GROUP_MODIFIED,
    "remove-mailbox": USER_ACCOUNT_DELETED,
    "remove-managementrole": USER_ROLE_DELETED,
    "remove-managementroleassignment": USER_ROLE_MODIFIED,
    "remove-rolegroup": USER_ROLE_DELETED,
    "remove-rolegroupmember": USER_ROLE_MODIFIED,
    "set-distributiongroup": USER_GROUP_MODIFIED,
    "set-managementrole": USER_ROLE_MODIFIED,
    "set-rolegroup": USER_ROLE_MODIFIED,
    "update-distributiongroupmember": USER_GROUP_MODIFIED,
    "update-rolegroupmember": USER_ROLE_MODIFIED,
}

# The parameter of a cmdlet that names the role it gives, and the one that names the user who is given it.
ROLES = {"add-rolegroupmember": "Identity", "new-managementroleassignment": "Role"}
MEMBERS = {"add-rolegroupmember": "Member", "new-managementroleassignment": "User"}

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


def member(value, name):
    """Return a member of a value that may be no object at all."""
    return value.get(name) if hasattr(value, "get") else None


def pairs(values, name):
    """Return the pairs of a list that have this name."""
    return [pair for pair in values or [] if member(pair, "Name") == name]


def pair_text(values, name, field):
    """Return the first text that a pair of this name has."""
    return first_text(*[member(pair, field) for pair in pairs(values, name)])


def has_failed(event):
    """Return True if the result says that the operation failed."""
    return (text(event.get("ResultStatus")) or "").lower() in ("failed", "failure", "false")


def operation_of(event):
    """Return the operation in small letters."""
    return (text(event.get("Operation")) or "").lower()


def parameter(event, names):
    """Return the parameter that a table names for the operation."""
    name = names.get(operation_of(event))
    return pair_text(event.get("Parameters"), name, "Value") if name else None


def get_user(event):
    return first_text(
        event.get("MailboxOwnerUPN"),
        event.get("SendAsUserSmtp"),
        event.get("SendOnBehalfOfUserSmtp"),
        parameter(event, MEMBERS),
    )


def get_assigned_admin_role(event):
    return None if has_failed(event) else parameter(event, ROLES)


def get_event_type(event):
    event_type = EVENT_TYPES.get(operation_of(event))
    if not has_failed(event):
        return event_type
    return FAILED_LOGIN if event_type == SUCCESSFUL_LOGIN else None


def addresses(event):
    return [event.get("ClientIPAddress"), event.get("ClientIP"), event.get("ActorIP")]


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
