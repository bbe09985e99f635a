"""A gateway with the payments server behind it, set up by its own command line, and a receiver of
OpenTelemetry and of webhooks that reads what comes by the protocol's own messages."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = pathlib.Path(
    os.environ.get("COUNTERSIGN_PROGRAMS", HERE.parent.parent / "target" / "debug")
)

UPSTREAM_KEY = "canary-credential-of-the-upstream-5f1c"
COLLECTOR_TOKEN = "canary-token-of-the-collector-77aa"
WEBHOOK_SECRET = "canary-secret-of-the-webhook-2b9d"

REQUESTS = {
    "/v1/logs": (logs.ExportLogsServiceRequest, logs.ExportLogsServiceResponse),
    "/v1/metrics": (metrics.ExportMetricsServiceRequest, metrics.ExportMetricsServiceResponse),
    "/v1/traces": (traces.ExportTraceServiceRequest, traces.ExportTraceServiceResponse),
}


class Receiver:
    """Takes OTLP over HTTP and signed webhooks, and keeps what it got."""

    def __init__(self):
        self.messages = {path: [] for path in REQUESTS}
        self.batches = []
        self.wrong = []
        self.raw = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.raw.append(body)
                kind, answer = "application/json", b"{}"
                try:
                    if self.path == "/hook":
                        receiver.hook(self.headers, body)
                    else:
                        answer = receiver.otlp(self.path, self.headers, body)
                        kind = "application/x-protobuf"
                except Exception as error:  # whatever it is, the test is told
                    receiver.wrong.append(f"{self.path}: {error!r}")
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def otlp(self, path, headers, body):
        request, response = REQUESTS[path]
        assert headers["content-type"] == "application/x-protobuf", headers["content-type"]
        assert headers["authorization"] == f"Bearer {COLLECTOR_TOKEN}"
        message = request()
        message.ParseFromString(body)
        self.messages[path].append(message)
        return response().SerializeToString()

    def hook(self, headers, body):
        signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
        mac = hmac.new(WEBHOOK_SECRET.encode(), signed, hashlib.sha256).digest()
        assert headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
        self.batches.append((headers["webhook-id"], json.loads(body)))

    def records(self):
        for message in self.messages["/v1/logs"]:
            for resource in message.resource_logs:
                for scope in resource.scope_logs:
                    yield from scope.log_records

    def spans(self):
        for message in self.messages["/v1/traces"]:
            for resource in message.resource_spans:
                for scope in resource.scope_spans:
                    yield from scope.spans

    def measured(self):
        for message in self.messages["/v1/metrics"]:
            for resource in message.resource_metrics:
                for scope in resource.scope_metrics:
                    yield from scope.metrics


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("what was waited for did not come")


class House:
    """`countersign serve` with every export on, and the payments server behind it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="countersign-telemetry-"))
        self.receiver = Receiver()
        self.running = []
        write = lambda name, text: (self.folder / name).write_text(text)
        write("headers", f"Authorization: Bearer {COLLECTOR_TOKEN}\n")
        write("secret", WEBHOOK_SECRET + "\n")
        write("upstream.key", UPSTREAM_KEY)
        environment = {
            "COUNTERSIGN_EXPORT__OTLP__URL": self.receiver.url,
            "COUNTERSIGN_EXPORT__OTLP__HEADERS_FILE": str(self.folder / "headers"),
            "COUNTERSIGN_EXPORT__WEBHOOK__URL": self.receiver.url + "/hook",
            "COUNTERSIGN_EXPORT__WEBHOOK__SECRET_FILE": str(self.folder / "secret"),
            "COUNTERSIGN_EXPORT__FILE__PATH": str(self.folder / "out" / "evidence.jsonl"),
            "COUNTERSIGN_EXPORT__FILE__BYTES_MAX": "65536",
            "COUNTERSIGN_EVIDENCE__CAPTURE": "true",
            "COUNTERSIGN_LOG__LEVEL": "trace",
            "RUST_LOG": "trace",
        }
        serve = ["--json", "serve", "--data-dir", str(self.folder / "data")]
        serve += ["--gateway-listen", "127.0.0.1:0", "--control-listen", "127.0.0.1:0"]
        self.log = open(self.folder / "log", "wb")
        self.serving = self.start("countersign", serve, environment)
        said = json.loads(self.serving.stdout.readline())
        self.control, self.key = said["control_url"], said["api_key"]
        paying = self.start(
            "countersign-payments", ["--api-key-file", str(self.folder / "upstream.key")], {}
        )
        url = paying.stdout.readline().decode().removeprefix("serving ").strip()
        self.cli("server", "add", "payments", url, "--no-probe")
        self.cli("credential", "set", "payments", "--file", str(self.folder / "upstream.key"))
        self.cli("server", "refresh", "payments")
        # All that may be recorded is: no value is anywhere in the open even so.
        key = self.cli("capture", "key", "--to", str(self.folder / "capture.key"))["key"]
        on = ["--fingerprints", "on", "--capture", "both", "--capture-key", key, "--understood"]
        self.cli("recording", "set", "payments", *on)
        policy = {
            "version": "1",
            "default": "deny",
            "tools": {"get_invoice": {}, "list_invoices": {}},
        }
        write("p.json", json.dumps(policy))
        self.cli("policy", "publish", "p", str(self.folder / "p.json"))
        made = self.cli("grant", "issue", "agent", "--server", "payments=p")
        self.token = made["token"]
        self.gateway = self.cli("server", "show", "payments")["gateway_url"]

    def start(self, program, arguments, environment):
        clean = {n: v for n, v in os.environ.items() if not n.startswith("COUNTERSIGN_")}
        process = subprocess.Popen(
            [str(PROGRAMS / program), *arguments],
            cwd=self.folder,
            env={**clean, **environment},
            stdout=subprocess.PIPE,
            stderr=self.log,
        )
        self.running.append(process)
        return process

    def cli(self, *arguments):
        clean = {n: v for n, v in os.environ.items() if not n.startswith("COUNTERSIGN_")}
        done = subprocess.run(
            [str(PROGRAMS / "countersign"), "--json", "--url", self.control, *arguments],
            cwd=self.folder,
            env={**clean, "COUNTERSIGN_API_KEY": self.key},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stderr)
        lines = done.stdout.decode().strip().splitlines()
        return json.loads(lines[-1]) if lines else None

    def get(self, path, key=None):
        request = urllib.request.Request(self.control + path)
        if key:
            request.add_header("authorization", f"Bearer {key}")
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def call(self, tool, arguments, headers=None, meta=None, token=None):
        version = "2026-07-28"
        params = {
            "name": tool,
            "arguments": arguments,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": version,
                "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
                **(meta or {}),
            },
        }
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        request = urllib.request.Request(self.gateway, json.dumps(message).encode())
        for name, value in {
            "authorization": f"Bearer {token or self.token}",
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": version,
            "mcp-method": "tools/call",
            "mcp-name": tool,
            **(headers or {}),
        }.items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def close(self):
        for process in reversed(self.running):
            process.terminate()
        for process in self.running:
            process.wait(timeout=60)
        self.log.close()
