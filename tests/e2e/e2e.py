"""The end-to-end test, on loopback. It simulates both vendors, deploys the template to an emulated AWS, invokes the
functions directly and by their schedules, and compares the bucket with the events that the vendors served. Before that
it checks Athena's tables on the lake of a demo (`--only tables` runs only this), and drains backlogs with the command
line (`--only backlog`).
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
import lake
import tables
from steps import Steps, must_fail, say
from processes import Failed, Processes, free_port, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
STACK = "audit-pull-e2e"
ARTIFACTS = "artifacts"
PREFIX = "audit/"
VENDORS = ("openai", "microsoft365")
EVENTS = {"openai": 600, "microsoft365": 3_000}
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine]
REGION = "us-east-1"

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
    def __init__(self, work, binary):
        self.work, self.binary = work, binary
        self.processes = Processes(work)
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.env = self.environment()
        self.simulated = {}
        self.secret_values = set()
        self.arns = {vendor: [] for vendor in VENDORS}

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

    # ---- The deployment ----

    def build(self):
        command = ["sam", "build", "--template-file", str(ROOT / "template.yaml"), "--build-dir", str(self.built)]
        command += ["--parameter-overrides", f"Architecture={ARCHITECTURE}"]
        self.processes.run("sam-build", command, self.env, BUILD_SECONDS, cwd=ROOT)
        say(f"  {emulated.adapt(self.built)} resources are unknown to the emulated AWS and left out")

    @property
    def built(self):
        return self.work / "built"

    def deploy(self, schedule):
        """Deploys the template with all its nested stacks: alarms, dashboard and lake."""
        overrides = {
            "Architecture": ARCHITECTURE,
            "OpenAISecretArns": ",".join(self.arns["openai"]),
            "Microsoft365SecretArns": ",".join(self.arns["microsoft365"]),
            "OpenAIBaseUrl": self.simulated["openai"]["OPENAI_BASE_URL"],
            "Microsoft365ApiUrl": self.simulated["microsoft365"]["MICROSOFT365_API_URL"],
            "Microsoft365LoginUrl": self.simulated["microsoft365"]["MICROSOFT365_LOGIN_URL"],
            "Prefix": PREFIX,
            "ScheduleState": schedule,
            "Lake": "true",
            "SavedQueries": "false",  # the emulator has no AWS::Logs::QueryDefinition
        }
        command = ["sam", "deploy", "--template-file", str(self.built / "template.yaml"), "--stack-name", STACK]
        command += ["--s3-bucket", ARTIFACTS, "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
        command += ["--no-confirm-changeset", "--no-progressbar"]
        command += ["--parameter-overrides", *(f"{name}={value}" for name, value in overrides.items())]
        self.processes.run("sam-deploy", command, self.env, DEPLOY_SECONDS, cwd=self.work)
        stack = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    # ---- Ticks ----

    def invoke(self, function):
        """Runs one tick by a direct invocation. Returns its summary; fails if the function does."""
        answer = self.functions.invoke(FunctionName=function, Payload=b"{}")
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

    def nothing_again(self, lines):
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

    def cargo_lambda(self):
        """Checks that `cargo lambda deploy` creates a working function from each binary."""
        for vendor in VENDORS:
            name = f"cargo-{vendor}"
            of_stack = self.functions.get_function_configuration(FunctionName=f"{STACK}-{vendor}")
            variables = of_stack["Environment"]["Variables"] | {f"{vendor.upper()}_SECRET_ARNS": self.arns[vendor][0]}
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

    # ---- The search for secrets ----

    def function_logs(self):
        for group in self.logs.describe_log_groups()["logGroups"]:
            name = group["logGroupName"]
            for page in self.logs.get_paginator("filter_log_events").paginate(logGroupName=name):
                yield name, "\n".join(event["message"] for event in page["events"]).encode()

    def everything_written(self):
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

    def no_secret(self):
        """Checks that no secret and no token is in anything that the test has written."""
        places, log_bytes = 0, 0
        for name, body in self.everything_written():
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

    def read_by_tables(self, found, lines):
        """Checks that DuckDB reads the same lines from the bucket through Athena's tables."""
        objects = lake.read_objects(self.s3, self.outputs["BucketName"], PREFIX)
        tables.check_bucket(self.binary, found, lake.save(objects, self.work / "lake"), lines)

    def deployed_tables(self, found):
        """Checks that the stack's tables are those of the DDL, with the deployment's bucket and prefix."""
        glue = self.client("glue")
        database = STACK.replace("-", "_")
        deployed = {one["Name"]: one for one in glue.get_tables(DatabaseName=database)["TableList"]}
        if deployed.keys() != {table.name for table in found.values()}:
            raise Failed(f"the stack has other tables: {sorted(deployed)}")
        for table in found.values():
            athena.check_deployed(table, deployed[table.name], self.outputs["BucketName"], PREFIX)

    def run(self):
        steps = Steps()
        found = tables.run_steps(steps, self.binary, self.work)
        backlog.run_steps(steps, self.processes, self.binary, self.work)
        steps.run("sam build builds both functions", self.build)
        steps.run("the emulated AWS starts", self.start_aws)
        steps.run("the simulated vendors start", lambda: [self.start_simulator(vendor) for vendor in VENDORS])
        self.add_source("acme")
        steps.run("the template deploys", lambda: self.deploy("DISABLED"))
        steps.run("the stack's tables are those of the printed DDL", lambda: self.deployed_tables(found))
        lines = steps.run("simultaneous first ticks deliver every event once", self.race)
        steps.run("further ticks repeat nothing", lambda: self.nothing_again(lines))
        self.add_source("beta")
        steps.run("the template deploys again with a second source of each vendor", lambda: self.deploy("ENABLED"))
        steps.run("cargo lambda deploy works", self.cargo_lambda)
        steps.run("a refused credential fails the function", self.refused_credentials)
        steps.run("the schedules deliver the second source", self.schedules)
        lines = steps.run("every event of all sources is delivered once", lambda: self.check(["acme", "beta"]))
        steps.run("audit-pull status shows all streams", lambda: self.status(lines))
        steps.run("the command line works on the stack", lambda: command_line.check(self, STACK))
        steps.run("the checks can fail", lambda: self.checks_can_fail(lines))
        steps.run("DuckDB reads the bucket through the tables", lambda: self.read_by_tables(found, lines))
        steps.run("no secret was written anywhere", self.no_secret)
        return steps.passed


def main(binary, only):
    work = pathlib.Path(tempfile.mkdtemp(prefix="audit-pull-e2e-"))
    end_to_end = EndToEnd(work, binary)
    try:
        if only == "tables":
            tables.run_steps(steps := Steps(), binary, work)
            passed = steps.passed
        elif only == "backlog":
            backlog.run_steps(steps := Steps(), end_to_end.processes, binary, work, full=True)
            passed = steps.passed
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
    arguments.add_argument("--only", choices=["tables", "backlog"], help="run only these steps")
    parsed = arguments.parse_args()
    sys.exit(main(parsed.binary, parsed.only))
