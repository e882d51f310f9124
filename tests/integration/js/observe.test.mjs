// What an operator sees of a daemon that works: its log, its figures.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon, configuration, runOnce } from "./lib/daemon.mjs";
import { request } from "./lib/http.mjs";
import { node } from "./lib/target.mjs";

async function used(t, set) {
  const daemon = await Daemon.start({ set });
  t.after(() => daemon.stop());
  const client = await Client.authenticated(t, daemon);
  client.emit("subscribe_status", { interval: 1000 });
  client.emit("subscribe_logs", { service: "execution" });
  await client.until("status_update");
  await client.until("log_data");
  return { daemon, client };
}

/// {name: {help, type, samples: [{name, labels, value}]}}, as Prometheus reads it.
function families(text) {
  const found = {};
  let current;
  for (const line of text.trimEnd().split("\n")) {
    const comment = line.match(/^# (HELP|TYPE) ([a-z_][a-z0-9_]*) (.+)$/);
    if (comment) {
      const [, what, name, rest] = comment;
      current = found[name] ??= { samples: [] };
      assert.equal(current[what.toLowerCase()], undefined, `${what} of ${name} stands twice`);
      current[what.toLowerCase()] = rest;
      continue;
    }
    const sample = line.match(/^([a-z_][a-z0-9_]*)(?:\{((?:[a-z_][a-z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/);
    assert.ok(sample, `not a sample: ${line}`);
    const [, name, labels = "", value] = sample;
    assert.ok(current, `${name} stands before its family`);
    current.samples.push({ name, labels, value: Number(value.replace("Inf", "Infinity")) });
  }
  return found;
}

test("figures keep the conventions of Prometheus", async (t) => {
  const { daemon } = await used(t);
  const { text, headers } = await request(daemon.adminPort, "GET", "/metrics");
  assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  assert.ok(text.endsWith("\n"));
  const all = families(text);
  assert.ok(Object.keys(all).length > 30);
  for (const [name, { help, type, samples }] of Object.entries(all)) {
    assert.match(name, /^(pillard|process)_/);
    assert.match(help ?? "", /^[A-Z].*\.$/, `${name} has a sentence for help`);
    assert.ok(["counter", "gauge", "histogram"].includes(type), `${name} has a type`);
    assert.equal(name.endsWith("_total"), type === "counter", `${name} is a ${type}`);
    assert.doesNotMatch(name, /_(ms|millis|milliseconds|minutes|hours|kb|kilobytes|percent|gauge|counter|histogram)(_|$)/);
    const endings = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    for (const sample of samples) assert.ok(endings.some((end) => sample.name === name + end), sample.name);
    const seen = samples.map((sample) => `${sample.name}{${sample.labels}}`);
    assert.equal(new Set(seen).size, seen.length, `${name} has a sample twice`);
    for (const { value } of samples) assert.ok(Number.isFinite(value), `${name} has a value`);
  }
});

test("figures tell what the process, its loops and its plugins do", async (t) => {
  const { daemon } = await used(t);
  const above = async (name, least) => {
    const value = await daemon.metric(name);
    assert.ok(value > least, `${name} is ${value}`);
  };
  for (const name of ["process_resident_memory_bytes", "process_virtual_memory_bytes"]) await above(name, 1e6);
  for (const name of ["process_cpu_seconds_total", "pillard_reactor_turn_seconds_sum"]) await above(name, 0);
  await above("process_open_fds", 5);
  await above("process_start_time_seconds", Date.now() / 1000 - 3600);
  await above("pillard_reactor_turn_seconds_count", 5);
  await above("pillard_reactor_tasks_total", 3);
  await above("pillard_plugin_calls_total", 1);
  await above("pillard_plugin_seconds_total", 0);
  await above("pillard_log_lines_total", 3);
  assert.equal(await daemon.metric("pillard_build_info"), 1);
  assert.equal(await daemon.metric("pillard_plugins"), 4);
  assert.equal(await daemon.metric("pillard_plugin_failures_total"), 0);
});

test("every figure stands in the documentation, and none that there is not", async (t) => {
  const { daemon } = await used(t);
  const { text } = await request(daemon.adminPort, "GET", "/metrics");
  const documented = new Set(
    readFileSync(join(dirname(configuration), "../docs/operations.md"), "utf8").match(/`(pillard|process)_\w+/g).map((name) => name.slice(1)),
  );
  const there = Object.keys(families(text));
  for (const name of there) assert.ok(documented.has(name), `docs/operations.md does not name ${name}`);
  const parts = /_(sum|bucket)$|^pillard_(redis|tls)_|^pillard_plugin_counts_total$/; // of histograms; of what is not in use here
  for (const name of documented) assert.ok(there.includes(name) || parts.test(name), `there is no ${name}`);
});

test("/metrics is on the admin listener alone", async (t) => {
  const { daemon } = await used(t);
  assert.equal((await request(daemon.port, "GET", "/metrics")).status, 404);
  assert.equal((await request(daemon.adminPort, "GET", "/readyz")).status, 200);
});

test("the log is JSON if asked for, and each stage has a level of its own", async (t) => {
  const { daemon, client } = await used(t, {
    "log.format": "json",
    "log.level": "info",
    "log.levels": "transport=debug, loader=error",
  });
  client.leave();
  await daemon.said(/"message":"connection closed".*\n/);
  const lines = daemon.log.slice(0, daemon.log.lastIndexOf("\n")).split("\n").map((line) => JSON.parse(line));
  for (const line of lines) assert.ok(line.time && line.level && line.stage && line.message, JSON.stringify(line));
  assert.ok(lines.some(({ stage, level }) => stage === "transport" && level === "debug"));
  assert.ok(!lines.some(({ stage }) => stage === "loader"), "`loaded` is less than an error");
  assert.ok(!lines.some(({ stage, level }) => stage !== "transport" && level === "debug"));
  const login = lines.find(({ message }) => message === "login");
  assert.match(login.session, /^[0-9a-f]{12}$/);
  assert.equal(login.node, `${node.host}:${node.port}`);
  const closed = lines.find(({ message }) => message === "connection closed");
  assert.match(closed.connection, /^[0-9a-z]+$/);
});

test("the log ties a connection to its session, which is not its token", async (t) => {
  const { daemon, client } = await used(t, {});
  const authenticated = / debug router: client authenticated connection=(\w+) session=(\w+) /;
  const [, connection, session] = await daemon.said(authenticated);
  await daemon.said(new RegExp(` info router: login connection=\\w+ session=${session} `));
  client.leave();
  await daemon.said(new RegExp(` debug transport: connection closed connection=${connection} `));
});

test("a stage that is none, and a level that is none, are mistakes", async () => {
  const check = (levels) => runOnce(["--config", configuration, "--check-config", "--set", `log.levels=${levels}`]);
  const stage = await check("shh=debug");
  assert.equal(stage.code, 78);
  assert.match(stage.err, /log\.levels: "shh" is no stage; there are config, daemon, .*wire/);
  const level = await check("ssh=loud");
  assert.equal(level.code, 78);
  assert.match(level.err, /log\.levels: "ssh=loud" is no stage=level/);
});
