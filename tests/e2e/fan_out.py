"""Checks the fan-out on the emulated AWS: 100 sources, each served in every period, none lost and none repeated.

The emulator batches messages, deletes those that a response does not name, bounds the concurrency and moves messages to
the dead-letter queue. It ignores the batching window, and does not check the rights of the functions. It takes the
maximum concurrency of a template for a text, so the test sets the number again.
"""

import datetime
import json
import re
import time

import lake
from processes import Failed, free_port, wait_for
from steps import say

STACK = "audit-pull-fan-out"
PREFIX = "fan-out/"
SECRETS = "fan-out/openai/"
SOURCES = 100
EVENTS = 30
PERIODS = 3
PERIOD_SECONDS = 60
START_SECONDS = 60
# A schedule fires within a period of its creation, and a tick takes some seconds.
PERIOD_LIMIT_SECONDS = 2 * PERIOD_SECONDS + 30
DEAD_LETTER_SECONDS = 60
EXPORT = re.compile(r"^export (\w+)='(.*)'$", re.MULTILINE)
LAST_EXPORT = "OPENAI_ADMIN_KEY"


def source_id(number):
    return f"source-{number:03}"


class FanOut:
    """The stack with a fan-out, in the emulated AWS of the end-to-end test."""

    def __init__(self, end_to_end):
        self.e2e = end_to_end
        self.ledger_path = end_to_end.work / "fan-out.ledger.ndjson"
        self.sources = []

    def start_vendor(self):
        name, processes = "simulator-fan-out", self.e2e.processes
        command = [self.e2e.binary, "simulate", "openai", "--port", str(free_port()), "--events", str(EVENTS)]
        processes.start(name, [*command, "--ledger", str(self.ledger_path)], self.e2e.env)

        def variables():
            processes.assert_running(name)
            found = dict(EXPORT.findall(processes.log_path(name).read_text()))
            return found if LAST_EXPORT in found else None

        self.variables = wait_for(name, START_SECONDS, variables)
        # This log is the only place that may have the credential.
        processes.log_path(name).write_text("")
        self.e2e.secret_values.add(self.variables[LAST_EXPORT])

    def add_source(self):
        """Creates the secret of another source. All sources are accounts with the same key."""
        source = source_id(len(self.sources))
        secret = {"source_id": source, "source_label": source, "admin_key": self.variables[LAST_EXPORT]}
        self.e2e.create_secret(SECRETS + source, secret)
        self.sources.append(source)

    def deploy(self):
        parameters = {
            "FanOut": "true",
            "FanOutConcurrency": "4",
            "OpenAISecretPrefix": SECRETS,
            "OpenAIBaseUrl": self.variables["OPENAI_BASE_URL"],
            "Prefix": PREFIX,
        }
        self.outputs = self.e2e.deploy_stack(STACK, parameters)
        functions, queues = self.e2e.functions, self.e2e.client("sqs")
        mapping = functions.list_event_source_mappings(FunctionName=f"{STACK}-openai")["EventSourceMappings"][0]
        concurrency = {"MaximumConcurrency": int(mapping["ScalingConfig"]["MaximumConcurrency"])}
        mapping = functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=concurrency)
        found = (mapping["BatchSize"], mapping["ScalingConfig"], mapping["FunctionResponseTypes"])
        if found != (8, {"MaximumConcurrency": 4}, ["ReportBatchItemFailures"]):
            raise Failed(f"the mapping of the queue has {found}")
        self.queue = queues.get_queue_url(QueueName=f"{STACK}-openai-sources")["QueueUrl"]
        self.queues = queues

    # ---- The log ----

    def log(self, function, message):
        """Returns the log lines of this kind, each with its time in seconds."""
        lines = []
        pages = self.e2e.logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
        for event in (event for page in pages for event in page["events"]):
            for text in event["message"].splitlines():
                line = json.loads(text) if text.startswith("{") else {}
                if line.get("message") == message:
                    line["seconds"] = datetime.datetime.fromisoformat(line["timestamp"]).timestamp()
                    lines.append(line)
        return sorted(lines, key=lambda line: line["seconds"])

    def plans(self):
        return self.log(f"{STACK}-openai-planner", "plan")

    def served(self, begin, end):
        """Returns the sources of which a tick ended without a failure between two times."""
        ticks = self.log(f"{STACK}-openai", "stream")
        return {tick["source"] for tick in ticks if begin <= tick["seconds"] < end and "failure" not in tick}

    def wait_for_plans(self, count):
        def planned():
            plans = self.plans()
            return plans if len(plans) >= count else None

        return wait_for(f"plan {count}", PERIOD_LIMIT_SECONDS + count * PERIOD_SECONDS, planned, every=2)

    # ---- The steps ----

    def new_source(self):
        """Checks after three plans that a new secret is a source of the next one, without a deployment."""
        self.wait_for_plans(PERIODS)
        self.add_source()
        began = time.time()
        wait_for("the new source", PERIOD_LIMIT_SECONDS, lambda: self.sources[-1] in self.served(began, 2 * began), 1)
        say(f"  served {time.time() - began:.0f} s after its secret was created")

    def every_period(self):
        """Checks that every source was served in each of the periods before the new source, which the next plan has."""
        plans, count = self.plans(), len(self.sources) - 1
        if [plan["messages"] for plan in plans[: PERIODS + 1]] != [count] * PERIODS + [count + 1]:
            raise Failed(f"the plans have {[plan['messages'] for plan in plans]} messages")
        for before, after in zip(plans[:PERIODS], plans[1:]):
            missing = set(self.sources[:-1]) - self.served(before["seconds"], after["seconds"])
            if missing:
                raise Failed(f"{len(missing)} sources were not served in their period, such as {min(missing)}")
            say(f"  {count} sources served within {after['seconds'] - before['seconds']:.0f} s")

    def stop(self):
        """Stops the schedule, and waits until every message is processed."""
        events = self.e2e.client("events")
        for rule in events.list_rules()["Rules"]:
            if rule["Name"].startswith(STACK) and rule["State"] == "ENABLED":
                events.disable_rule(Name=rule["Name"])
        wait_for("an empty queue", PERIOD_LIMIT_SECONDS, lambda: self.length(self.queue) == 0)

    def length(self, queue):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.queues.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def reconcile(self):
        """Checks that every source has each event of the vendor once, and that no message was given up."""
        self.stop()
        before = lake.read_ledger(self.ledger_path)
        lines = lake.read_lines(lake.read_objects(self.e2e.s3, self.outputs["BucketName"], PREFIX))
        lake.check_unique(lines)
        after = lake.read_ledger(self.ledger_path)
        if before.total() < EVENTS * 0.9:
            raise Failed(f"the vendor has shown only {before.total()} of its {EVENTS} events")
        for source in self.sources:
            lake.check_against_ledger(lines, source, "openai", before, after)
        dead = self.length(self.outputs["OpenAIDeadLetterQueueUrl"])
        if dead:
            raise Failed(f"{dead} messages are in the dead-letter queue")
        say(f"  {len(self.sources)} sources, {len(lines)} lines, 0 lost, 0 repeated, no dead letter")

    def dead_letter(self):
        """Checks that a foreign message gets into the dead-letter queue, and no tick out of it."""
        ticks = len(self.log(f"{STACK}-openai", "stream"))
        # The template's visibility timeout is longer than this test.
        self.queues.set_queue_attributes(QueueUrl=self.queue, Attributes={"VisibilityTimeout": "2"})
        foreign = f"arn:aws:secretsmanager:{self.e2e.functions.meta.region_name}:000000000000:secret:elsewhere/x-AbCdEf"
        body = json.dumps({"secret_arn": foreign, "expires_at": int(time.time()) + 600})
        self.queues.send_message(QueueUrl=self.queue, MessageBody=body)
        dead = self.outputs["OpenAIDeadLetterQueueUrl"]
        wait_for("the dead letter", DEAD_LETTER_SECONDS, lambda: self.length(dead) == 1)
        refused = self.log(f"{STACK}-openai", "stream")[ticks:]
        if len(refused) != 1 or "names a secret that is neither" not in refused[0]["failure"]:
            raise Failed(f"the foreign message was not refused: {refused}")


def run_steps(steps, end_to_end):
    """Runs the steps. The emulated AWS runs, and the functions are built."""
    fan_out = FanOut(end_to_end)
    steps.run("a vendor for the fan-out starts", fan_out.start_vendor)
    steps.run(f"{SOURCES} secrets are created", lambda: [fan_out.add_source() for _ in range(SOURCES)])
    steps.run("the template deploys with a fan-out", fan_out.deploy)
    steps.run("a new secret is a source within one period", fan_out.new_source)
    steps.run("the fan-out served every source in every period", fan_out.every_period)
    steps.run("the fan-out delivers every event of every source once", fan_out.reconcile)
    steps.run("a message that no invocation can process is a dead letter", fan_out.dead_letter)
