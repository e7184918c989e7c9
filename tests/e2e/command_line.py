"""Runs the command line on the deployed stack: doctor, status, pull and backfill find everything by the stack's name."""

import json
import subprocess

import lake
from processes import Failed
from steps import say

COMMAND_SECONDS = 300
VENDORS = ("openai", "microsoft365")
# Before all simulated events.
START = "2020-01-01"


def run(end_to_end, *arguments, codes=(0,)):
    """Runs a command with `--json` and returns its answer. Fails if its exit code is none of `codes`."""
    command = [end_to_end.binary, *arguments, "--json"]
    done = subprocess.run(
        command, env=end_to_end.env, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
    )
    if done.returncode not in codes:
        raise Failed(f"{' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def check_doctor(end_to_end, stack):
    steps = run(end_to_end, "doctor", "--stack", stack)["steps"]
    passed = {step["step"] for step in steps if step.get("ok")}
    sources = {step.get("source") for step in steps}
    if not {"secret", "bucket", "table", "state"} <= passed or not {"acme", "beta"} <= sources:
        raise Failed(f"doctor passed only {sorted(passed)} for {sources}")


def copy_models(end_to_end, bucket, prefix):
    """Copies the deployment's data model to a folder, and returns the folder."""
    folder = end_to_end.work / "models"
    folder.mkdir()
    body = end_to_end.s3.get_object(Bucket=bucket, Key=f"{prefix}_models/openai.yml")["Body"].read()
    (folder / "openai.yml").write_bytes(body)
    return str(folder)


def check(end_to_end, stack):
    """Checks that every command finds the deployment, and that nothing is delivered again."""
    bucket, prefix = end_to_end.outputs["BucketName"], "audit/"
    before = set(lake.read_objects(end_to_end.s3, bucket, prefix))
    check_doctor(end_to_end, stack)
    streams = len(run(end_to_end, "status", "--stack", stack, codes=(0, 1))["streams"])
    place = ("--stack", stack, "--models", copy_models(end_to_end, bucket, prefix))
    for vendor in VENDORS:
        pulled = run(end_to_end, "pull", vendor, *place, "--source", "acme", codes=(0, 1))["streams"]
        # The vendor of the blobs keeps seven days only, so the rest of the span is a gap.
        filled = run(end_to_end, "backfill", vendor, *place, "--from", START, codes=(0, 1))
        # Blobs that were consumed are not fetched again, so only the listing of events shows them again.
        listed = sum(stream["events"] for stream in filled["streams"]) or vendor == "microsoft365"
        if not pulled or filled["unfinished"] or not listed:
            raise Failed(f"{vendor}: {pulled} {filled}")
        delivered = sum(stream["delivered"] for stream in filled["streams"])
        if delivered:
            raise Failed(f"the backfill of {vendor} delivered {delivered} lines again")
    after = set(lake.read_objects(end_to_end.s3, bucket, prefix))
    if not before <= after:
        raise Failed("objects have vanished")
    say(f"  {streams} streams; the backfills found nothing new")
