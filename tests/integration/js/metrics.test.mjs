// The plugin node-metrics: what a dashboard sees of a real machine's processors, memory, disks and network.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { node, onNode } from "./lib/target.mjs";
import { always, until } from "./lib/wait.mjs";

let daemon;

before(async () => {
  daemon = await Daemon.start();
});
after(() => daemon?.stop());

async function watch(t, interval, options) {
  const client = await Client.authenticated(t, daemon, options);
  client.emit("subscribe_metrics", interval === undefined ? {} : { interval });
  await client.until("metrics_update");
  return client;
}
const named = (list, name) => list.find((one) => one.name === name);
const root = ({ filesystems }) => filesystems.find(({ mount }) => mount === "/");
const isShare = (value) => typeof value === "number" && value >= 0 && value <= 1;
const gaps = (times) => times.slice(1).map((time, i) => time - times[i]);

/// Every number in it, by its path.
function numbers(value, path = "") {
  if (typeof value === "number") return [[path, value]];
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, part]) => numbers(part, `${path}.${key}`));
}

test("the first update has rates, and comes after a second whatever the interval", async (t) => {
  await daemon.idle();
  const client = await Client.authenticated(t, daemon);
  client.emit("subscribe_metrics", { interval: 60_000 });
  const update = await client.until("metrics_update", undefined, { timeout: 10_000 });
  assert.ok(update.period >= 0.5 && update.period < 10, `period ${update.period}`);
  assert.ok(isShare(update.cpu.used));
});

test("what is told is what the machine itself says", async (t) => {
  const client = await watch(t, 1000);
  const update = await client.until("metrics_update", ({ filesystems }) => filesystems.length > 0);
  assert.ok(Math.abs(update.timestamp - Date.now()) < 60_000);
  const uptime = Number((await onNode("cat", "/proc/uptime")).split(" ")[0]);
  assert.ok(uptime - update.uptime >= -1 && uptime - update.uptime < 60, `${update.uptime} of ${uptime}`);

  const processors = Number(await onNode("grep", "-c", "^cpu[0-9]", "/proc/stat"));
  assert.deepEqual(update.cores.map(({ core }) => core), [...Array(processors).keys()]);
  for (const usage of [update.cpu, ...update.cores]) {
    for (const kind of ["used", "user", "system", "iowait", "steal"]) assert.ok(isShare(usage[kind]), kind);
    assert.ok(Math.abs(usage.user + usage.system + usage.steal - usage.used) < 0.001);
  }

  const total = Number((await onNode("cat", "/proc/meminfo")).match(/MemTotal:\s+(\d+)/)[1]) * 1024;
  assert.equal(update.memory.total, total);
  assert.equal(update.memory.used + update.memory.available, total);

  const [size, inodes] = (await onNode("stat", "-f", "-c", "%b %S %c", "/")).trim().split(" ").map(Number)
    .reduce(([product, last], value, at) => (at < 2 ? [product * value, 0] : [product, value]), [1, 0]);
  assert.equal(root(update).size, size);
  if (inodes > 0) assert.equal(root(update).inodes, inodes);
  assert.ok(root(update).used <= size && root(update).available <= size);
  assert.equal(root(update).read_only, false);

  for (const [path, value] of numbers({ ...update, temperatures: [] })) assert.ok(value >= 0, `${path} ${value}`);
});

test("processors that work are seen", async (t) => {
  const client = await watch(t, 1000);
  const busy = onNode("timeout", "4", "sh", "-c", "while :; do :; done").catch(() => {});
  const one = ({ cores }) => cores.some(({ used, user }) => used > 0.8 && user > 0.5);
  await client.until("metrics_update", one);
  await busy;
});

test("a disk that is written to is seen", async (t) => {
  // What the machine itself has counted of all disks, in MiB. Some virtual disks count late, or not all.
  const counted = async () => {
    const disks = (await onNode("cat", "/proc/diskstats")).trim().split("\n").map((line) => line.trim().split(/\s+/));
    return disks.reduce((sum, fields) => sum + Number(fields[9]) / 2048, 0);
  };
  const client = await watch(t, 1000);
  t.after(() => onNode("rm", "-f", "/var/tmp/metrics"));
  const before = await counted();
  await onNode("dd", "if=/dev/urandom", "of=/var/tmp/metrics", "bs=1M", "count=96", "conv=fsync");
  const grown = (await counted()) - before;
  if (grown < 32) return t.skip(`of 96 MiB its disks count ${grown.toFixed(1)}`);
  const written = (update) => update.disks.some(({ write_bytes: bytes, writes }) => bytes > 4 * 2 ** 20 && writes > 0);
  await client.until("metrics_update", written);
});

test("traffic is seen on the interface that it goes through", async (t) => {
  if (!(await onNode("cat", "/proc/net/dev")).includes("eth0:")) return t.skip("it has no eth0");
  const client = await watch(t, 1000);
  client.emit("subscribe_logs", { service: "execution" });
  const traffic = ({ interfaces }) => {
    const eth0 = named(interfaces, "eth0");
    return eth0?.rx_bytes > 100 && eth0.tx_bytes > 100 && eth0.rx_packets > 0;
  };
  const update = await client.until("metrics_update", traffic);
  assert.equal(named(update.interfaces, "lo"), undefined);
});

test("who comes second opens with the past, oldest first and nothing twice", async (t) => {
  await daemon.idle();
  const first = await watch(t, 1000);
  await until("five updates", () => first.all("metrics_update").length >= 5);
  const second = await watch(t, 1000);
  await until("new ones", () => second.all("metrics_update").length >= 7, { timeout: 20_000 });
  const times = second.all("metrics_update").map(({ timestamp }) => timestamp);
  assert.deepEqual(times, [...new Set(times)].sort((a, b) => a - b));
  assert.equal(times[0], first.all("metrics_update")[0].timestamp);
  const replayed = second.times("metrics_update").slice(0, 5);
  assert.ok(replayed[4] - replayed[0] < 500, "the past comes at once");
});

test("a page that is loaded again opens with the past", async (t) => {
  await daemon.idle();
  const before = await watch(t, 1000);
  await until("three updates", () => before.all("metrics_update").length >= 3);
  before.leave();
  await until("its end", async () => (await daemon.metric("pillard_subscriptions")) === 0);
  const again = await watch(t, 1000);
  assert.equal(again.all("metrics_update")[0].timestamp, before.all("metrics_update")[0].timestamp);
});

test("watchers of different pace share one command, each at its own pace", async (t) => {
  await daemon.idle();
  const fast = await watch(t, 1000);
  const slow = await watch(t, 3000);
  fast.events.length = slow.events.length = 0;
  const before = await daemon.metric("pillard_ssh_commands_total");
  await until("eight updates of the fast one", () => fast.all("metrics_update").length >= 8, { timeout: 30_000 });
  const commands = (await daemon.metric("pillard_ssh_commands_total")) - before;
  assert.ok(commands >= 8 && commands <= 9, `${commands} commands for 8 updates`);
  for (const gap of gaps(slow.times("metrics_update"))) assert.ok(gap > 2400, `a gap of ${gap} ms`);
  assert.equal(await daemon.metric("pillard_topics"), 1);
});

test("a user without any rights sees the same", async (t) => {
  const client = await watch(t, 1000, { token: await daemon.session(node.plain) });
  const update = await client.until("metrics_update", ({ filesystems }) => filesystems.length > 0);
  assert.ok(root(update).size > 0 && isShare(update.cpu.used) && update.memory.total > 0);
});

test("an interval that is no number is a bad request", async (t) => {
  const client = await Client.authenticated(t, daemon);
  client.emit("subscribe_metrics", { interval: "fast" });
  assert.equal((await client.until("error")).code, "bad_request");
});

test("after the last watcher has left and the linger is over, the node is asked nothing more", async (t) => {
  const client = await watch(t, 1000);
  client.emit("unsubscribe_metrics");
  await until("the topic's end", async () => (await daemon.metric("pillard_topics")) === 0, { timeout: 20_000 });
  const before = await daemon.metric("pillard_ssh_commands_total");
  await always("no more commands", async () => (await daemon.metric("pillard_ssh_commands_total")) === before, 2500);
});
