// What befalls nodes, one fault after the other, and what the person at the dashboard sees of it: the right words once,
// and then the streams again, every line in its place.
import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { fault, followed, leavesNothing, node, onNode, ordinary, set, tidy } from "./lib/target.mjs";
import { always, until } from "./lib/wait.mjs";

let daemon;
let widow; // follows a unit that goes away; the daemon looks once a minute

const unit = (name, action) => onNode("sh", "-ec", action, "sh", `/run/systemd/system/${name}.service`, name);
const install = (name, command) =>
  unit(name, `printf '[Service]\\nExecStart=%s\\n' '${command}' > "$1"; systemctl daemon-reload; systemctl start "$2"`);
const remove = (name) => unit(name, 'systemctl stop "$2"; rm -f "$1"; systemctl daemon-reload; systemctl reset-failed');

before(async () => {
  daemon = await Daemon.start({ set: { "ssh.linger": 500 } });
  await install("goner", "/bin/sh -c \"echo last words; exec sleep infinity\"");
  const token = await daemon.session(node.reader);
  widow = new Client(daemon, { token });
  await widow.until("authenticated");
  widow.emit("subscribe_logs", { service: "goner" });
  await widow.until("log_data", ({ line }) => line === "last words");
  await remove("goner");
});
after(async () => {
  widow?.leave();
  await daemon?.stop();
  await tidy("execution");
});

/// Follows the numbered lines of `execution`, and the services.
async function watch(t) {
  t.after(() => set("execution", ordinary));
  await set("execution", { NUMBERED: 1, RATE: 20 });
  const client = await Client.authenticated(t, daemon);
  client.emit("subscribe_status", { interval: 1000 });
  client.emit("subscribe_logs", { service: "execution" });
  await client.until("status_update");
  await until("some lines", () => client.lines("execution").length > 20);
  return client;
}

/// Waits until the streams run again, then compares with what the node's journal has.
async function losesNothing(client) {
  const count = client.lines("execution").length;
  client.events = client.events.filter(({ name }) => name !== "status_update");
  await until("lines again", () => client.lines("execution").length > count + 10, { timeout: 45_000 });
  await client.until("status_update", undefined, { timeout: 45_000 });
  await set("execution", { RATE: 0 });
  let written = 0;
  await until("the unit to fall silent", () => written === (written = client.lines("execution").length), { every: 600 });
  const since = client.all("log_data").find(({ service }) => service === "execution").cursor;
  const text = await onNode("journalctl", "-u", "execution", `--cursor=${since}`, "-o", "cat", "--no-pager", "--all");
  assert.deepEqual(client.lines("execution"), text.split("\n").slice(0, -1), "none lost, none twice");
  assert.deepEqual(client.all("log_gap"), []);
  assert.equal(client.socket.connected, true);
}

/// What was told of an outage: no stream has ended, none heard of it twice in the same words.
function toldOnce(client, codes) {
  const told = client.all("error");
  assert.ok(told.length > 0);
  for (const { code, message, ended } of told) {
    assert.ok(codes.includes(code), `${code}: ${message}`);
    assert.notEqual(ended, true, message);
    assert.doesNotMatch(message, /auth|password/i, "an old dashboard would ask for the password");
  }
  const words = told.map(({ type, code }) => `${type} ${code}`);
  assert.deepEqual(words, [...new Set(words)]);
}

test("a network that is cut is noticed within 15 s, told once, and loses no line", async (t) => {
  const client = await watch(t);
  t.after(() => fault("link", "up"));
  await fault("link", "down");
  const cut = performance.now();
  const error = await client.until("error");
  assert.ok(performance.now() - cut < 15_500, `${performance.now() - cut} ms`);
  assert.equal(error.message, `Timeout: ${node.host}:${node.port} does not answer.`);
  await until("attempts", async () => (await daemon.metric("pillard_ssh_reconnects_total")) > 0);
  await fault("link", "up");
  await losesNothing(client);
  toldOnce(client, ["timeout"]);
});

test("a node that hangs while its kernel answers is noticed within 15 s, too", async (t) => {
  const client = await watch(t);
  t.after(() => fault("freeze", "off"));
  await fault("freeze", "on");
  const frozen = performance.now();
  const error = await client.until("error");
  assert.ok(performance.now() - frozen < 15_500, `${performance.now() - frozen} ms`);
  assert.equal(error.code, "timeout");
  assert.equal((await daemon.get("/healthz")).status, 200);
  await fault("freeze", "off");
  await losesNothing(client);
  toldOnce(client, ["timeout"]);
});

test("a restart of sshd is not felt", async (t) => {
  const client = await watch(t);
  await fault("sshd", "restart");
  await losesNothing(client);
  assert.deepEqual(client.all("error"), []);
});

test("a restart of journald is not felt", async (t) => {
  const client = await watch(t);
  await onNode("systemctl", "restart", "systemd-journald");
  await losesNothing(client);
  assert.deepEqual(client.all("error"), []);
});

test("a reboot is an outage like others: also an sshd that comes up before logins are allowed", async (t) => {
  const client = await watch(t);
  await fault("reboot");
  await losesNothing(client);
  toldOnce(client, ["disconnected", "timeout"]);
});

test("a password that is changed is not felt until the connection ends, and is then asked for", async (t) => {
  t.after(() => fault("passwd", node.user));
  const client = await watch(t);
  await fault("passwd", node.user, "another");
  client.events = client.events.filter(({ name }) => name !== "status_update");
  await until("updates", () => client.all("status_update").length >= 2);
  assert.deepEqual(client.all("error"), []);
  await fault("cut", node.user);
  const error = await client.until("error", ({ ended }) => ended);
  assert.equal(error.code, "unauthenticated");
  assert.match(error.message, /^Authentication failed/);
  const logins = await daemon.metric("pillard_ssh_logins_total");
  await always("no further try", async () => (await daemon.metric("pillard_ssh_logins_total")) === logins, 2500);
  await fault("passwd", node.user);
  assert.equal((await daemon.login()).status, 200);
});

test("a node with a full disk is shown as far as it can be, and wholly when there is room again", async (t) => {
  const client = await watch(t);
  await fault("disk", "full");
  await set("execution", { PAD: 20_000 });
  client.events = client.events.filter(({ name }) => name !== "status_update");
  await until("updates", () => client.all("status_update").length >= 3);
  await fault("disk", "free");
  await set("execution", { PAD: 0 });
  const count = client.lines("execution").length;
  await until("lines again", () => client.lines("execution").length > count + 10, { timeout: 30_000 });
  assert.deepEqual(client.all("error").filter(({ ended }) => ended), []);
  await fault("reboot"); // to its own disk
});

test("a flood of lines holds up no other node", async (t) => {
  await install("flooder", "/usr/bin/yes a line of which there are far too many for anybody to read them");
  t.after(() => remove("flooder"));
  const other = await Client.authenticated(t, daemon, { token: await daemon.session(node.reader) });
  other.emit("subscribe_status", { interval: 1000 });
  const client = await Client.authenticated(t, daemon);
  client.emit("subscribe_logs", { service: "flooder" });
  await until("many lines", () => client.lines("flooder").length > 5000, { timeout: 30_000 });
  other.events.length = 0;
  await until("five updates of the other", () => other.all("status_update").length >= 5);
  const times = other.times("status_update");
  const longest = Math.max(...times.slice(1).map((at, i) => at - times[i]));
  assert.ok(longest < 4000, `${longest} ms between two updates`);
  assert.deepEqual(other.all("error"), []);
});

test("who followed a unit that was removed is told so, and of nothing else", async () => {
  const error = await widow.until("error", ({ code }) => code === "not_found", { timeout: 65_000 });
  assert.match(error.message, /^The service goner was removed from this node/);
  assert.notEqual(error.ended, true);
});

test("when all have left, nothing is left", async () => {
  widow.leave();
  await daemon.idle();
  for (const user of [node.user, node.reader]) await leavesNothing(user, 30_000);
});
