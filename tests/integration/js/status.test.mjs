// The plugin node-status: what a dashboard sees of a real machine's units.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { node, onNode, ordinary, set } from "./lib/target.mjs";
import { always, until } from "./lib/wait.mjs";

const ethereum = ["execution", "consensus", "validator", "mevboost"];
let daemon;

before(async () => {
  daemon = await Daemon.start();
});
after(() => daemon?.stop());

async function watch(t, interval, options) {
  const client = await Client.authenticated(t, daemon, options);
  client.emit("subscribe_status", interval === undefined ? {} : { interval });
  await client.until("status_update");
  return client;
}
const unit = (update, name) => update.find(({ service }) => service === name);
const gaps = (times) => times.slice(1).map((time, i) => time - times[i]);

/// Waits until a status_update shows the unit so.
const shows = (client, name, fits) =>
  client.until("status_update", (update) => fits(unit(update, name))).then((update) => unit(update, name));

test("the first update comes at once, not after the interval", async (t) => {
  const client = await Client.authenticated(t, daemon);
  client.emit("subscribe_status", { interval: 60_000 });
  await client.until("status_update", undefined, { timeout: 10_000 });
});

test("every unit of EthPillar is there with every field", async (t) => {
  const client = await watch(t, 1000);
  const all = (update) => ethereum.every((name) => unit(update, name).sub === "running");
  const update = await client.until("status_update", all);
  assert.deepEqual(
    update.slice(0, 6).map(({ service }) => service),
    [...ethereum, "csm_nimbusvalidator", "dora"],
  );
  for (const name of ethereum) {
    const { status, load, active, sub, description, since, restarts, memory, pid } = unit(update, name);
    assert.deepEqual([status, load, active, sub], ["active", "loaded", "active", "running"]);
    assert.match(description, new RegExp(`${name} client service for MAINNET`));
    assert.ok(since > Date.now() - 86_400_000 && since <= Date.now() + 1000, `since ${since}`);
    assert.ok(Number.isInteger(restarts) && restarts >= 0);
    if (memory !== undefined) assert.ok(Number.isInteger(memory) && memory > 0);
    assert.equal(String(pid), (await onNode("systemctl", "show", "-p", "MainPID", "--value", name)).trim());
  }
  for (const name of ["csm_nimbusvalidator", "dora"]) {
    const absent = unit(update, name);
    assert.equal(absent.status, "not_installed");
    assert.equal(absent.load, "not-found");
    assert.equal(absent.pid, undefined);
  }
});

test("a unit that is stopped becomes inactive, and active when it is started", async (t) => {
  t.after(() => onNode("systemctl", "start", "mevboost"));
  const client = await watch(t, 1000);
  await onNode("systemctl", "stop", "mevboost");
  const stopped = await shows(client, "mevboost", ({ status }) => status === "inactive");
  assert.deepEqual([stopped.active, stopped.sub, stopped.pid], ["inactive", "dead", undefined]);
  assert.equal(unit(client.all("status_update").at(-1), "execution").status, "active");
  await onNode("systemctl", "start", "mevboost");
  client.events.length = 0;
  await shows(client, "mevboost", ({ status }) => status === "active");
});

test("a unit that crashes is seen between its restarts, and they are counted", async (t) => {
  t.after(() => set("validator", ordinary));
  const client = await watch(t, 1000);
  await set("validator", { CRASH: 1 });
  const crashed = await shows(client, "validator", ({ status, restarts }) => status === "activating" && restarts >= 1);
  assert.equal(crashed.sub, "auto-restart");
  await set("validator", { CRASH: 0 });
  client.events.length = 0;
  const back = await shows(client, "validator", ({ status, sub }) => status === "active" && sub === "running");
  assert.ok(back.restarts >= 1);
});

test("a unit that fails for good is failed, and other words are no surprise", async (t) => {
  const name = "csm_nimbusvalidator";
  t.after(() => onNode("systemctl", "reset-failed", name).catch(() => {}));
  const client = await watch(t, 1000);
  await onNode("sh", "-c", `systemd-run --quiet --unit=${name} /bin/false; true`);
  const failed = await shows(client, name, ({ status }) => status === "failed");
  assert.equal(failed.load, "loaded");
  await onNode("systemctl", "reset-failed", name);
  client.events.length = 0;
  await shows(client, name, ({ status }) => status === "not_installed");
});

test("a service of the patterns is shown where it exists, behind the others", async (t) => {
  const name = "prometheus";
  t.after(() => onNode("systemctl", "stop", name).catch(() => {}));
  const client = await watch(t, 1000);
  assert.equal(unit(client.all("status_update").at(-1), name), undefined);
  await onNode("systemd-run", "--quiet", `--unit=${name}`, "/bin/sleep", "600");
  const update = await client.until("status_update", (all) => unit(all, name));
  assert.equal(unit(update, name).status, "active");
  assert.ok(update.indexOf(unit(update, name)) >= 6);
});

test("a user without any rights sees the same", async (t) => {
  const client = await watch(t, 1000, { token: await daemon.session(node.plain) });
  assert.equal(unit(client.all("status_update")[0], "execution").status, "active");
});

test("an interval of 1 ms is taken to a second", async (t) => {
  const client = await watch(t, 1);
  await until("four updates", () => client.all("status_update").length >= 4);
  for (const gap of gaps(client.times("status_update"))) assert.ok(gap > 700, `a gap of ${gap} ms`);
});

test("an interval that is no number is a bad request", async (t) => {
  const client = await Client.authenticated(t, daemon);
  for (const interval of ["fast", null, {}, -1.5, 1e300]) client.emit("subscribe_status", { interval });
  client.emit("subscribe_status", []);
  client.emit("subscribe_status", 5);
  client.emit("subscribe_status", { interval: 5000, unknown: 1 });
  client.emit("subscribe_status"); // without any: the default
  await client.until("status_update");
  const codes = new Set(client.all("error").map(({ code }) => code));
  assert.deepEqual([...codes], ["bad_request"]);
});

test("watchers of different pace share one command, each at its own pace", async (t) => {
  await daemon.idle();
  const fast = await watch(t, 1000);
  const slow = await watch(t, 3000);
  fast.events.length = slow.events.length = 0;
  const before = await daemon.metric("pillard_ssh_commands_total");
  await until("eight updates of the fast one", () => fast.all("status_update").length >= 8, { timeout: 30_000 });
  const commands = (await daemon.metric("pillard_ssh_commands_total")) - before;
  assert.ok(commands >= 8 && commands <= 9, `${commands} commands for 8 updates`);
  const slower = slow.all("status_update").length;
  assert.ok(slower >= 2 && slower <= 4, `${slower} updates of the slow one`);
  for (const gap of gaps(slow.times("status_update"))) assert.ok(gap > 2400, `a gap of ${gap} ms`);
  assert.equal(await daemon.metric("pillard_topics"), 1);
});

test("when the fast watcher leaves, the node is asked at the pace of the slow one", async (t) => {
  await daemon.idle();
  const slow = await watch(t, 3000);
  const fast = await watch(t, 1000);
  await until("three updates of the fast one", () => fast.all("status_update").length >= 3);
  fast.leave();
  await until("one subscription", async () => (await daemon.metric("pillard_subscriptions")) === 1);
  const before = await daemon.metric("pillard_ssh_commands_total");
  slow.events.length = 0;
  await until("three updates of the slow one", () => slow.all("status_update").length >= 3);
  const commands = (await daemon.metric("pillard_ssh_commands_total")) - before;
  assert.ok(commands <= 4, `${commands} commands for 3 updates`);
});

test("a subscription that is repeated changes the pace and is not a second one", async (t) => {
  await daemon.idle();
  const client = await watch(t, 60_000);
  client.emit("subscribe_status", { interval: 1000 });
  await until("updates at the new pace", () => client.all("status_update").length >= 4);
  assert.equal(await daemon.metric("pillard_subscriptions"), 1);
});

test("after the last watcher has left, the node is asked nothing more", async (t) => {
  const client = await watch(t, 1000);
  client.emit("unsubscribe_status");
  await until("the topic's end", async () => (await daemon.metric("pillard_topics")) === 0);
  const before = await daemon.metric("pillard_ssh_commands_total");
  await always("no more commands", async () => (await daemon.metric("pillard_ssh_commands_total")) === before, 2500);
  const updates = client.all("status_update").length;
  client.emit("subscribe_status", { interval: 1000 });
  await until("updates again", () => client.all("status_update").length > updates);
});
