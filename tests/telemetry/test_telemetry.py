"""What a running instance tells others: by the messages of OpenTelemetry's makers, by the strict
reader of Prometheus' makers, and with no value, token or credential anywhere.

    cargo xtask test        # installs what this needs and runs it
"""

import base64
import json
import pathlib
import secrets
import shutil
import subprocess
import unittest

from prometheus_client.parser import text_string_to_metric_families

import house
import hpke

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Telemetry(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.house = house.House()
        cls.canaries = [secrets.token_hex(12) for _ in range(4)]
        argument, name, token, state = cls.canaries
        cls.made_up = "t" + secrets.token_hex(12)
        traced = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}
        status, body = cls.house.call("get_invoice", {"invoice": argument}, meta=traced)
        assert status == 200, body
        cls.house.call("list_invoices", {"customer": argument, f"k{name}": argument})
        cls.house.call("refund_payment", {"payment": argument, "amount": 1, "currency": "USD", "reason": argument})
        cls.house.call(cls.made_up, {"a": argument})
        cls.house.call("get_invoice", {"invoice": argument}, token=f"csg1_{token}")
        cls.house.call("get_invoice", {"invoice": "x"}, headers={"traceparent": argument, "baggage": f"b={state}"})
        receiver = cls.house.receiver
        house.wait_for(lambda: any(span.trace_id.hex() == TRACE for span in receiver.spans()))
        house.wait_for(lambda: any(record.event_name == "countersign.outcome" for record in receiver.records()))
        house.wait_for(lambda: any(b"\"kind\":\"outcome\"" in json.dumps(batch, separators=(",", ":")).encode() for _, batch in receiver.batches))
        cls.metrics = cls.house.get("/metrics", cls.house.key)[1].decode()
        cls.records, cls.evidence = cls.house.folder / "records.jsonl", cls.house.folder / "all.jsonl"
        cls.house.cli("capture", "export", "--to", str(cls.records))
        cls.house.cli("audit", "export", "--to", str(cls.evidence))
        # The collector gets measurements every half minute, and once more at the end.
        cls.house.running[0].terminate()
        cls.house.running[0].wait(timeout=60)
        house.wait_for(lambda: receiver.messages["/v1/metrics"])
        cls.house.close()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.house.folder, ignore_errors=True)

    def test_everything_that_came_was_as_the_protocols_say(self):
        self.assertEqual(self.house.receiver.wrong, [])
        for path, messages in self.house.receiver.messages.items():
            self.assertTrue(messages, path)

    def test_log_records_are_the_entries(self):
        bodies = [json.loads(record.body.string_value) for record in self.house.receiver.records()]
        indexes = [body["index"] for body in bodies]
        self.assertEqual(indexes, list(range(len(indexes))), "in order, and none missing")
        kinds = {body["kind"] for body in bodies}
        self.assertEqual(kinds, {"admin", "decision", "outcome"})
        for record in self.house.receiver.records():
            self.assertGreater(record.time_unix_nano, 1_700_000_000 * 10**9)

    def test_batches_are_in_order_and_each_has_its_own_name(self):
        names = [name for name, _ in self.house.receiver.batches]
        self.assertEqual(len(names), len(set(names)))
        at = 0
        for _, batch in self.house.receiver.batches:
            self.assertEqual(batch["from"], at)
            at = batch["next"]

    def test_a_trace_goes_through_with_a_span_of_ours_for_each_leg(self):
        spans = [span for span in self.house.receiver.spans() if span.trace_id.hex() == TRACE]
        server = [span for span in spans if span.kind == span.SPAN_KIND_SERVER]
        client = [span for span in spans if span.kind == span.SPAN_KIND_CLIENT]
        self.assertEqual((len(server), len(client)), (1, 1))
        self.assertEqual(server[0].parent_span_id.hex(), PARENT)
        self.assertEqual(client[0].parent_span_id, server[0].span_id)
        self.assertEqual(server[0].name, "tools/call get_invoice")
        self.assertLessEqual(server[0].start_time_unix_nano, client[0].start_time_unix_nano)
        self.assertGreaterEqual(server[0].end_time_unix_nano, client[0].end_time_unix_nano)

    def test_measurements_pass_the_strict_reader(self):
        families = {family.name: family for family in text_string_to_metric_families(self.metrics)}
        self.assertNotIn("unknown", {family.type for family in families.values()})
        calls = {
            sample.labels["decision"]: sample.value
            for sample in families["countersign_calls"].samples
            if sample.labels["method"] == "tools/call"
        }
        self.assertGreaterEqual(calls["allowed"], 2)
        self.assertGreaterEqual(calls["denied"], 2)
        took = families["countersign_call_duration_seconds"].samples
        buckets = [sample for sample in took if sample.name.endswith("_bucket")]
        values = [sample.value for sample in buckets]
        self.assertEqual(values, sorted(values), "buckets are cumulative")
        count = [sample.value for sample in took if sample.name.endswith("_count")]
        self.assertEqual(buckets[-1].labels["le"], "+Inf")
        self.assertEqual([buckets[-1].value], count)
        turned = families["countersign_turned_away"].samples
        self.assertGreaterEqual(sum(sample.value for sample in turned), 1)
        # The same names reach the collector.
        sent = {metric.name for metric in self.house.receiver.measured()}
        self.assertIn("countersign_calls_total", sent)
        self.assertIn("countersign_call_duration_seconds", sent)

    def test_a_name_that_an_agent_made_up_is_no_label_and_no_attribute(self):
        self.assertNotIn(self.made_up, self.metrics)
        sent = [*self.house.receiver.spans(), *self.house.receiver.measured()]
        self.assertTrue(sent)
        for message in sent:
            self.assertNotIn(self.made_up, str(message))
        for record in self.house.receiver.records():
            self.assertNotIn(self.made_up, str(record.attributes))

    def test_the_file_verifies(self):
        growing = self.house.folder / "out" / "evidence.jsonl"
        lines = growing.read_text().splitlines()
        self.assertGreater(len(lines), 3)
        whole = self.house.folder / "whole.jsonl"
        whole.write_text(growing.read_text() + json.dumps({"end": len(lines)}, separators=(",", ":")) + "\n")
        key = json.loads(lines[0])["key"]
        done = subprocess.run(
            [str(house.PROGRAMS / "countersign"), "audit", "verify", str(whole), "--key", key],
            capture_output=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_no_value_token_or_credential_is_anywhere(self):
        secrets_of_ours = [
            *self.canaries,
            house.UPSTREAM_KEY,
            house.WEBHOOK_SECRET,
            house.COLLECTOR_TOKEN,
            self.house.token,
            self.house.key,
        ]
        places = {"metrics": self.metrics.encode(), "sent": b"\n".join(self.house.receiver.raw)}
        own = {"headers", "secret", "upstream.key", "capture.key"}
        for path in pathlib.Path(self.house.folder).rglob("*"):
            if path.is_file() and path.name not in own:
                places[str(path.relative_to(self.house.folder))] = path.read_bytes()
        self.assertIn("data/countersign.db", places)
        self.assertIn("out/evidence.jsonl", places)
        self.assertIn("log", places)
        for place, content in places.items():
            for secret in secrets_of_ours:
                self.assertNotIn(secret.encode(), content, place)

    def test_what_was_kept_opens_with_the_customers_key_alone(self):
        command = [str(house.PROGRAMS / "countersign"), "capture", "open", str(self.records)]
        command += ["--evidence", str(self.evidence), "--key", str(self.house.folder / "capture.key")]
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        opened = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertIn("arguments", [line["part"] for line in opened])
        self.assertIn("result", [line["part"] for line in opened])
        self.assertNotIn(house.UPSTREAM_KEY, json.dumps(opened))
        # And again, with nothing of ours: another library, and the text of the standard.
        written = (self.house.folder / "capture.key").read_text()
        lines = [json.loads(line) for line in self.records.read_text().splitlines()[1:-1]]
        self.assertEqual(len(lines), len(opened))
        for line, ours in zip(lines, opened, strict=True):
            record = base64.b64decode(line["record"])
            theirs = hpke.open_record(written, line["call"], line["part"], record)
            self.assertEqual(json.loads(theirs), ours)
            with self.assertRaises(Exception):
                hpke.open_record(written, line["call"], "other", record)


if __name__ == "__main__":
    unittest.main()
