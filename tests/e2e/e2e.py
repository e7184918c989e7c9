"""The end-to-end test, on loopback. It simulates both vendors, deploys the template to an emulated AWS, invokes the
functions directly and by their schedules, and compares the bucket with the events that the vendors served. Before that
it checks Athena's tables on the lake of a demo (`--only tables` runs only this), and drains backlogs with the command
line (`--only backlog`). At its end it deploys the template with a fan-out for 100 sources (`--only fan-out`).
`--only deployment` runs the steps on the emulated AWS without those before and after them.

A recorder between the functions and the emulated AWS notes every call, and at the end the rights of the functions' roles
have to be those that the calls need.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import boto3
import botocore.config

import athena
import backlog
import command_line
import emulated
import fan_out
import lake
import queues
import recorder
import rights
import tables
from steps import Steps, must_fail, say
from processes import Failed, Processes, free_port, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
STACK = "audit-pull-e2e"
ARTIFACTS = "artifacts"
PREFIX = "audit/"
VENDORS = ("openai", "microsoft365")
EVENTS = {"openai": 600, "microsoft365": 3_000}
# Sources that are found by the prefix of their secrets' names.
SECRET_PREFIXES = {vendor: f"found/{vendor}/" for vendor in VENDORS}
IDS = {"openai": "OpenAI", "microsoft365": "Microsoft365"}
# A data model in the bucket, without methods in Python, which the functions are built without.
MODEL = """\
AnalysisType: datamodel
DataModelID: Test.OpenAI.Audit
DisplayName: OpenAI audit logs
LogTypes: [OpenAI.Audit]
Enabled: true
Mappings:
  - Name: event_type
    Path: type
"""
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine]
REGION = "us-east-1"
ACCOUNT = "000000000000"

BUILD_SECONDS = 2_400
DEPLOY_SECONDS = 180
START_SECONDS = 60
TICK_SECONDS = 320
# A rule with rate(5 minutes) fires within five minutes of its creation; the rest is for the tick itself.
SCHEDULE_SECONDS = 420
MAX_TICKS = 20

# Credentials that no vendor accepts. Like the valid ones they must appear in no log and no object.
CANARIES = {
    "admin_key": "sk-admin-canary-4f1c7a9e2b",
    "client_secret": "canary~8d03+e6/b5=7%c2",
    "private_key_pem": "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5LWtleS05YjRl\n-----END PRIVATE KEY-----\n",
}
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}")


class EndToEnd:
    def __init__(self, work, binary, functions=None):
        self.work, self.binary, self.given_functions = work, binary, functions
        self.processes = Processes(work)
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.env = self.environment()
        self.simulated = {}
        self.secret_values = set()
        self.arns = {vendor: [] for vendor in VENDORS}
        self.recorder = recorder.Recorder(self.port, ACCOUNT)

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
        return kept | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
        }

    def client(self, service):
        config = botocore.config.Config(
            read_timeout=TICK_SECONDS, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
        )
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id="test",
            aws_secret_access_key="test", config=config,
        )

    # ---- The environment ----

    def start_aws(self):
        env = self.env | {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            # The address that the emulated AWS gives to the functions.
            "AWS_ENDPOINT_URL": self.recorder.url,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "S3_PERSIST": "0",
            "PERSIST_STATE": "0",
        }
        self.processes.start("aws", ["ministack"], env)
        wait_for("the emulated AWS", START_SECONDS, self.aws_answers)
        self.s3, self.functions, self.logs = self.client("s3"), self.client("lambda"), self.client("logs")
        self.s3.create_bucket(Bucket=ARTIFACTS)

    def aws_answers(self):
        self.processes.assert_running("aws")
        try:
            return urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=5).status == 200
        except OSError:
            return False

    def start_simulator(self, vendor):
        """Starts a simulated vendor and reads the variables that it prints: its addresses and credentials."""
        command = [self.binary, "simulate", vendor, "--port", str(free_port()), "--events", str(EVENTS[vendor])]
        command += ["--ledger", str(self.ledger_path(vendor))]
        name = f"simulator-{vendor}"
        self.processes.start(name, command, self.env)
        last = "OPENAI_ADMIN_KEY" if vendor == "openai" else "MICROSOFT365_CLIENT_SECRET"
        pattern = re.compile(r"^export (\w+)='(.*)'$", re.MULTILINE)

        def variables():
            self.processes.assert_running(name)
            found = dict(pattern.findall(self.processes.log_path(name).read_text()))
            return found if last in found else None

        self.simulated[vendor] = wait_for(name, START_SECONDS, variables)
        self.secret_values.add(self.simulated[vendor][last])
        # This log is the only place that may have the credential, so it is emptied before the logs are searched.
        self.processes.log_path(name).write_text("")

    def ledger_path(self, vendor):
        return self.work / f"{vendor}.ledger.ndjson"

    def ledger(self, vendor):
        return lake.read_ledger(self.ledger_path(vendor))

    def valid_secret(self, vendor, source):
        variables = self.simulated[vendor]
        secret = {"source_id": source, "source_label": source.title()}
        if vendor == "openai":
            return secret | {"admin_key": variables["OPENAI_ADMIN_KEY"]}
        return secret | {
            "tenant_id": variables["MICROSOFT365_TENANT_ID"],
            "client_id": variables["MICROSOFT365_CLIENT_ID"],
            "client_secret": variables["MICROSOFT365_CLIENT_SECRET"],
        }

    def create_secret(self, name, secret):
        text = json.dumps(secret)
        return self.client("secretsmanager").create_secret(Name=name, SecretString=text)["ARN"]

    def add_source(self, source):
        for vendor in VENDORS:
            self.arns[vendor].append(self.create_secret(f"{vendor}/{source}", self.valid_secret(vendor, source)))

    def add_source_of_prefix(self, source):
        for vendor in VENDORS:
            self.create_secret(SECRET_PREFIXES[vendor] + source, self.valid_secret(vendor, source))

    # ---- The deployment ----

    def build(self):
        if self.given_functions:
            resources = {f"{IDS[vendor]}Function": vendor for vendor in VENDORS}
            emulated.use_functions(ROOT, self.built, resources, self.given_functions)
        else:
            self.sam_build()
        say(f"  {emulated.adapt(self.built)} resources are unknown to the emulated AWS and left out")

    def sam_build(self):
        command = ["sam", "build", "--template-file", str(ROOT / "template.yaml"), "--build-dir", str(self.built)]
        command += ["--parameter-overrides", f"Architecture={ARCHITECTURE}"]
        self.processes.run("sam-build", command, self.env, BUILD_SECONDS, cwd=ROOT)

    @property
    def built(self):
        return self.work / "built"

    def deploy(self, schedule, more=None):
        """Deploys the template with all its nested stacks: alarms, dashboard and lake."""
        overrides = {
            "OpenAISecretArns": ",".join(self.arns["openai"]),
            "Microsoft365SecretArns": ",".join(self.arns["microsoft365"]),
            "OpenAIBaseUrl": self.simulated["openai"]["OPENAI_BASE_URL"],
            "Microsoft365ApiUrl": self.simulated["microsoft365"]["MICROSOFT365_API_URL"],
            "Microsoft365LoginUrl": self.simulated["microsoft365"]["MICROSOFT365_LOGIN_URL"],
            "Prefix": PREFIX,
            "ScheduleState": schedule,
            "Lake": "true",
            "NewObjectsTopic": "true",
            "DataModels": "s3:_models/",
            **(more or {}),
        }
        self.outputs = self.deploy_stack(STACK, overrides)
        self.name_callers()

    def deploy_stack(self, name, overrides):
        """Deploys the template as the stack `name` with these parameters. Returns its outputs."""
        overrides = overrides | {
            "Architecture": ARCHITECTURE,
            "SavedQueries": "false",  # the emulator has no AWS::Logs::QueryDefinition
        }
        command = ["sam", "deploy", "--template-file", str(self.built / "template.yaml"), "--stack-name", name]
        command += ["--s3-bucket", ARTIFACTS, "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
        command += ["--no-confirm-changeset", "--no-progressbar"]
        command += ["--parameter-overrides", *(f"{name}={value}" for name, value in overrides.items())]
        self.processes.run("sam-deploy", command, self.env, DEPLOY_SECONDS, cwd=self.work)
        stack = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def name_callers(self):
        """Gives each function an app id, which the recorder finds in its calls."""
        for vendor in VENDORS:
            name = f"{STACK}-{vendor}"
            variables = self.functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
            variables["AWS_SDK_UA_APP_ID"] = vendor
            self.functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    def deploy_first(self):
        """Deploys without schedules. Subscribes a queue to each topic, and stores a data model in the bucket."""
        self.deploy("DISABLED")
        sqs, sns = self.client("sqs"), self.client("sns")
        self.new_objects = queues.Queue(sqs, sns, "new-objects", self.outputs["NewObjectsTopicArn"])
        self.alarms = queues.Queue(sqs, sns, "alarms", self.outputs["AlarmTopicArn"])
        self.s3.put_object(Bucket=self.outputs["BucketName"], Key=f"{PREFIX}_models/openai.yml", Body=MODEL.encode())

    def deploy_second(self):
        """Deploys with schedules and with sources that are found by a prefix."""
        self.deploy("ENABLED", {f"{IDS[vendor]}SecretPrefix": prefix for vendor, prefix in SECRET_PREFIXES.items()})

    # ---- Ticks ----

    def invoke(self, function, payload=b"{}"):
        """Runs one tick, or another action, by a direct invocation. Returns its result; fails if the function does."""
        answer = self.functions.invoke(FunctionName=function, Payload=payload)
        payload = answer["Payload"].read().decode()
        if answer.get("FunctionError"):
            raise Failed(f"{function} failed: {payload}")
        return json.loads(payload)

    def invoke_both_twice(self):
        """Runs two simultaneous ticks of each vendor. Returns the number of lines that all of them delivered."""
        names = [f"{STACK}-{vendor}" for vendor in VENDORS] * 2
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            return sum(summary["delivered"] for summary in pool.map(self.invoke, names))

    def lines(self):
        """Returns all lines in the bucket, and checks that no row id is repeated."""
        objects = lake.read_objects(self.s3, self.outputs["BucketName"], PREFIX)
        lines = lake.read_lines(objects)
        lake.check_unique(lines)
        return lines

    def is_complete(self, sources):
        """Returns True if all events that the vendors have shown so far are in the bucket."""
        shown, lines = {vendor: self.ledger(vendor) for vendor in VENDORS}, self.lines()
        return all(
            not shown[vendor] - lake.delivered(lines, source, vendor) for vendor in VENDORS for source in sources
        )

    def check(self, sources):
        """Checks that every event was delivered exactly once, and nothing else. Returns all lines."""
        before = {vendor: self.ledger(vendor) for vendor in VENDORS}
        lines = self.lines()
        after = {vendor: self.ledger(vendor) for vendor in VENDORS}
        for vendor in VENDORS:
            if before[vendor].total() < EVENTS[vendor] * 0.9:
                raise Failed(f"{vendor} has shown only {before[vendor].total()} of its {EVENTS[vendor]} events")
            for source in sources:
                counts = lake.check_against_ledger(lines, source, vendor, before[vendor], after[vendor])
                for log_type, count in sorted(counts.items()):
                    say(f"  {source} {log_type}: {count} lines, 0 lost, 0 repeated")
        return lines

    # ---- The steps ----

    def race(self):
        """Runs the first ticks of both vendors, several at once, until all events are delivered. Returns all lines."""
        for _ in range(MAX_TICKS):
            self.invoke_both_twice()
            if self.is_complete(["acme"]):
                break
        else:
            raise Failed(f"some events are not delivered after {MAX_TICKS} rounds of ticks")
        return self.check(["acme"])

    def events_shown(self):
        """Returns the number of events that the vendors have shown so far."""
        return sum(self.ledger(vendor).total() for vendor in VENDORS)

    def check_nothing_repeated(self, lines):
        """Checks that another tick, and two more at once, deliver only events that have become visible meanwhile."""
        shown = self.events_shown()
        new = sum(self.invoke(f"{STACK}-{vendor}")["delivered"] for vendor in VENDORS)
        new += self.invoke_both_twice()
        again = self.check(["acme"])
        # Late events of the vendors may have become visible. `check` has verified that each was delivered once.
        late = self.events_shown() - shown
        if not max(new, len(again) - len(lines)) <= late:
            raise Failed(
                f"{new} lines were delivered and {len(again) - len(lines)} added, but only {late} events are new"
            )
        say(f"  another tick and two more at once: {new} lines, for {late} late events")

    def schedules(self):
        """Checks that the EventBridge rules alone deliver a new source of each vendor."""
        rules = self.client("events").list_rules()["Rules"]
        rates = sorted(rule["ScheduleExpression"] for rule in rules if rule["State"] == "ENABLED")
        if rates != ["rate(1 minute)", "rate(5 minutes)"]:
            raise Failed(f"the enabled rules are {rates}")
        wait_for("the delivery of source beta", SCHEDULE_SECONDS, lambda: self.is_complete(["beta"]), every=5)

    def check_cargo_lambda_deploy(self):
        """Checks that `cargo lambda deploy` creates a working function from each binary."""
        for vendor in VENDORS:
            name = f"cargo-{vendor}"
            of_stack = self.functions.get_function_configuration(FunctionName=f"{STACK}-{vendor}")
            variables = of_stack["Environment"]["Variables"] | {f"{vendor.upper()}_SECRET_ARNS": self.arns[vendor][0]}
            del variables[f"{vendor.upper()}_SECRET_PREFIX"]
            built = "OpenAIFunction" if vendor == "openai" else "Microsoft365Function"
            command = ["cargo", "lambda", "deploy", name, "--binary-path", str(self.built / built / "bootstrap")]
            command += ["--endpoint-url", self.endpoint, "--iam-role", of_stack["Role"], "--timeout", "300"]
            for variable, value in variables.items():
                command += ["--env-var", f"{variable}={value}"]
            self.processes.run("cargo-lambda", command, self.env, DEPLOY_SECONDS, cwd=ROOT)
            summary = self.invoke(name)
            say(f"  {name}: {summary}")

    def refused(self, vendor, number, secret):
        """Checks that a function fails if the vendor refuses its credential."""
        name = f"refused-{vendor}-{number}"
        deployed = self.functions.get_function(FunctionName=f"cargo-{vendor}")
        code = urllib.request.urlopen(deployed["Code"]["Location"], timeout=START_SECONDS).read()
        configuration = deployed["Configuration"]
        variables = configuration["Environment"]["Variables"]
        variables[f"{vendor.upper()}_SECRET_ARNS"] = self.create_secret(name, secret)
        # The role has no right to read this secret, so the function's calls are recorded apart.
        variables["AWS_SDK_UA_APP_ID"] = name
        self.functions.create_function(
            FunctionName=name, Runtime=configuration["Runtime"], Role=configuration["Role"], Handler="bootstrap",
            Code={"ZipFile": code}, Timeout=60, Environment={"Variables": variables},
        )
        try:
            summary = self.invoke(name)
        except Failed as failed:
            say(f"  {failed}")
            return
        raise Failed(f"{name} has an invalid credential, but succeeded with {summary}")

    def refused_credentials(self):
        """Runs functions with invalid credentials of every kind. Later no log may have these credentials."""
        tenant = self.valid_secret("microsoft365", "canary")
        del tenant["client_secret"]
        pem = CANARIES["private_key_pem"]
        self.refused("openai", 1, {"source_id": "canary", "admin_key": CANARIES["admin_key"]})
        self.refused("microsoft365", 1, tenant | {"client_secret": CANARIES["client_secret"]})
        self.refused("microsoft365", 2, tenant | {"certificate_pem": pem, "private_key_pem": pem})

    # ---- The actions and messages of the functions ----

    def doctor(self):
        """Checks that each function's own check of the connection finds no fault."""
        for vendor in VENDORS:
            steps = self.invoke(f"{STACK}-{vendor}", b'{"action":"doctor"}')["steps"]
            faults = [step for step in steps if step["ok"] is not True]
            if faults or len(steps) < 10:
                raise Failed(f"the check of {vendor}: {json.dumps(faults or steps)}")
            say(f"  {vendor}: {len(steps)} steps are in order")

    def data_is_back(self):
        """Checks that a stream whose silence was reported, and which has delivered since, is named by one message."""
        table = boto3.resource(
            "dynamodb", endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        ).Table(self.outputs["StateTableName"])
        stream = {"openai": "openai_audit", "microsoft365": "microsoft365_audit_exchange"}
        for vendor in VENDORS:
            item = table.get_item(Key={"pk": f"acme#{stream[vendor]}", "sk": 0})["Item"]
            head = json.loads(item["head"])
            head["silence"] = {"since": head["last_delivery"] - 90_000, "is_start_sent": True}
            table.put_item(Item=item | {"head": json.dumps(head)})
            self.invoke(f"{STACK}-{vendor}")
        expected = sorted(f"Data is back: acme/{name}" for name in stream.values())
        wait_for("the messages that data is back", START_SECONDS, lambda: len(self.alarms.messages()) >= len(expected))
        subjects = sorted(message["Subject"] for message in self.alarms.messages())
        if subjects != expected:
            raise Failed(f"the alarm topic has sent {subjects}")

    def line_keys(self):
        """Returns the keys of all objects of lines."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.outputs["BucketName"], Prefix=PREFIX)
        keys = {found["Key"] for page in pages for found in page.get("Contents", [])}
        return {key for key in keys if key.startswith(tuple(PREFIX + vendor + "_" for vendor in VENDORS))}

    def new_objects_notified(self):
        """Checks that each object of lines caused one message of the topic for new objects, and no other object did."""
        count = queues.check_new_objects(self.new_objects, self.outputs["BucketName"], self.line_keys)
        keys = queues.created_keys(self.new_objects.messages(), self.outputs["BucketName"])
        must_fail("a repeated message", lambda: queues.check_once([*keys, keys[0]], set(keys), set(keys)))
        must_fail("a lost message", lambda: queues.check_once(keys[1:], set(keys), set(keys)))
        say(f"  {count} objects, one message each")

    def rights(self):
        """Checks that the role of each function has the rights that its calls need, and no others."""
        rights.self_test()
        iam, roles = self.client("iam"), []
        for vendor in VENDORS:
            arn = self.functions.get_function_configuration(FunctionName=f"{STACK}-{vendor}")["Role"]
            role, used = rights.role_statements(iam, arn.rsplit("/", 1)[-1]), self.recorder.needs_of(vendor)
            roles.append(role)
            granted = rights.check(vendor, role, used)
            rights.check_can_fail(vendor, role, used)
            say(f"  {vendor}: {granted} actions, {len({need.action for need in used})} of them used")
        # Calls of a deployed function that had no app id yet.
        for need in self.recorder.needs_of(""):
            if not any(rights.is_allowed(need, role) for role in roles):
                raise Failed(f"no role allows {need}")
        say(f"  {self.recorder.calls} calls, {self.recorder.hidden} of them reads of a missing object that S3 would hide")
        for action, reason in rights.EXCEPTIONS.items():
            say(f"  not used: {action}: {reason}")

    # ---- The search for secrets ----

    def function_logs(self):
        for group in self.logs.describe_log_groups()["logGroups"]:
            name = group["logGroupName"]
            for page in self.logs.get_paginator("filter_log_events").paginate(logGroupName=name):
                yield name, "\n".join(event["message"] for event in page["events"]).encode()

    def written_texts(self):
        """Yields all that the test has written, each with a name: logs, objects (decompressed) and the state table."""
        yield from self.function_logs()
        for path in self.work.glob("*.log"):
            yield path.name, path.read_bytes()
        for key, body in lake.read_objects(self.s3, self.outputs["BucketName"], PREFIX).items():
            yield key, lake.gzip.decompress(body) if key.endswith(".gz") else body
        table = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.outputs["StateTableName"])
        yield "the state table", json.dumps(list(table), default=str).encode()

    def forbidden(self):
        """Yields every secret as it is, as encoded in a form or a URL, and as escaped in JSON."""
        for secret in [*self.secret_values, *CANARIES.values()]:
            for part in [secret, *secret.splitlines()[1:2]]:
                forms = {part, urllib.parse.quote(part, safe=""), urllib.parse.quote_plus(part), json.dumps(part)[1:-1]}
                yield from (form.encode() for form in forms)

    def check_no_secret(self):
        """Checks that no secret and no token is in anything that the test has written."""
        places, log_bytes = 0, 0
        for name, body in self.written_texts():
            self.check_no_secret_in(name, body)
            places += 1
            log_bytes += len(body) if name.startswith("/aws/lambda/") else 0
        if log_bytes < 1_000:
            raise Failed("the functions' logs are missing, so they cannot be searched for secrets")
        say(f"  none of {len(set(self.forbidden()))} forms of secrets, and no token, in {places} places")

    def check_no_secret_in(self, name, body):
        if any(secret in body for secret in self.forbidden()):
            raise Failed(f"{name} has a secret")
        if TOKEN.search(body):
            raise Failed(f"{name} has a token")

    def status(self, lines):
        """Checks that `audit-pull status` finds every stream of the deployment, and counts its lines."""
        command = [self.binary, "status", "--json", "--prefix", PREFIX, "--bucket", self.outputs["BucketName"]]
        command += ["--table", self.outputs["StateTableName"]]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=START_SECONDS, check=False)
        if done.returncode not in (0, 1):
            raise Failed(f"status ended with {done.returncode}: {done.stdout}{done.stderr}")
        streams = json.loads(done.stdout)["streams"]
        counted = sum(stream["lines_today"] for stream in streams)
        sources = {stream["source"] for stream in streams}
        # The day of the first lines may have ended since.
        if not {"acme", "beta"} <= sources or not 0 < counted <= len(lines):
            raise Failed(f"status shows {counted} of {len(lines)} lines of {sorted(sources)}")
        say(f"  {len(streams)} streams, {counted} of {len(lines)} lines today")

    def checks_can_fail(self, lines):
        """Checks that the checks fail for a lost line, a repeated line, and a secret."""
        ledger = self.ledger("openai")
        of_source = [line for line in lines if line["p_source_id"] == "acme" and lake.vendor_of(line) == "openai"]
        must_fail("a lost line", lambda: lake.check_against_ledger(of_source[1:], "acme", "openai", ledger, ledger))
        must_fail("a surplus line", lambda: lake.check_against_ledger(of_source * 2, "acme", "openai", ledger, ledger))
        must_fail("a repeated row id", lambda: lake.check_unique([*lines, lines[0]]))
        for secret in self.forbidden():
            must_fail("a secret", lambda body=b"{" + secret + b"}": self.check_no_secret_in("a log", body))
        must_fail("a token", lambda: self.check_no_secret_in("a log", b"Bearer eyJ0eXAiOiJKV1Qi.eyJhdWQiOiJodHRw.c2ln"))

    # ---- Readers of the lake ----

    def check_read_by_tables(self, found, lines):
        """Checks that DuckDB reads the same lines from the bucket through Athena's tables."""
        objects = lake.read_objects(self.s3, self.outputs["BucketName"], PREFIX)
        tables.check_bucket(self.binary, found, lake.save(objects, self.work / "lake"), lines)

    def check_deployed_tables(self, found):
        """Checks that the stack's tables are those of the DDL, with the deployment's bucket and prefix."""
        glue = self.client("glue")
        database = STACK.replace("-", "_")
        deployed = {one["Name"]: one for one in glue.get_tables(DatabaseName=database)["TableList"]}
        if deployed.keys() != {table.name for table in found.values()}:
            raise Failed(f"the stack has other tables: {sorted(deployed)}")
        for table in found.values():
            athena.check_deployed(table, deployed[table.name], self.outputs["BucketName"], PREFIX)

    def run(self):
        """Runs all steps."""
        steps = Steps()
        found = tables.run_steps(steps, self.binary, self.work)
        backlog.run_steps(steps, self.processes, self.binary, self.work)
        lines = self.run_deployment(steps, lambda: self.check_deployed_tables(found))
        steps.run("DuckDB reads the bucket through the tables", lambda: self.check_read_by_tables(found, lines))
        fan_out.run_steps(steps, self)
        steps.run("no secret was written anywhere", self.check_no_secret)
        return steps.passed

    def run_deployment(self, steps, deployed_tables=None):
        """Runs the steps on the emulated AWS. Returns all lines in the bucket."""
        steps.run("sam build builds both functions", self.build)
        steps.run("the emulated AWS starts", self.start_aws)
        steps.run("the simulated vendors start", lambda: [self.start_simulator(vendor) for vendor in VENDORS])
        self.add_source("acme")
        steps.run("the template deploys", self.deploy_first)
        if deployed_tables:
            steps.run("the stack's tables are those of the printed DDL", deployed_tables)
        lines = steps.run("simultaneous first ticks deliver every event once", self.race)
        steps.run("further ticks repeat nothing", lambda: self.check_nothing_repeated(lines))
        steps.run("a message says that data is back", self.data_is_back)
        self.add_source_of_prefix("beta")
        steps.run("the template deploys again with a second source of each vendor", self.deploy_second)
        steps.run("cargo lambda deploy works", self.check_cargo_lambda_deploy)
        steps.run("a refused credential fails the function", self.refused_credentials)
        steps.run("the schedules deliver the second source", self.schedules)
        steps.run("the functions check their connections", self.doctor)
        lines = steps.run("every event of all sources is delivered once", lambda: self.check(["acme", "beta"]))
        steps.run("each new object causes one message", self.new_objects_notified)
        steps.run("the functions have the rights of their calls and no others", self.rights)
        steps.run("audit-pull status shows all streams", lambda: self.status(lines))
        steps.run("the command line works on the stack", lambda: command_line.check(self, STACK))
        steps.run("the checks can fail", lambda: self.checks_can_fail(lines))
        return lines

    def run_fan_out(self, steps):
        """Runs only the steps of the fan-out."""
        steps.run("sam build builds both functions", self.build)
        steps.run("the emulated AWS starts", self.start_aws)
        fan_out.run_steps(steps, self)
        return steps.passed


def main(binary, only, functions):
    work = pathlib.Path(tempfile.mkdtemp(prefix="audit-pull-e2e-"))
    end_to_end = EndToEnd(work, binary, functions)
    try:
        if only == "tables":
            tables.run_steps(steps := Steps(), binary, work)
            passed = steps.passed
        elif only == "backlog":
            backlog.run_steps(steps := Steps(), end_to_end.processes, binary, work, full=True)
            passed = steps.passed
        elif only == "deployment":
            end_to_end.run_deployment(steps := Steps())
            steps.run("no secret was written anywhere", end_to_end.check_no_secret)
            passed = steps.passed
        elif only == "fan-out":
            passed = end_to_end.run_fan_out(Steps())
        else:
            passed = end_to_end.run()
    except Exception as error:
        say(f"FAILED: {type(error).__name__}: {error}")
        say(f"the logs are in {work}")
        return 1
    finally:
        end_to_end.processes.stop_all()
    shutil.rmtree(work)
    say(f"all {passed} steps passed")
    return 0


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("binary", help="the release build of audit-pull")
    arguments.add_argument("--only", choices=["tables", "backlog", "deployment", "fan-out"], help="run only these steps")
    arguments.add_argument("--functions", help="a folder with the binaries of the functions, instead of a build by SAM")
    parsed = arguments.parse_args()
    sys.exit(main(parsed.binary, parsed.only, parsed.functions))
