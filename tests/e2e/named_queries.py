"""Checks the saved queries of `infra/lake.yaml`: each finds its events in a lake, and no other events.

Athena itself is not available here. sqlglot parses each query in Athena's dialect and translates it to DuckDB's, and
DuckDB runs it on tables with the columns and types of Athena's tables.
"""

import datetime
import gzip
import json
import pathlib
import subprocess
import tempfile

import duckdb
import sqlglot
import yaml
from sqlglot import exp

import tables
from processes import Failed
from steps import must_fail, say

LAKE = pathlib.Path(__file__).resolve().parents[2] / "infra" / "lake.yaml"
NORMALIZE_SECONDS = 30
# The columns that every event of Microsoft 365 needs, besides the ones of the example.
COMMON_FIELDS = {"RecordType": 1, "OrganizationId": "0d1f9f5e-7a4b-4f7e-9f57-2f1d3c0b8a11", "UserType": 0}
MINUTE = 60
AZURE, EXCHANGE, SHAREPOINT, GENERAL = (
    f"Microsoft365.Audit.{name}" for name in ("AzureActiveDirectory", "Exchange", "SharePoint", "General")
)


def openai(type_, **fields):
    actor = {"type": "session", "session": {"user": {"id": "user-1", "email": "ana@example.com"}, "ip_address": "192.0.2.1"}}
    return "OpenAI.Audit", {"type": type_, "actor": actor} | fields


def microsoft365(log_type, operation, **fields):
    return log_type, COMMON_FIELDS | {"Operation": operation, "UserId": "bo@example.com", "ClientIP": "192.0.2.2"} | fields


def parameters(**values):
    return [{"Name": name, "Value": value} for name, value in values.items()]


def role_assignment():
    role = {"Name": "Role.DisplayName", "OldValue": "", "NewValue": "Global Administrator"}
    return microsoft365(AZURE, "Add member to role.", ModifiedProperties=[role], ObjectId="cy@example.com")


def match(*policies):
    details = [{"PolicyId": name, "PolicyName": name, "Rules": []} for name in policies]
    return microsoft365("Microsoft365.DLP.All", "DlpRuleMatch", PolicyDetails=details)


# Events that no query may return.
OTHERS = [
    openai("project.created"),
    openai("api_key.deleted", **{"api_key.deleted": {"id": "key_3"}}),
    microsoft365(AZURE, "Update user."),
    microsoft365(EXCHANGE, "Set-Mailbox", Parameters=parameters(Identity="ceo", ForwardingSmtpAddress="")),
    microsoft365(EXCHANGE, "SoftDelete", Parameters=parameters(ForwardTo="out@example.net")),
    microsoft365(SHAREPOINT, "SharingSet", TargetUserOrGroupType="Member"),
    microsoft365(SHAREPOINT, "FileAccessed"),
    microsoft365(GENERAL, "MessageCreated"),
    microsoft365("Microsoft365.DLP.All", "DlpRuleUndo", PolicyDetails=[{"PolicyId": "p", "PolicyName": "Undone"}]),
]
# For each saved query: the events that it has to find, and the values that its rows must have, in any order of the rows.
EXAMPLES = {
    "sign-ins": (
        [openai("login.succeeded"), openai("login.succeeded"), microsoft365(AZURE, "UserLoggedIn"),
         microsoft365(EXCHANGE, "MailboxLogin"), microsoft365(GENERAL, "TeamsSessionStarted")],
        [{"actor_user": "ana@example.com", "source_ip": "192.0.2.1", "p_log_type": "OpenAI.Audit", "sign_ins": 2},
         *({"actor_user": "bo@example.com", "source_ip": "192.0.2.2", "p_log_type": log_type, "sign_ins": 1}
           for log_type in (AZURE, EXCHANGE, GENERAL))],
    ),
    "failed sign-ins by address": (
        [openai("login.failed"), microsoft365(AZURE, "UserLoginFailed", ClientIP="192.0.2.1"),
         microsoft365(AZURE, "UserLoginFailed")],
        [{"source_ip": "192.0.2.1", "failures": 2, "users": 2}, {"source_ip": "192.0.2.2", "failures": 1, "users": 1}],
    ),
    "new keys (OpenAI)": (
        [openai("tenant.admin_api_key.created"),
         openai("api_key.created", **{"api_key.created": {"id": "key_1", "data": {"scopes": ["a", "b"]}}}),
         openai("api_key.updated", **{"api_key.updated": {"id": "key_2", "changes_requested": {"scopes": ["c"]}}})],
        [{"type": "tenant.admin_api_key.created", "actor_user": "ana@example.com", "key_id": None, "scopes": None},
         {"type": "api_key.created", "key_id": "key_1", "scopes": "a, b"},
         {"type": "api_key.updated", "key_id": "key_2", "scopes": "c"}],
    ),
    "admin roles assigned": (
        [role_assignment(), microsoft365(SHAREPOINT, "SiteCollectionAdminAdded", TargetUserOrGroupName="di@example.com"),
         microsoft365(EXCHANGE, "Add-RoleGroupMember", Parameters=parameters(Identity="Organization Management", Member="ed"))],
        [{"user": "cy@example.com", "assigned_admin_role": "Global Administrator", "actor_user": "bo@example.com"},
         {"user": "di@example.com", "assigned_admin_role": "Site Collection Administrator"},
         {"user": "ed", "assigned_admin_role": "Organization Management"}],
    ),
    "external sharing (SharePoint)": (
        [microsoft365(SHAREPOINT, "SharingSet", TargetUserOrGroupType="Guest", TargetUserOrGroupName="guest@example.net"),
         microsoft365(SHAREPOINT, "AnonymousLinkCreated", ObjectId="https://example.org/x"),
         microsoft365(SHAREPOINT, "SecureLinkUpdated", SharingLinkScope="Anyone")],
        [{"operation": "SharingSet", "shared_with": "guest@example.net", "source_ip": "192.0.2.2"},
         {"operation": "AnonymousLinkCreated", "objectid": "https://example.org/x"}, {"operation": "SecureLinkUpdated"}],
    ),
    "mailbox rules and forwarding (Exchange)": (
        [microsoft365(EXCHANGE, "New-InboxRule", Parameters=parameters(ForwardTo="out@example.net")),
         microsoft365(EXCHANGE, "UpdateInboxRules"),
         microsoft365(EXCHANGE, "Set-Mailbox", Parameters=parameters(Identity="ceo", ForwardingSmtpAddress="smtp:o@example.net"))],
        [{"operation": "New-InboxRule", "userid": "bo@example.com", "parameters": "ForwardTo=out@example.net"},
         {"operation": "UpdateInboxRules"},
         {"operation": "Set-Mailbox", "parameters": "Identity=ceo, ForwardingSmtpAddress=smtp:o@example.net"}],
    ),
    "DLP matches by policy": (
        [match("Cards", "Names"), match("Cards")],
        [{"policy": "Cards", "matches": 2, "users": 1}, {"policy": "Names", "matches": 1, "users": 1}],
    ),
}


class Template(yaml.SafeLoader):
    """Reads CloudFormation's YAML. A function becomes its argument."""


def argument(loader, _, node):
    """Returns the argument of a CloudFormation function."""
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


Template.add_multi_constructor("!", argument)


def saved():
    """Returns the text of each saved query by its name. Fails if one is not in the deployment's workgroup."""
    found = {}
    for resource in yaml.load(LAKE.read_text(encoding="utf-8"), Template)["Resources"].values():
        if resource["Type"] == "AWS::Athena::NamedQuery":
            query = resource["Properties"]
            if (query["Database"], query["WorkGroup"]) != ("Database", "Workgroup"):
                raise Failed(f"the query {query['Name']} is outside the stack's database or workgroup")
            found[query["Name"]] = query["QueryString"]
    return found


def parsed(name, text):
    """Parses a query, and checks that every read of a table restricts `dt`."""
    try:
        statements = sqlglot.parse(text, dialect="athena")
    except sqlglot.errors.SqlglotError as error:
        raise Failed(f"{name}: the query is not valid for Athena: {error}") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise Failed(f"{name} is not one query")
    derived = {one.alias for one in statements[0].find_all(exp.CTE)}
    for select in statements[0].find_all(exp.Select):
        read = [one.name for one in select.find_all(exp.Table) if one.parent_select is select and one.name not in derived]
        where = select.args.get("where")
        if read and not (where and any(column.name == "dt" for column in where.find_all(exp.Column))):
            raise Failed(f"{name} reads all days of {read}")
    return statements[0]


def lines(binary, log_type, events):
    """Returns the lines of the events."""
    text = "".join(json.dumps(event) + "\n" for event in events)
    command = [binary, "normalize", "--log-type", log_type, "--source-id", "acme"]
    result = subprocess.run(command, input=text.encode(), capture_output=True, timeout=NORMALIZE_SECONDS)
    if result.returncode:
        raise Failed(f"{log_type}: normalize exited with {result.returncode}: {result.stderr.decode(errors='replace')}")
    return result.stdout


def with_identity(log_type, event, number, now):
    """Returns the event with an id and a time of its own."""
    time = now - datetime.timedelta(seconds=MINUTE * (number + 1))
    if log_type == "OpenAI.Audit":
        return event | {"id": f"audit_log-{number}", "effective_at": int(time.timestamp())}
    return event | {"Id": f"record-{number}", "CreationTime": time.strftime("%Y-%m-%dT%H:%M:%S")}


def database(binary, found, events):
    """Returns a DuckDB connection with all tables, which have the lines of the events in the partition of today."""
    connection, now = duckdb.connect(), datetime.datetime.now(datetime.timezone.utc)
    with tempfile.TemporaryDirectory(prefix="audit-pull-queries-") as folder:
        for log_type, table in found.items():
            own = [with_identity(log_type, event, number, now)
                   for number, (of, event) in enumerate(events) if of == log_type]
            file = pathlib.Path(folder) / table.name / f"dt={now.date()}" / "hour=00" / "acme-000000000000.ndjson.gz"
            file.parent.mkdir(parents=True)
            file.write_bytes(gzip.compress(lines(binary, log_type, own)))
            tables.load(table, [file], connection)
    return connection


def rows_of(connection, name, statement):
    try:
        result = connection.execute(statement.sql(dialect="duckdb"))
    except duckdb.Error as error:
        raise Failed(f"{name}: {error}") from None
    # Names are in small letters in Athena, whatever the keys of the lines are.
    keys = [column[0].lower() for column in result.description]
    return [dict(zip(keys, row, strict=True)) for row in result.fetchall()]


def check_rows(name, rows, expected):
    """Checks that each expected row is the one row with its values, and that there is no other row."""
    left = list(rows)
    for wanted in expected:
        same = [row for row in left if all(key in row and row[key] == value for key, value in wanted.items())]
        if len(same) != 1:
            raise Failed(f"{name}: {len(same)} rows have {wanted}; the rows are {rows}")
        left.remove(same[0])
    if left:
        raise Failed(f"{name}: these rows are not expected: {left}")


def check_query(binary, found, name, text):
    """Checks that a saved query finds exactly its events."""
    events, expected = EXAMPLES[name]
    rows = rows_of(database(binary, found, [*events, *OTHERS]), name, parsed(name, text))
    check_rows(name, rows, expected)
    return rows


def check(binary, found):
    """Checks all saved queries. `found` has the tables by log type."""
    queries = saved()
    if queries.keys() != EXAMPLES.keys():
        raise Failed(f"not both saved and tested: {sorted(queries.keys() ^ EXAMPLES.keys())}")
    for name, text in queries.items():
        rows = check_query(binary, found, name, text)
        say(f"  {name}: {len(rows)} rows")
    can_fail(binary, found, queries)


def can_fail(binary, found, queries):
    """Checks that the checks fail for wrong queries."""
    name = "external sharing (SharePoint)"
    text = queries[name]
    for what, wrong in {
        "a query of all days": text.replace("dt >=", "p_parse_time >="),
        "a query that is no SQL": text.replace("FROM", "FROM FROM"),
        "a query that finds too much": text.replace("targetuserorgrouptype = 'Guest'", "targetuserorgrouptype <> ''"),
        "a query that finds nothing": text.replace("AnonymousLinkCreated", "AnonymousLink"),
        "a query of an unknown column": text.replace("objectid", "objectname"),
    }.items():
        must_fail(what, lambda wrong=wrong: check_query(binary, found, name, wrong))
