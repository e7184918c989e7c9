"""Records the calls that the functions make to AWS. It is a reverse proxy on loopback between the functions and the
emulated AWS, and answers a read of a missing object as S3 answers a caller who may list only one prefix of the bucket.
"""

import collections
import http.client
import http.server
import re
import threading

import rights
from processes import Failed

UPSTREAM_SECONDS = 60
# The SDK sends the value of AWS_SDK_UA_APP_ID, which tells the vendors' functions apart.
CALLER = re.compile(r"\bapp/([\w-]+)")
# Headers that belong to one connection only.
OF_CONNECTION = {"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server"}
OF_REQUEST = {"connection", "expect", "transfer-encoding"}
# S3 does not say that a key is missing if the caller may not list all keys.
HIDDEN = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'


class Recorder:
    """The proxy, and the needs of the calls by caller. The caller is empty for a function without an app id."""

    def __init__(self, upstream_port, account):
        self.upstream_port, self.account = upstream_port, account
        self.lock = threading.Lock()
        self.used = collections.defaultdict(set)
        self.unknown = []
        self.calls = self.hidden = 0
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                recorder.forward(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = forward

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def forward(self, request):
        """Sends the request on, records it, and returns the answer to the function."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = read_body(request, headers)
        found = self.record(request.command, request.path, headers, body)
        status, reason, answer_headers, answer = self.send(request.command, request.path, headers, body)
        if status == 404 and found and found[0].action == "s3:GetObject" and b"<Code>NoSuchKey<" in answer:
            self.hidden += 1
            status, reason, answer_headers, answer = 403, "Forbidden", [("Content-Type", "application/xml")], HIDDEN
        request.send_response(status, reason)
        for name, value in answer_headers:
            if name.lower() not in OF_CONNECTION:
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(answer)

    def send(self, method, path, headers, body):
        upstream = http.client.HTTPConnection("127.0.0.1", self.upstream_port, timeout=UPSTREAM_SECONDS)
        try:
            sent = {name: value for name, value in headers.items() if name not in OF_REQUEST}
            upstream.request(method, path, body=body, headers=sent | {"content-length": str(len(body))})
            answer = upstream.getresponse()
            return answer.status, answer.reason, answer.getheaders(), answer.read()
        finally:
            upstream.close()

    def record(self, method, path, headers, body):
        """Records the needs of a signed request, and returns them. Downloads of code are not signed."""
        if "Credential=" not in headers.get("authorization", ""):
            return []
        agent = headers.get("x-amz-user-agent", "") + " " + headers.get("user-agent", "")
        caller = CALLER.search(agent)
        try:
            found = rights.needs(method, path, headers, body, self.account)
        except Exception as error:
            with self.lock:
                self.unknown.append(str(error))
            return []
        with self.lock:
            self.calls += 1
            self.used[caller[1] if caller else ""].update(found)
        return found

    def needs_of(self, caller):
        """Returns the needs of all calls of a caller. Fails if the recorder did not know one of the calls."""
        with self.lock:
            if self.unknown:
                raise Failed(f"{len(self.unknown)} calls cannot be mapped to rights, such as: {self.unknown[0]}")
            return set(self.used[caller])


def read_body(request, headers):
    """Returns the body of a request, with a length or in chunks."""
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return request.rfile.read(int(headers.get("content-length", 0)))
    body = b""
    while size := int(request.rfile.readline().split(b";")[0], 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    while request.rfile.readline().strip():
        pass
    return body
