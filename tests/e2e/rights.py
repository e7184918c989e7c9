"""Compares the rights of the functions' roles with the calls that the functions made. A role may have no right that no
call needs, and no call may need a right that the role does not have. `python rights.py` runs the self-test.
"""

import dataclasses
import fnmatch
import json
import urllib.parse

from processes import Failed
from steps import must_fail

# Actions that a role has although the end-to-end run does not use them, with the reason.
EXCEPTIONS = {
    "s3:GetObjectVersion": "adopting an object that somebody deleted before its commit reads its last version",
    "logs:CreateLogStream": "Lambda's runtime writes the log, not the function",
    "logs:PutLogEvents": "Lambda's runtime writes the log, not the function",
}
# Settling an intent that a tick left needs no exception: it makes the calls of every delivery. The actions of KMS are not
# granted in the run, because it has no key; the suite compares them with the calls in the code.
# The prefixes of the header X-Amz-Target, each with the service's name in IAM.
TARGETS = {"DynamoDB_20120810": "dynamodb", "secretsmanager": "secretsmanager"}
# A transaction needs the actions of its parts.
PARTS_OF_TRANSACTIONS = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}


@dataclasses.dataclass(frozen=True)
class Need:
    """The action and the resource that a call needs a right for. `prefix` is the value of `s3:prefix` in a listing."""

    action: str
    resource: str
    prefix: str = ""


@dataclasses.dataclass(frozen=True)
class Statement:
    """A statement of a policy. `prefixes` are the patterns of its condition on `s3:prefix`; empty without one."""

    allows: bool
    actions: tuple
    resources: tuple
    prefixes: tuple = ()


# ---- From a request to its needs ----


def needs(method, target, headers, body, account):
    """Returns the needs of a signed request; `headers` have names in lower case. Fails if the call is not known."""
    service, region = scope(headers)
    if service == "s3":
        return [of_s3(method, target)]
    parts = {"region": region, "account": account}
    if service == "sns":
        return [of_sns(body)]
    known, _, operation = headers.get("x-amz-target", "").partition(".")
    if TARGETS.get(known) == "secretsmanager":
        return [of_secrets(operation, json.loads(body))]
    if TARGETS.get(known) == "dynamodb":
        return of_table(operation, json.loads(body), **parts)
    raise Failed(f"unknown call of {service}: {method} {target} {headers.get('x-amz-target', '')}")


def scope(headers):
    """Returns the service and the region for which a request is signed."""
    credential = headers["authorization"].partition("Credential=")[2].partition(",")[0].split("/")
    return credential[3], credential[2]


def of_s3(method, target):
    """Returns the need of a request to S3 with the bucket's name in the path."""
    path, _, text = target.partition("?")
    bucket, _, key = urllib.parse.unquote(path.lstrip("/")).partition("/")
    query = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
    query.pop("x-id", None)
    resource = f"arn:aws:s3:::{bucket}"
    if key and query.keys() <= {"versionId"} and method in ("GET", "PUT"):
        action = "PutObject" if method == "PUT" else "GetObjectVersion" if query else "GetObject"
        return Need(f"s3:{action}", f"{resource}/{key}")
    if not key and method == "GET" and ("versions" in query or query.get("list-type") == "2"):
        action = "ListBucketVersions" if "versions" in query else "ListBucket"
        return Need(f"s3:{action}", resource, query.get("prefix", ""))
    raise Failed(f"unknown call of s3: {method} {target}")


def of_sns(body):
    form = dict(urllib.parse.parse_qsl(body.decode()))
    return Need(f"sns:{form['Action']}", form["TopicArn"])


def of_secrets(operation, body):
    return Need(f"secretsmanager:{operation}", body.get("SecretId", "*"))


def of_table(operation, body, region, account):
    """Returns the needs of a call of DynamoDB, which may name several tables."""

    def need(action, table):
        return Need(action, f"arn:aws:dynamodb:{region}:{account}:table/{table}")

    if operation == "TransactWriteItems":
        parts = (part for item in body["TransactItems"] for part in item.items())
        return [need(PARTS_OF_TRANSACTIONS[kind], part["TableName"]) for kind, part in parts]
    tables = body["RequestItems"] if operation.startswith("Batch") else [body["TableName"]]
    return [need(f"dynamodb:{operation}", table) for table in tables]


# ---- From policies to statements ----


def statements(document):
    """Returns the statements of a policy. Fails at a condition that is not known."""
    return [statement(one) for one in as_list(document["Statement"])]


def statement(one):
    condition = one.get("Condition", {})
    prefixes = as_list(condition.get("StringLike", {}).get("s3:prefix", []))
    if condition not in ({}, {"StringLike": {"s3:prefix": condition.get("StringLike", {}).get("s3:prefix")}}):
        raise Failed(f"unknown condition: {condition}")
    actions, resources = as_list(one["Action"]), as_list(one["Resource"])
    return Statement(one["Effect"] == "Allow", tuple(actions), tuple(resources), tuple(prefixes))


def as_list(value):
    return value if isinstance(value, list) else [value]


def role_statements(iam, role):
    """Returns the statements of all policies of a role."""
    found = []
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = policy["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found += statements(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        found += statements(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    return found


# ---- The comparison ----


def matches(text, pattern):
    return fnmatch.fnmatchcase(text, pattern)


def covers(one, need):
    """Returns True if the statement is about this need."""
    is_of_resource = any(matches(need.resource, pattern) for pattern in one.resources)
    is_of_prefix = not one.prefixes or any(matches(need.prefix, pattern) for pattern in one.prefixes)
    return need.action in one.actions and is_of_resource and is_of_prefix


def is_allowed(need, role):
    about = [one for one in role if covers(one, need)]
    return bool(about) and all(one.allows for one in about)


def differences(role, used, exceptions):
    """Yields the differences between the statements of a role and the used rights, one sentence each.

    A right is an action on one resource of a statement. An action in `exceptions` must be granted and not used.
    """
    for need in sorted(used, key=str):
        if not is_allowed(need, role):
            yield f"{need.action} on {need.resource} ({need.prefix!r}) was used, but is not granted"
    granted = {(action, pattern) for one in role if one.allows for action in one.actions for pattern in one.resources}
    for action, pattern in sorted(granted):
        is_used = any(need.action == action and matches(need.resource, pattern) for need in used)
        if not is_used and action not in exceptions:
            yield f"{action} on {pattern} is granted, but was not used"
        if is_used and action in exceptions:
            yield f"{action} was used, so it needs no exception"
    for action in sorted(exceptions.keys() - {action for action, _ in granted}):
        yield f"{action} is an exception, but is not granted"


def check(name, role, used, exceptions=None):
    """Fails if the rights of the role `name` and its used rights differ. Returns the number of granted actions."""
    found = list(differences(role, used, EXCEPTIONS if exceptions is None else exceptions))
    if found:
        raise Failed(f"the rights of {name} are not those of its calls:\n  " + "\n  ".join(found))
    return len({action for one in role if one.allows for action in one.actions})


def check_can_fail(name, role, used):
    """Checks that a right too many and a right too few are noticed, in the policies and in the calls."""
    extra = Statement(True, ("s3:DeleteObject",), ("arn:aws:s3:::lake/*",))
    must_fail("a right that no call needs", lambda: check(name, [*role, extra], used))
    stray = Need("dynamodb:Scan", "arn:aws:dynamodb:us-east-1:000000000000:table/other")
    must_fail("a call without a right", lambda: check(name, role, {*used, stray}))
    for action in sorted({need.action for need in used}):
        rest = {need for need in used if need.action != action}
        must_fail(f"that {action} was not used", lambda rest=rest: check(name, role, rest))
        less = [dataclasses.replace(one, actions=tuple(it for it in one.actions if it != action)) for one in role]
        must_fail(f"that {action} is not granted", lambda less=less: check(name, less, used))
    for action in EXCEPTIONS:
        rest = {known: why for known, why in EXCEPTIONS.items() if known != action}
        must_fail(f"the unnamed exception {action}", lambda rest=rest: check(name, role, used, rest))
        must_fail(f"the surplus exception {action}", lambda it=action: check(name, role, {*used, surplus(role, it)}))


def surplus(role, action):
    """Returns a need of an action that the role has."""
    one = next(one for one in role if one.allows and action in one.actions)
    return Need(action, one.resources[0].replace("*", "x"))


# ---- The self-test ----


def signed(service):
    return {"authorization": f"AWS4-HMAC-SHA256 Credential=1/20261101/eu-west-1/{service}/aws4_request, Signed"}


def self_test():
    """Checks requests of each kind, and that planted differences are noticed."""
    table = "arn:aws:dynamodb:eu-west-1:1:table/t"
    put = {"Put": {"TableName": "t"}}
    for method, target, service, operation, body, expected in [
        ("GET", "/lake/a/b%20c?x-id=GetObject", "s3", "", b"", [Need("s3:GetObject", "arn:aws:s3:::lake/a/b c")]),
        ("GET", "/lake/a?versionId=7", "s3", "", b"", [Need("s3:GetObjectVersion", "arn:aws:s3:::lake/a")]),
        ("PUT", "/lake/a", "s3", "", b"", [Need("s3:PutObject", "arn:aws:s3:::lake/a")]),
        ("GET", "/lake/?list-type=2&prefix=a%2F", "s3", "", b"", [Need("s3:ListBucket", "arn:aws:s3:::lake", "a/")]),
        ("GET", "/lake?versions&prefix=a", "s3", "", b"", [Need("s3:ListBucketVersions", "arn:aws:s3:::lake", "a")]),
        ("POST", "/", "sns", "", b"Action=Publish&TopicArn=arn%3At", [Need("sns:Publish", "arn:t")]),
        ("POST", "/", "secretsmanager", "secretsmanager.GetSecretValue", b'{"SecretId":"arn:s"}',
         [Need("secretsmanager:GetSecretValue", "arn:s")]),
        ("POST", "/", "secretsmanager", "secretsmanager.ListSecrets", b"{}", [Need("secretsmanager:ListSecrets", "*")]),
        ("POST", "/", "dynamodb", "DynamoDB_20120810.Query", b'{"TableName":"t"}', [Need("dynamodb:Query", table)]),
        ("POST", "/", "dynamodb", "DynamoDB_20120810.BatchGetItem", b'{"RequestItems":{"t":{}}}',
         [Need("dynamodb:BatchGetItem", table)]),
        ("POST", "/", "dynamodb", "DynamoDB_20120810.TransactWriteItems",
         json.dumps({"TransactItems": [put, {"ConditionCheck": {"TableName": "t"}}]}).encode(),
         [Need("dynamodb:PutItem", table), Need("dynamodb:ConditionCheckItem", table)]),
    ]:
        found = needs(method, target, signed(service) | {"x-amz-target": operation}, body, "1")
        if found != expected:
            raise Failed(f"{method} {target} {operation} needs {found} instead of {expected}")
    for method, target, service in [("DELETE", "/lake/a", "s3"), ("PUT", "/lake/a?acl", "s3"), ("POST", "/", "sqs")]:
        must_fail("an unknown call", lambda it=(method, target, service): needs(*it[:2], signed(it[2]), b"", "1"))
    objects = {"Effect": "Allow", "Action": ["s3:GetObject", *EXCEPTIONS], "Resource": "arn:aws:s3:::lake/a/*"}
    listing = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::lake",
               "Condition": {"StringLike": {"s3:prefix": "a/*"}}}
    role = statements({"Statement": [objects, listing]})
    used = {Need("s3:GetObject", "arn:aws:s3:::lake/a/b"), Need("s3:ListBucket", "arn:aws:s3:::lake", "a/b")}
    check("a role", role, used)
    check_can_fail("a role", role, used)
    other_prefix = used | {Need("s3:ListBucket", "arn:aws:s3:::lake", "b/")}
    must_fail("a listing of another prefix", lambda: check("a role", role, other_prefix))
    other_key = used | {Need("s3:GetObject", "arn:aws:s3:::lake/b")}
    must_fail("an object outside the prefix", lambda: check("a role", role, other_key))
    denied = statements({"Statement": {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/a/b"}})
    must_fail("a denied call", lambda: check("a role", role + denied, used))
    unknown = listing | {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    must_fail("an unknown condition", lambda: statement(unknown))


if __name__ == "__main__":
    self_test()
    print("rights.py: the self-test passed")
