"""Reads the bucket back and holds it against the vendors' ledgers."""

import collections
import gzip
import json
import re

from processes import Failed

# A line's table, source and place, as its object's key says.
KEY = re.compile(
    r"(?P<table>[a-z0-9_]+)/dt=\d{4}-\d\d-\d\d/hour=\d\d/(?P<source>[A-Za-z0-9_.-]+)-(?P<seq>\d{12})\.ndjson\.gz"
)
ROW_ID = re.compile(r"[0-9a-f]{32}")
# What lies under the prefix and is not lines.
ASIDE = ("_state/", "rejected/")


def table_of(log_type):
    return log_type.lower().replace(".", "_")


def read_objects(s3, bucket, prefix):
    """Every object's bytes by its key without the prefix."""
    objects = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            if not entry["Key"].startswith(prefix):
                raise Failed(f"object {entry['Key']} is outside the prefix {prefix}")
            answer = s3.get_object(Bucket=bucket, Key=entry["Key"])
            key = entry["Key"][len(prefix):]
            if not key.startswith(ASIDE):
                check_headers(key, answer)
            objects[key] = answer["Body"].read()
    return objects


def check_headers(key, answer):
    if answer["ContentType"] != "application/gzip" or answer.get("ContentEncoding"):
        raise Failed(f"{key} is {answer['ContentType']} with encoding {answer.get('ContentEncoding')}")


def save(objects, folder):
    """The objects of lines as the files of a local lake."""
    for key, body in objects.items():
        if not key.startswith(ASIDE):
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            (folder / key).write_bytes(body)
    return folder


def read_lines(objects):
    """Every line of every object of lines, in order of table, source and number."""
    lines, numbers = [], collections.defaultdict(list)
    for key, body in sorted(objects.items()):
        if key.startswith(ASIDE):
            continue
        place = KEY.fullmatch(key)
        if not place:
            raise Failed(f"{key} is not where lines belong")
        text = gzip.decompress(body)
        if not text.endswith(b"\n"):
            raise Failed(f"{key} does not end in a line feed")
        numbers[place["table"], place["source"]].append(int(place["seq"]))
        for line in text.splitlines():
            lines.append(checked(json.loads(line), place, key))
    for stream, found in numbers.items():
        # A number may be missing: a commit of rejected input or of consumed blobs alone has no object.
        if len(found) != len(set(found)):
            raise Failed(f"{stream} has numbers {sorted(found)}: one is there twice")
    return lines


def checked(line, place, key):
    row_id, log_type, source = line["p_row_id"], line["p_log_type"], line["p_source_id"]
    if not ROW_ID.fullmatch(row_id) or table_of(log_type) != place["table"] or source != place["source"]:
        raise Failed(f"a line of {key} says {row_id=} {log_type=} {source=}")
    return line


def read_ledger(path):
    """The log type and the id of every event the vendor ever showed."""
    if not path.exists():
        return collections.Counter()
    # Only a line feed ends a line: texts hold other separators. What has none yet is still being written.
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    entries = (json.loads(line) for line in whole.split(b"\n") if line)
    return collections.Counter((entry["log_type"], entry["id"]) for entry in entries)


def delivered(lines, source, vendor):
    """The log type and the id of every line of one source of one vendor."""
    mine = (line for line in lines if line["p_source_id"] == source and vendor_of(line) == vendor)
    return collections.Counter((line["p_log_type"], line.get("id", line.get("Id"))) for line in mine)


def vendor_of(line):
    return line["p_log_type"].split(".")[0].lower()


def check_unique(lines):
    """No row id twice: row ids of two sources differ, for the source is part of what is hashed."""
    for row_id, count in collections.Counter(line["p_row_id"] for line in lines).items():
        if count > 1:
            raise Failed(f"row id {row_id} is there {count} times")


def check_against_ledger(lines, source, vendor, before, after):
    """Every event shown `before` is there, once; nothing is there that was not shown `after`."""
    got = delivered(lines, source, vendor)
    lost, surplus = before - got, got - after
    if lost:
        raise Failed(f"{vendor}/{source}: {lost.total()} events lost, such as {next(iter(lost))}")
    if surplus:
        raise Failed(f"{vendor}/{source}: {surplus.total()} lines too many, such as {next(iter(surplus))}")
    return collections.Counter(log_type for log_type, _ in got.elements())
