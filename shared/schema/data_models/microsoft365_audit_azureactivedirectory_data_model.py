"""The methods of the data model for Microsoft365.Audit.AzureActiveDirectory."""

import ipaddress
import json
import re

# The values of panther_event_type_helpers, so that this file needs nothing but Python.
ADMIN_ROLE_ASSIGNED = "admin_role_assigned"
FAILED_LOGIN = "failed_login"
MFA_DISABLED = "mfa_disabled"
MFA_ENABLED = "mfa_enabled"
MFA_RESET = "mfa_reset"
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

# Operations in small letters, without the full stop that most of them end with.
EVENT_TYPES = {
    "add eligible member to role": ADMIN_ROLE_ASSIGNED,
    "add eligible member to role in pim completed (permanent)": ADMIN_ROLE_ASSIGNED,
    "add eligible member to role in pim completed (timebound)": ADMIN_ROLE_ASSIGNED,
    "add group": USER_GROUP_CREATED,
    "add member to group": USER_GROUP_MODIFIED,
    "add member to role": ADMIN_ROLE_ASSIGNED,
    "add member to role completed (pim activation)": ADMIN_ROLE_ASSIGNED,
    "add member to role in pim completed (permanent)": ADMIN_ROLE_ASSIGNED,
    "add member to role in pim completed (timebound)": ADMIN_ROLE_ASSIGNED,
    "add member to role outside of pim (permanent)": ADMIN_ROLE_ASSIGNED,
    "add owner to group": USER_GROUP_MODIFIED,
    "add role definition": USER_ROLE_CREATED,
    "add scoped member to role": ADMIN_ROLE_ASSIGNED,
    "add user": USER_ACCOUNT_CREATED,
    "change user license": USER_ACCOUNT_MODIFIED,
    "change user password": USER_ACCOUNT_MODIFIED,
    "delete group": USER_GROUP_DELETED,
    "delete role definition": USER_ROLE_DELETED,
    "delete user": USER_ACCOUNT_DELETED,
    "disable account": USER_ACCOUNT_MODIFIED,
    "disable strong authentication": MFA_DISABLED,
    "enable account": USER_ACCOUNT_MODIFIED,
    "enable strong authentication": MFA_ENABLED,
    "hard delete group": USER_GROUP_DELETED,
    "hard delete user": USER_ACCOUNT_DELETED,
    "invite external user": USER_ACCOUNT_CREATED,
    "remove eligible member from role": USER_ROLE_MODIFIED,
    "remove member from group": USER_GROUP_MODIFIED,
    "remove member from role": USER_ROLE_MODIFIED,
    "remove owner from group": USER_GROUP_MODIFIED,
    "remove scoped member from role": USER_ROLE_MODIFIED,
    "reset user password": USER_ACCOUNT_MODIFIED,
    "restore user": USER_ACCOUNT_MODIFIED,
    "set force change user password": USER_ACCOUNT_MODIFIED,
    "set license properties": USER_ACCOUNT_MODIFIED,
    "update group": USER_GROUP_MODIFIED,
    "update role definition": USER_ROLE_MODIFIED,
    "update user": USER_ACCOUNT_MODIFIED,
    "userloggedin": SUCCESSFUL_LOGIN,
    "userloggedoff": SUCCESSFUL_LOGOUT,
    "userloginfailed": FAILED_LOGIN,
}

# The `Type` of an identity that is a user principal name.
PRINCIPAL_NAME = 5
# The `RecordType` of sign-ins by the older account logon.
ACCOUNT_LOGON = 9
# What stands in place of a name that is not known.
PLACEHOLDERS = ("Not Available", "Unknown", "<null>")
# A property with the user's second factors had a value before, and has one now.
MFA_CHANGES = {(False, True): MFA_ENABLED, (True, False): MFA_DISABLED}

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


def known(value):
    """Return a text that is not empty and no placeholder, or nothing."""
    return None if value in PLACEHOLDERS else text(value)


def principal_name(identities):
    """Return the first user principal name in a list of identities."""
    names = [
        known(member(identity, "ID"))
        for identity in identities or []
        if member(identity, "Type") == PRINCIPAL_NAME
    ]
    return first_text(*names)


def get_actor_user(event):
    return known(event.get("UserId")) or principal_name(event.get("Actor"))


def get_user(event):
    target = text(event.get("ObjectId"))
    return principal_name(event.get("Target")) or (target if target and "@" in target else None)


def addresses(event):
    return [event.get("ClientIP"), event.get("ActorIpAddress")]


def get_source_ip(event):
    return source(addresses(event))[0]


def get_source_port(event):
    return source(addresses(event))[1]


def get_user_agent(event):
    properties = event.get("ExtendedProperties")
    user_agent = known(pair_text(properties, "UserAgent", "Value"))
    # A change in the directory has it in an object that is sent as text.
    return user_agent or user_agent_in(pair_text(properties, "additionalDetails", "Value"))


def user_agent_in(details):
    """Return the user agent in the JSON text of an object."""
    try:
        return known(member(json.loads(details or "null"), "User-Agent"))
    except (ValueError, RecursionError):
        return None


def get_event_type(event):
    operation = (text(event.get("Operation")) or "").strip(" .").lower()
    event_type = EVENT_TYPES.get(operation)
    if event_type is None and event.get("RecordType") == ACCOUNT_LOGON and "logon" in operation:
        event_type = SUCCESSFUL_LOGIN
    if event_type == SUCCESSFUL_LOGIN:
        return FAILED_LOGIN if is_failed_login(event) else SUCCESSFUL_LOGIN
    if event_type != FAILED_LOGIN and has_failed(event):
        return None
    if event_type == USER_ACCOUNT_MODIFIED:
        return mfa_change(event.get("ModifiedProperties")) or USER_ACCOUNT_MODIFIED
    return event_type


def is_failed_login(event):
    """Return True if the sign-in that was recorded did not succeed."""
    has_error = known(event.get("LogonError")) or event.get("LoginStatus") not in (None, 0)
    return bool(has_error) or has_failed(event)


def mfa_change(properties):
    """Return the change of the user's second factors, if there is one.

    It is that of the methods which the user has registered, else of the requirement which an administrator has set.
    """
    methods = change(properties, "StrongAuthenticationMethod")
    if methods == (True, True):
        return MFA_RESET
    requirement = change(properties, "StrongAuthenticationRequirement")
    return MFA_CHANGES.get(methods) or MFA_CHANGES.get(requirement)


def change(properties, name):
    """Return if a property that was changed had a value before, and if it has one now."""
    for pair in pairs(properties, name)[:1]:
        old, new = content(member(pair, "OldValue")), content(member(pair, "NewValue"))
        if old != new:
            return bool(old), bool(new)
    return None


def content(value):
    """Return a value without the brackets, quotes and spaces around it: empty for an empty list."""
    return (text(value) or "").strip('[]" \t\r\n')


def get_assigned_admin_role(event):
    if get_event_type(event) != ADMIN_ROLE_ASSIGNED:
        return None
    role = pair_text(event.get("ModifiedProperties"), "Role.DisplayName", "NewValue")
    return text(role.strip('"')) if role else None


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
