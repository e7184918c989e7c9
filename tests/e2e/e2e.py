"""The whole road on loopback: both vendors simulated, the template deployed to an emulated AWS, its
functions run by hand and by their schedules, and the bucket held against what the vendors served.
Before that, Athena's tables over the demo's lake (`--only tables` is that alone) and backlogs that the command line
drains (`--only backlog`).
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import boto3
import botocore.config

import athena
import backlog
import lake
import tables
from acts import Acts, must_fail, say
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
# A rate(5 minutes) rule fires within five minutes of its creation; a tick takes its own time.
SCHEDULE_SECONDS = 420
MAX_TICKS = 20

# Credentials that no vendor accepts. Like the good ones they may appear nowhere.
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

    # ---- The stage ----

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
        self.processes.alive("aws")
        try:
            return urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=5).status == 200
        except OSError:
            return False

    def start_simulator(self, vendor):
        """Starts the vendor; it prints the variables that lead to it, credentials among them."""
        command = [self.binary, "simulate", vendor, "--port", str(free_port()), "--events", str(EVENTS[vendor])]
        command += ["--ledger", str(self.ledger_path(vendor))]
        name = f"simulator-{vendor}"
        self.processes.start(name, command, self.env)
        last = "OPENAI_ADMIN_KEY" if vendor == "openai" else "MICROSOFT365_CLIENT_SECRET"
        pattern = re.compile(r"^export (\w+)='(.*)'$", re.MULTILINE)

        def variables():
            self.processes.alive(name)
            found = dict(pattern.findall(self.processes.log(name).read_text()))
            return found if last in found else None

        self.simulated[vendor] = wait_for(name, START_SECONDS, variables)
        self.secret_values.add(self.simulated[vendor][last])
        # The only place that may hold it is this log, so it does not stay.
        self.processes.log(name).write_text("")

    def ledger_path(self, vendor):
        return self.work / f"{vendor}.ledger.ndjson"

    def ledger(self, vendor):
        return lake.read_ledger(self.ledger_path(vendor))

    def good_secret(self, vendor, source):
        told = self.simulated[vendor]
        secret = {"source_id": source, "source_label": source.title()}
        if vendor == "openai":
            return secret | {"admin_key": told["OPENAI_ADMIN_KEY"]}
        return secret | {
            "tenant_id": told["MICROSOFT365_TENANT_ID"],
            "client_id": told["MICROSOFT365_CLIENT_ID"],
            "client_secret": told["MICROSOFT365_CLIENT_SECRET"],
        }

    def create_secret(self, name, secret):
        text = json.dumps(secret)
        return self.client("secretsmanager").create_secret(Name=name, SecretString=text)["ARN"]

    def add_source(self, source):
        for vendor in VENDORS:
            self.arns[vendor].append(self.create_secret(f"{vendor}/{source}", self.good_secret(vendor, source)))

    # ---- The deployment ----

    def build(self):
        command = ["sam", "build", "--template-file", str(ROOT / "template.yaml"), "--build-dir", str(self.built)]
        command += ["--parameter-overrides", f"Architecture={ARCHITECTURE}"]
        self.processes.run("sam-build", command, self.env, BUILD_SECONDS, cwd=ROOT)

    @property
    def built(self):
        return self.work / "built"

    def deploy(self, schedule):
        """Deploys all that there is: alarms, dashboard and lake too."""
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
        """One tick by hand: its summary, or a failure."""
        answer = self.functions.invoke(FunctionName=function, Payload=b"{}")
        payload = answer["Payload"].read().decode()
        if answer.get("FunctionError"):
            raise Failed(f"{function} failed: {payload}")
        return json.loads(payload)

    def invoke_both_twice(self):
        """Two simultaneous ticks of each vendor: the lines that all of them put."""
        names = [f"{STACK}-{vendor}" for vendor in VENDORS] * 2
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            return sum(summary["delivered"] for summary in pool.map(self.invoke, names))

    def lines(self):
        objects = lake.read_objects(self.s3, self.outputs["BucketName"], PREFIX)
        lines = lake.read_lines(objects)
        lake.check_unique(lines)
        return lines

    def complete(self, sources):
        """Whether everything the vendors have shown by now is there."""
        shown, lines = {vendor: self.ledger(vendor) for vendor in VENDORS}, self.lines()
        return all(
            not shown[vendor] - lake.delivered(lines, source, vendor) for vendor in VENDORS for source in sources
        )

    def check(self, sources):
        """Every event once: nothing lost, nothing twice, nothing made up."""
        before = {vendor: self.ledger(vendor) for vendor in VENDORS}
        lines = self.lines()
        after = {vendor: self.ledger(vendor) for vendor in VENDORS}
        for vendor in VENDORS:
            if before[vendor].total() < EVENTS[vendor] * 0.9:
                raise Failed(f"{vendor} has shown only {before[vendor].total()} of its {EVENTS[vendor]} events")
            for source in sources:
                counts = lake.check_against_ledger(lines, source, vendor, before[vendor], after[vendor])
                for log_type, count in sorted(counts.items()):
                    say(f"  {source} {log_type}: {count} lines, 0 lost, 0 twice")
        return lines

    # ---- The acts ----

    def race(self):
        """First ticks of all, at once, until drained; then nothing is left to deliver."""
        for _ in range(MAX_TICKS):
            self.invoke_both_twice()
            if self.complete(["acme"]):
                break
        else:
            raise Failed(f"not drained after {MAX_TICKS} ticks")
        return self.check(["acme"])

    def shown(self):
        return sum(self.ledger(vendor).total() for vendor in VENDORS)

    def nothing_again(self, lines):
        """A second tick, and two at once, deliver nothing that is there already."""
        shown = self.shown()
        new = sum(self.invoke(f"{STACK}-{vendor}")["delivered"] for vendor in VENDORS)
        new += self.invoke_both_twice()
        again = self.check(["acme"])
        # The vendors' late events may have come meanwhile; check() has seen that each is there once.
        late = self.shown() - shown
        if not max(new, len(again) - len(lines)) <= late:
            raise Failed(f"{len(lines)} lines became {len(again)} ({new} delivered) though {late} events are new")
        say(f"  a second tick and two more at once: {new} lines, for {late} late events")

    def schedules(self):
        """A new source of each vendor is delivered by the EventBridge rules alone."""
        rules = self.client("events").list_rules()["Rules"]
        rates = sorted(rule["ScheduleExpression"] for rule in rules if rule["State"] == "ENABLED")
        if rates != ["rate(1 minute)", "rate(5 minutes)"]:
            raise Failed(f"the enabled rules are {rates}")
        wait_for("the schedules to deliver source beta", SCHEDULE_SECONDS, lambda: self.complete(["beta"]), every=5)

    def cargo_lambda(self):
        """`cargo lambda deploy` makes a working function of each binary; it finds nothing left to do."""
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
        """A function with a credential that the vendor refuses fails, and says that a person must act."""
        name = f"refused-{vendor}-{number}"
        of_good = self.functions.get_function(FunctionName=f"cargo-{vendor}")
        code = urllib.request.urlopen(of_good["Code"]["Location"], timeout=START_SECONDS).read()
        configuration = of_good["Configuration"]
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
        raise Failed(f"{name} has a bad credential and yet answered {summary}")

    def canaries(self):
        tenant = self.good_secret("microsoft365", "canary")
        del tenant["client_secret"]
        pem = CANARIES["private_key_pem"]
        self.refused("openai", 1, {"source_id": "canary", "admin_key": CANARIES["admin_key"]})
        self.refused("microsoft365", 1, tenant | {"client_secret": CANARIES["client_secret"]})
        self.refused("microsoft365", 2, tenant | {"certificate_pem": pem, "private_key_pem": pem})

    # ---- What must appear nowhere ----

    def function_logs(self):
        for group in self.logs.describe_log_groups()["logGroups"]:
            name = group["logGroupName"]
            for page in self.logs.get_paginator("filter_log_events").paginate(logGroupName=name):
                yield name, "\n".join(event["message"] for event in page["events"]).encode()

    def everything_written(self):
        """What the run left behind, by name: logs, objects (also unpacked), the table."""
        yield from self.function_logs()
        for path in self.work.glob("*.log"):
            yield path.name, path.read_bytes()
        for key, body in lake.read_objects(self.s3, self.outputs["BucketName"], PREFIX).items():
            yield key, lake.gzip.decompress(body) if key.endswith(".gz") else body
        table = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.outputs["StateTableName"])
        yield "the state table", json.dumps(list(table), default=str).encode()

    def forbidden(self):
        """Each secret as it is, as a form or an address encodes it, and as JSON escapes it."""
        for secret in [*self.secret_values, *CANARIES.values()]:
            for part in [secret, *secret.splitlines()[1:2]]:
                forms = {part, urllib.parse.quote(part, safe=""), urllib.parse.quote_plus(part), json.dumps(part)[1:-1]}
                yield from (form.encode() for form in forms)

    def no_secret(self):
        looked_at, log_bytes = 0, 0
        for name, body in self.everything_written():
            self.look_at(name, body)
            looked_at += 1
            log_bytes += len(body) if name.startswith("/aws/lambda/") else 0
        if log_bytes < 1_000:
            raise Failed("the functions' logs are missing")
        say(f"  none of {len(set(self.forbidden()))} forms of secrets, and no token, in {looked_at} places")

    def look_at(self, name, body):
        if any(secret in body for secret in self.forbidden()):
            raise Failed(f"a secret stands in {name}")
        if TOKEN.search(body):
            raise Failed(f"a token stands in {name}")

    def checks_can_fail(self, lines):
        """The same checks, on a bucket with a line less, a line twice, and a secret in it."""
        ledger = self.ledger("openai")
        of_source = [line for line in lines if line["p_source_id"] == "acme" and lake.vendor_of(line) == "openai"]
        must_fail("a lost line", lambda: lake.check_against_ledger(of_source[1:], "acme", "openai", ledger, ledger))
        must_fail("a surplus line", lambda: lake.check_against_ledger(of_source * 2, "acme", "openai", ledger, ledger))
        must_fail("a row id twice", lambda: lake.check_unique([*lines, lines[0]]))
        for secret in self.forbidden():
            must_fail("a secret", lambda body=b"{" + secret + b"}": self.look_at("a log", body))
        must_fail("a token", lambda: self.look_at("a log", b"Bearer eyJ0eXAiOiJKV1Qi.eyJhdWQiOiJodHRw.c2ln"))

    # ---- What readers see ----

    def read_by_tables(self, found, lines):
        """A reader that knows nothing of us counts the same, through Athena's tables."""
        objects = lake.read_objects(self.s3, self.outputs["BucketName"], PREFIX)
        tables.check_bucket(self.binary, found, lake.save(objects, self.work / "lake"), lines)

    def deployed_tables(self, found):
        """The stack's tables are those of the DDL, at the deployment's bucket and prefix."""
        glue = self.client("glue")
        database = STACK.replace("-", "_")
        deployed = {one["Name"]: one for one in glue.get_tables(DatabaseName=database)["TableList"]}
        if deployed.keys() != {table.name for table in found.values()}:
            raise Failed(f"the stack has the tables {sorted(deployed)}")
        for table in found.values():
            athena.check_deployed(table, deployed[table.name], self.outputs["BucketName"], PREFIX)

    def run(self):
        acts = Acts()
        found = tables.acts_alone(acts, self.binary, self.work)
        backlog.acts_alone(acts, self.processes, self.binary, self.work)
        acts.do("both functions built by sam build", self.build)
        acts.do("the emulated AWS is up", self.start_aws)
        acts.do("the vendors are up", lambda: [self.start_simulator(vendor) for vendor in VENDORS])
        self.add_source("acme")
        acts.do("the template deploys", lambda: self.deploy("DISABLED"))
        acts.do("the stack's tables are Athena's", lambda: self.deployed_tables(found))
        lines = acts.do("simultaneous first ticks deliver every event once", self.race)
        acts.do("further ticks deliver nothing again", lambda: self.nothing_again(lines))
        self.add_source("beta")
        acts.do("a second source of each vendor is one parameter more", lambda: self.deploy("ENABLED"))
        acts.do("cargo lambda deploy works", self.cargo_lambda)
        acts.do("a refused credential fails and says so", self.canaries)
        acts.do("the schedules deliver the second source", self.schedules)
        lines = acts.do("all lines of all sources are there once", lambda: self.check(["acme", "beta"]))
        acts.do("the checks can fail", lambda: self.checks_can_fail(lines))
        acts.do("DuckDB reads them through the tables", lambda: self.read_by_tables(found, lines))
        acts.do("no secret was written anywhere", self.no_secret)
        return acts.passed


def main(binary, only):
    work = pathlib.Path(tempfile.mkdtemp(prefix="audit-pull-e2e-"))
    end_to_end = EndToEnd(work, binary)
    try:
        if only == "tables":
            tables.acts_alone(acts := Acts(), binary, work)
            passed = acts.passed
        elif only == "backlog":
            backlog.acts_alone(acts := Acts(), end_to_end.processes, binary, work, full=True)
            passed = acts.passed
        else:
            passed = end_to_end.run()
    except Exception as error:
        say(f"FAILED: {type(error).__name__}: {error}")
        say(f"logs are in {work}")
        return 1
    finally:
        end_to_end.processes.stop_all()
    shutil.rmtree(work)
    say(f"passed, all {passed} acts")
    return 0


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("binary", help="the command line, built for release")
    arguments.add_argument("--only", choices=["tables", "backlog"], help="some of the acts")
    parsed = arguments.parse_args()
    sys.exit(main(parsed.binary, parsed.only))
