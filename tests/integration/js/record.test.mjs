// `pillard record` against the real node, and its recording played to the same plugin in a FakeHost.
// PILLARD_REPLAY is that player (tests/integration/replay.cpp) of node-status, PILLARD_REPLAY_CALLS of service-control,
// PILLARD_PLUGINS the folder of the plugins.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { runOnce } from "./lib/daemon.mjs";
import { leavesNothing, node } from "./lib/target.mjs";

const { PILLARD_REPLAY: player, PILLARD_REPLAY_CALLS: playerOfCalls, PILLARD_PLUGINS: plugins } = process.env;
if (!player || !playerOfCalls || !plugins)
  throw new Error("PILLARD_REPLAY, PILLARD_REPLAY_CALLS and PILLARD_PLUGINS are not set; CTest does");

function folder(t) {
  const made = mkdtempSync(join(tmpdir(), "pillard-record-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const params = '{"interval":1000}';
const words = (at, changes = {}) =>
  Object.entries({
    node: `${node.user}@${node.host}:${node.port}`,
    "password-env": "NODE_PASSWORD",
    "known-hosts": join(at, "known_hosts"),
    plugin: join(plugins, "node-status.so"),
    subscribe: `subscribe_status=${params}`,
    for: 4,
    to: join(at, "testdata"),
    ...changes,
  }).flatMap(([name, value]) => (value === null ? [] : [`--${name}`, String(value)]));
const record = (at, changes, environment = { NODE_PASSWORD: node.password }, heard = undefined) =>
  runOnce(["record", ...words(at, changes)], environment, heard);
const play = (with_, kind, recording, type, given) =>
  execFileSync(with_, [kind, recording, type, given, "60"], { encoding: "utf8" });
const calls = { plugin: join(plugins, "service-control.so"), subscribe: null, for: 25 };

test("writes what the node answered, and FakeHost plays it to the same events", async (t) => {
  const at = folder(t);
  const { code, out, err } = await record(at);
  assert.equal(code, 0, err);
  assert.match(out, /subscribe_status\.recording\n.*subscribe_status\.events\n {2}\d+ commands, \d+ events/s);
  const recording = readFileSync(join(at, "testdata/subscribe_status.recording"), "utf8");
  assert.match(recording, /^pillard-recording 1\n\nrun exec at 0\nargv .*"systemctl" "show" /);
  assert.match(recording, /^\|Id=execution\.service$/m);
  assert.ok((recording.match(/^run exec at /gm)?.length ?? 0) >= 3, "a look a second");
  const events = readFileSync(join(at, "testdata/subscribe_status.events"), "utf8").split("\n").slice(0, -1);
  assert.ok(events.length >= 3, `${events.length} events`);

  for (const text of [recording, events.join("\n"), out, err])
    assert.ok(!text.includes(node.password), "the password is written down");
  assert.match(readFileSync(join(at, "known_hosts"), "utf8"), /ssh-/, "the host key is pinned");

  const replayed = play(player, "stream", join(at, "testdata/subscribe_status.recording"), "subscribe_status", params);
  const again = replayed.split("\n").slice(0, -1);
  assert.deepEqual(again.slice(0, events.length), events);
  assert.ok(again.length > events.length, "the last answer is given again");
  await leavesNothing(node.user);
});

test("follows a log, in the pieces and at the times it came", async (t) => {
  const at = folder(t);
  const { code, err } = await record(at, {
    plugin: join(plugins, "client-logs.so"),
    subscribe: 'subscribe_logs={"service":"execution"}',
    for: 3,
  });
  assert.equal(code, 0, err);
  const recording = readFileSync(join(at, "testdata/subscribe_logs.recording"), "utf8");
  assert.match(recording, /^run stream at \d+\nargv .*"journalctl" .*"--follow"/m);
  assert.match(recording, /^end open$/m);
  await leavesNothing(node.user);
});

test("keeps a call's reply, ends with it, and FakeHost plays it to the same", async (t) => {
  const at = folder(t);
  const began = performance.now();
  const { code, out, err } = await record(at, { ...calls, call: 'get_config={"service":"execution"}' });
  assert.equal(code, 0, err);
  assert.ok(performance.now() - began < 20_000, "it waited although all was said");
  assert.match(out, /get_config\.recording\n.*get_config\.reply\n {2}[1-9]\d* commands, replied\n/s);
  assert.deepEqual(readdirSync(join(at, "testdata")).sort(), ["get_config.recording", "get_config.reply"]);
  const reply = readFileSync(join(at, "testdata/get_config.reply"), "utf8");
  assert.match(JSON.parse(reply).content, /\[Service\]/);
  const recording = join(at, "testdata/get_config.recording");
  assert.match(readFileSync(recording, "utf8"), /^run exec at \d+\nargv .*"systemctl" "cat"/m);
  assert.equal(play(playerOfCalls, "call", recording, "get_config", '{"service":"execution"}'), reply);
  for (const text of [reply, readFileSync(recording, "utf8"), out, err])
    assert.ok(!text.includes(node.password), "the password is written down");
  await leavesNothing(node.user);
});

test("keeps the Problem that a call is answered with", async (t) => {
  const at = folder(t);
  const asked = '{"service":"csm_nimbusvalidator"}'; // allowed, and not on this node
  const { code, out, err } = await record(at, { ...calls, call: `get_config=${asked}` });
  assert.equal(code, 0, err);
  assert.match(out, /commands, answered: not_found: There is no service csm_nimbusvalidator on this node\.\n/);
  assert.deepEqual(readdirSync(join(at, "testdata")).sort(), ["get_config.problem", "get_config.recording"]);
  const problem = JSON.parse(readFileSync(join(at, "testdata/get_config.problem"), "utf8"));
  assert.deepEqual(problem, { code: "not_found", message: "There is no service csm_nimbusvalidator on this node." });
  const replayed = play(playerOfCalls, "call", join(at, "testdata/get_config.recording"), "get_config", asked);
  assert.equal(replayed, `problem ${problem.code} ${problem.message}\n`);
});

for (const signal of ["SIGINT", "SIGTERM"])
  test(`writes what there is when ${signal} ends it`, async (t) => {
    const at = folder(t);
    let sent = false;
    const { code, out, err } = await record(at, { for: 3600 }, undefined, (child, printed) => {
      if (sent || !/The node was reached/.test(printed)) return;
      sent = child.kill(signal);
    });
    assert.ok(sent, out);
    assert.equal(code, 0, err);
    assert.match(out, /subscribe_status\.events\n {2}[1-9]\d* commands, \d+ events/);
    const recording = join(at, "testdata/subscribe_status.recording");
    assert.match(readFileSync(recording, "utf8"), /^pillard-recording 1\n\nrun exec at 0\nargv .*"systemctl" "show" .*\n/);
    play(player, "stream", recording, "subscribe_status", params);
    await leavesNothing(node.user);
  });

test("overwrites nothing, and asks no node before it has seen that", async (t) => {
  const at = folder(t);
  writeFileSync(join(at, "subscribe_status.events"), "mine\n");
  const { code, err } = await record(at, { to: at, node: "nobody@192.0.2.1" });
  assert.equal(code, 73);
  assert.match(err, /subscribe_status\.events is there already/);
  assert.deepEqual(readdirSync(at), ["subscribe_status.events"]);
});

test("says what is wrong, and writes nothing", async (t) => {
  const at = folder(t);
  const cases = [
    [{}, { NODE_PASSWORD: "wrong" }, 73, /password/i],
    [{}, {}, 64, /--password-env: the environment has no NODE_PASSWORD/],
    [{ "password-env": null }, {}, 64, /--password-env VARIABLE or --key FILE is missing/],
    [{ node: "node.example" }, undefined, 64, /--node: expected USER@HOST/],
    [{ subscribe: "subscribe_nothing" }, undefined, 73, /node-status offers no stream "subscribe_nothing"/],
    [{ subscribe: "subscribe_status={" }, undefined, 64, /the params are no JSON/],
    [{ ...calls, call: 'get_config={"service":' }, undefined, 64, /--call get_config: the params are no JSON/],
    [{ ...calls, call: "get_nothing" }, undefined, 73, /service-control offers no call "get_nothing"/],
    [{ call: "subscribe_status" }, undefined, 73, /"subscribe_status" is a stream of node-status: --subscribe takes it/],
    [{ subscribe: null }, undefined, 64, /--subscribe or --call is missing/],
    [{ subscribe: 'subscribe_status={"interval":"x"}' }, undefined, 73, /params\.interval: expected an integer/],
    [{ for: 0 }, undefined, 64, /--for: expected an integer from 1 to 3600/],
    [{ plugin: join(at, "absent.so") }, undefined, 73, /absent\.so: cannot be opened/],
  ];
  for (const [changes, environment, status, words] of cases) {
    const { code, err } = await record(at, changes, environment);
    assert.equal(code, status, err);
    assert.match(err, words);
    assert.ok(!err.includes(node.password));
  }
  assert.ok(!readdirSync(at).includes("testdata") || readdirSync(join(at, "testdata")).length === 0);
});
