"""Reads the objects of the bucket and compares their lines with the vendors' ledgers."""

import collections
import gzip
import json
import re

from processes import Failed

# The key of an object of lines: its table, its partition, its source and its `seq`.
KEY = re.compile(
    r"(?P<table>[a-z0-9_]+)/dt=\d{4}-\d\d-\d\d/hour=\d\d/(?P<source>[A-Za-z0-9_.-]+)-(?P<seq>\d{12})\.ndjson\.gz"
)
ROW_ID = re.compile(r"[0-9a-f]{32}")
# Folders under the prefix whose objects have no lines.
FOLDERS_WITHOUT_LINES = ("_models/", "_state/", "rejected/")


def table_of(log_type):
    return log_type.lower().replace(".", "_")


def read_objects(s3, bucket, prefix):
    """Returns the bytes of every object, by its key without the prefix. Fails if an object is outside the prefix."""
    objects = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            if not entry["Key"].startswith(prefix):
                raise Failed(f"object {entry['Key']} is outside the prefix {prefix}")
            answer = s3.get_object(Bucket=bucket, Key=entry["Key"])
            key = entry["Key"][len(prefix):]
            if not key.startswith(FOLDERS_WITHOUT_LINES):
                check_headers(key, answer)
            objects[key] = answer["Body"].read()
    return objects


def check_headers(key, answer):
    """Checks that an object of lines is served as a gzip file, and not as text that HTTP clients decompress."""
    if answer["ContentType"] != "application/gzip" or answer.get("ContentEncoding"):
        raise Failed(f"{key} has content type {answer['ContentType']} and encoding {answer.get('ContentEncoding')}")


def save(objects, folder):
    """Writes the objects of lines into `folder`, as a local lake, and returns the folder."""
    for key, body in objects.items():
        if not key.startswith(FOLDERS_WITHOUT_LINES):
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            (folder / key).write_bytes(body)
    return folder


def read_lines(objects):
    """Returns all lines in the order of their keys. Fails if an object or line is malformed, or a `seq` repeated."""
    lines, seqs = [], collections.defaultdict(list)
    for key, body in sorted(objects.items()):
        if key.startswith(FOLDERS_WITHOUT_LINES):
            continue
        place = KEY.fullmatch(key)
        if not place:
            raise Failed(f"{key} is not a valid key of an object of lines")
        text = gzip.decompress(body)
        if not text.endswith(b"\n"):
            raise Failed(f"{key} does not end in a line feed")
        seqs[place["table"], place["source"]].append(int(place["seq"]))
        for line in text.splitlines():
            line = json.loads(line)
            check_line(line, place, key)
            lines.append(line)
    for stream, found in seqs.items():
        # A `seq` may be missing: a commit that only has rejected input or consumed blobs has no object.
        if len(found) != len(set(found)):
            raise Failed(f"{stream} has the seqs {sorted(found)}, some of them twice")
    return lines


def check_line(line, place, key):
    """Checks that a line's standard fields agree with the key of its object."""
    row_id, log_type, source = line["p_row_id"], line["p_log_type"], line["p_source_id"]
    if not ROW_ID.fullmatch(row_id) or table_of(log_type) != place["table"] or source != place["source"]:
        raise Failed(f"a line of {key} has {row_id=} {log_type=} {source=}")


def read_ledger(path):
    """Counts all events that the vendor has shown, by log type and id."""
    if not path.exists():
        return collections.Counter()
    # Only a line feed ends a line: texts may contain other separators. A line without one is still being written.
    complete, _, _ = path.read_bytes().rpartition(b"\n")
    entries = (json.loads(line) for line in complete.split(b"\n") if line)
    return collections.Counter((entry["log_type"], entry["id"]) for entry in entries)


def delivered(lines, source, vendor):
    """Counts the lines of one source of one vendor, by log type and event id."""
    own = (line for line in lines if line["p_source_id"] == source and vendor_of(line) == vendor)
    return collections.Counter((line["p_log_type"], line.get("id", line.get("Id"))) for line in own)


def vendor_of(line):
    return line["p_log_type"].split(".")[0].lower()


def check_unique(lines):
    """Checks that no row id is repeated. Two sources have different row ids, because the source is part of the hash."""
    for row_id, count in collections.Counter(line["p_row_id"] for line in lines).items():
        if count > 1:
            raise Failed(f"{count} lines have the row id {row_id}")


def check_against_ledger(lines, source, vendor, before, after):
    """Checks that every event in the ledger `before` was delivered once, and that every line is in the ledger `after`.

    Returns the number of lines by log type.
    """
    found = delivered(lines, source, vendor)
    lost, surplus = before - found, found - after
    if lost:
        raise Failed(f"{vendor}/{source}: {lost.total()} events are lost, such as {next(iter(lost))}")
    if surplus:
        example = next(iter(surplus))
        raise Failed(f"{vendor}/{source}: {surplus.total()} lines are repeated or were never served, such as {example}")
    return collections.Counter(log_type for log_type, _ in found.elements())
