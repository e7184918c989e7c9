"""The methods of the data model for OpenAI.Audit."""

import ipaddress
import re

# The values of panther_event_type_helpers, so that this file needs nothing but Python.
ADMIN_ROLE_ASSIGNED = "admin_role_assigned"
FAILED_LOGIN = "failed_login"
SUCCESSFUL_LOGIN = "successful_login"
SUCCESSFUL_LOGOUT = "successful_logout"
USER_ACCOUNT_CREATED = "user_account_created"
USER_ACCOUNT_DELETED = "user_account_deleted"
USER_ACCOUNT_MODIFIED = "user_account_modified"
USER_GROUP_CREATED = "user_group_created"
USER_GROUP_DELETED = "user_group_deleted"
USER_GROUP_MODIFIED = "user_group_modified"
USER_ROLE_CREATED = "user_role_created"
USER_ROLE_DELETED = "user_role_deleted"
USER_ROLE_MODIFIED = "user_role_modified"

# What an event of this `type` is.
EVENT_TYPES = {
    "group.created": USER_GROUP_CREATED,
    "group.deleted": USER_GROUP_DELETED,
    "group.updated": USER_GROUP_MODIFIED,
    "invite.sent": USER_ACCOUNT_CREATED,
    "login.failed": FAILED_LOGIN,
    "login.succeeded": SUCCESSFUL_LOGIN,
    "logout.succeeded": SUCCESSFUL_LOGOUT,
    "role.assignment.created": USER_ROLE_MODIFIED,
    "role.assignment.deleted": USER_ROLE_MODIFIED,
    "role.created": USER_ROLE_CREATED,
    "role.deleted": USER_ROLE_DELETED,
    "role.updated": USER_ROLE_MODIFIED,
    "service_account.created": USER_ACCOUNT_CREATED,
    "service_account.deleted": USER_ACCOUNT_DELETED,
    "service_account.updated": USER_ACCOUNT_MODIFIED,
    "tenant.custom_role.created": USER_ROLE_CREATED,
    "tenant.custom_role.deleted": USER_ROLE_DELETED,
    "tenant.custom_role.updated": USER_ROLE_MODIFIED,
    "tenant.group.created": USER_GROUP_CREATED,
    "tenant.group.deleted": USER_GROUP_DELETED,
    "tenant.group.member.added": USER_GROUP_MODIFIED,
    "tenant.group.member.removed": USER_GROUP_MODIFIED,
    "tenant.group.updated": USER_GROUP_MODIFIED,
    "tenant.role_assignment.created": USER_ROLE_MODIFIED,
    "tenant.role_assignment.deleted": USER_ROLE_MODIFIED,
    "tenant.service_account.deleted": USER_ACCOUNT_DELETED,
    "tenant.service_account.updated": USER_ACCOUNT_MODIFIED,
    "tenant.user.added": USER_ACCOUNT_CREATED,
    "tenant.user.invited": USER_ACCOUNT_CREATED,
    "tenant.user.removed": USER_ACCOUNT_DELETED,
    "tenant.user.updated": USER_ACCOUNT_MODIFIED,
    "user.added": USER_ACCOUNT_CREATED,
    "user.deleted": USER_ACCOUNT_DELETED,
    "user.updated": USER_ACCOUNT_MODIFIED,
}

# Where the role stands that an event of this `type` gives.
ROLES = {
    "service_account.created": ("service_account_created", "data", "role"),
    "service_account.updated": ("service_account_updated", "changes_requested", "role"),
    "user.added": ("user_added", "data", "role"),
    "user.updated": ("user_updated", "changes_requested", "role"),
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


def get_actor_user(event):
    return first_text(
        event.deep_get("actor", "session", "user", "email"),
        event.deep_get("actor", "session", "user", "id"),
        event.deep_get("actor", "user", "email"),
        event.deep_get("actor", "user", "id"),
        event.deep_get("actor", "api_key", "user", "email"),
        event.deep_get("actor", "api_key", "user", "id"),
        event.deep_get("actor", "service_account", "id"),
        event.deep_get("actor", "api_key", "service_account", "id"),
    )


def get_user(event):
    return first_text(
        event.deep_get("user", "email"),
        event.deep_get("user", "id"),
        event.deep_get("invite_sent", "data", "email"),
        event.deep_get("role_assignment_created", "principal_id"),
        event.deep_get("role_assignment_deleted", "principal_id"),
        event.deep_get("service_account", "id"),
        event.deep_get("user_added", "id"),
        event.deep_get("user_updated", "id"),
        event.deep_get("user_deleted", "id"),
        event.deep_get("service_account_created", "id"),
        event.deep_get("service_account_updated", "id"),
        event.deep_get("service_account_deleted", "id"),
    )


def get_event_type(event):
    event_type = EVENT_TYPES.get((text(event.get("type")) or "").lower())
    if event_type in (USER_ACCOUNT_MODIFIED, USER_ROLE_MODIFIED) and get_assigned_admin_role(event):
        return ADMIN_ROLE_ASSIGNED
    return event_type


def get_assigned_admin_role(event):
    """Return the role that the event gives, if it is one of an owner or an administrator."""
    kind = text(event.get("type"))
    if kind == "role.assignment.created":
        role = role_of_assignment(text(event.deep_get("role_assignment_created", "id")) or "")
    elif kind in ROLES:
        role = text(event.deep_get(*ROLES[kind]))
    else:
        role = None
    is_admin = role and ("owner" in role.lower() or "admin" in role.lower())
    return role if is_admin else None


def role_of_assignment(assignment):
    """Return the role in the id of an assignment.

    It is `api-owner` in `role_assignment_role-api-owner__organization__org-1_user-2` and in
    `role-api-owner__organization__org-1_user-2`.
    """
    assignment = assignment.removeprefix("role_assignment_")
    if not assignment.startswith("role-"):
        return None
    return assignment.removeprefix("role-").split("_")[0]


def get_source_ip(event):
    return source([event.deep_get("actor", "session", "ip_address")])[0]


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
