"""Queues that receive what the topics of the deployment send, and the checks of these messages."""

import collections
import json
import urllib.parse

from processes import Failed, wait_for

DELIVERY_SECONDS = 60


class Queue:
    """A queue that is subscribed to a topic, and the messages that it has received."""

    def __init__(self, sqs, sns, name, topic):
        self.sqs = sqs
        self.url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        self.received = []

    def messages(self):
        """Receives what is in the queue. Returns all messages since its creation, each with Subject and Message."""
        while found := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", []):
            for message in found:
                self.received.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return self.received


def created_keys(messages, bucket):
    """Returns the keys of the objects that the messages say were created in the bucket, in the order of arrival."""
    keys = []
    for message in messages:
        event = json.loads(message["Message"])
        if event.get("Event") == "s3:TestEvent":
            continue
        for record in event["Records"]:
            if record["s3"]["bucket"]["name"] != bucket or not record["eventName"].startswith("ObjectCreated:"):
                raise Failed(f"a message is about something else: {record}")
            keys.append(urllib.parse.unquote_plus(record["s3"]["object"]["key"]))
    return keys


def check_once(keys, before, after):
    """Checks that the messages name each key of `before` once, no key twice, and no key outside `after`."""
    counts = collections.Counter(keys)
    repeated = sorted(key for key, count in counts.items() if count > 1)
    missing, strange = sorted(before - counts.keys()), sorted(counts.keys() - after)
    if repeated or missing or strange:
        raise Failed(f"new objects: repeated {repeated[:3]}, without a message {missing[:3]}, not of lines {strange[:3]}")


def check_new_objects(queue, bucket, line_keys):
    """Checks that each new object of lines caused one message. `line_keys` lists these objects. Returns their number."""
    before = line_keys()
    if not before:
        raise Failed("the bucket has no object of lines")
    wait_for(
        "a message per object", DELIVERY_SECONDS,
        lambda: before <= set(created_keys(queue.messages(), bucket)), every=2,
    )
    check_once(created_keys(queue.messages(), bucket), before, line_keys())
    return len(before)
