// Clients that read too slowly, not at all, or say too much; and those who come back after a while.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Certificates } from "./lib/certificates.mjs";
import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { RawSocket } from "./lib/raw.mjs";
import { followed, followers, hush, leavesNothing, node, onNode, ordinary, set, tidy } from "./lib/target.mjs";
import { until } from "./lib/wait.mjs";

const certificates = new Certificates();
const options = {
  "ssh.linger": 600_000,
  "limits.outbox_bytes": 262_144,
  "limits.stall_timeout": 4000,
  "limits.messages_per_second": 50,
  "limits.messages_burst": 100,
};
let daemon;
let secure; // the same by TLS

before(async () => {
  daemon = await Daemon.start({ set: options });
  const ca = certificates.issue("overflow");
  secure = await Daemon.start({ set: { ...options, ...certificates.set }, tls: { ca } });
  await hush("validator", 300);
});
after(async () => {
  await tidy("execution");
  await set("validator", ordinary);
  await daemon?.stop();
  await secure?.stop();
  certificates.discard();
});

const number = (line) => Number(line.match(/^numbered (\d+)/)?.[1] ?? NaN);

/// A raw client that follows the execution client's numbered lines and stops reading when it has seen the first.
async function deafFollower(t, daemon) {
  const raw = RawSocket.open(t, daemon);
  await raw.authenticated(await daemon.session());
  raw.packet('42["subscribe_logs",{"service":"execution"}]');
  await raw.frame();
  raw.socket.pause();
  return raw;
}
const flood = { NUMBERED: 1, RATE: 1000, PAD: 3000 };

for (const [way, served] of [["TCP", () => daemon], ["TLS", () => secure]]) {
  test(`a client that reads too slowly by ${way} is told how many lines it missed, in their place`, async (t) => {
    const daemon = served();
    t.after(() => set("execution", ordinary));
    await set("execution", flood);
    const before = await daemon.metric("pillard_dropped_events_total");
    const slow = await deafFollower(t, daemon);
    const neighbour = await Client.authenticated(t, daemon);
    neighbour.emit("subscribe_status", { interval: 1000 });
    const dropped = async () => (await daemon.metric("pillard_dropped_events_total")) - before;
    await until("lines to be dropped", async () => (await dropped()) > 200, { timeout: 40_000, every: 100 });
    await set("execution", { RATE: 0 });
    // It reads again: a little at first, then all.
    slow.socket.resume();
    let next = null;
    let told = 0;
    for (let quiet = false; !quiet; ) {
      const { text } = await slow.frame(3000).catch(() => ({ text: (quiet = true) && "" }));
      if (text === "2") slow.packet("3");
      if (!text.startsWith("42")) continue;
      const [event, data] = JSON.parse(text.slice(2));
      if (event === "log_gap") {
        assert.deepEqual(Object.keys(data), ["service", "dropped"]);
        assert.equal(data.service, "execution");
        told += data.dropped;
        if (next !== null) next += data.dropped;
      } else if (event === "log_data" && !Number.isNaN(number(data.line))) {
        if (next !== null) assert.equal(number(data.line), next, "none lost without a word, none twice");
        next = number(data.line) + 1;
      }
    }
    assert.equal(told, await dropped());
    assert.ok((await daemon.metric("pillard_outbox_high_water_bytes")) < 1_500_000);
    assert.ok(neighbour.all("status_update").length > 2, "its neighbour is served meanwhile");
  });

  test(`a client that takes nothing by ${way} is closed, and told why`, async (t) => {
    const daemon = served();
    t.after(() => set("execution", ordinary));
    await set("execution", flood);
    const deaf = await deafFollower(t, daemon);
    await until("the daemon's patience to end", () => daemon.log.includes("takes nothing of what is sent"), {
      timeout: 40_000,
      every: 100,
    });
    deaf.socket.resume();
    const { code, text } = await deaf.closeFrame();
    assert.equal(code, 1008);
    assert.equal(text, "the client takes nothing of what is sent");
    await deaf.ends(5000);
    await followed("execution", 0);
  });
}

test("a client that keeps saying too much is read slowly, then closed", async (t) => {
  const raw = RawSocket.open(t, daemon);
  await raw.authenticated(await daemon.session());
  const before = await daemon.metric("pillard_received_messages_total");
  const started = performance.now();
  const neighbour = await Client.authenticated(t, daemon);
  for (let i = 0; i < 20_000; ++i) raw.packet(`42["subscribe_logs",{"service":"s${i % 7}"}]`);
  const { code, text } = await raw.closeFrame({ timeout: 30_000 });
  assert.equal(code, 1008);
  assert.equal(text, "too many messages");
  const seconds = (performance.now() - started) / 1000;
  assert.ok(seconds > 9, "a burst alone is no reason");
  const read = (await daemon.metric("pillard_received_messages_total")) - before;
  assert.ok(read < 100 + 50 * seconds + 50, `${read} messages were read in ${seconds} s`);
  assert.deepEqual(await neighbour.ask("unsubscribe_status"), [{ data: null }]);
});

test("a burst within the bounds is no flood", async (t) => {
  const client = await Client.authenticated(t, daemon);
  const answers = await Promise.all(Array.from({ length: 90 }, () => client.ask("unsubscribe_status")));
  assert.equal(answers.length, 90);
});

test("those who come back after a long time get exactly what they missed", async (t) => {
  const text = await onNode("journalctl", "-u", "validator", "-n", "260", "-o", "export", "--all");
  const entries = text.split("\n\n").filter((entry) => entry.includes("__CURSOR="));
  const cursors = entries.map((entry) => entry.match(/^__CURSOR=(.*)$/m)[1]);
  const catchUps = await daemon.metric("pillard_catch_ups_total");
  const ages = [250, 180, 181, 120, 100, 60, 20, 5, 250];
  const clients = [];
  for (const age of ages) {
    const client = await Client.authenticated(t, daemon);
    client.emit("subscribe_logs", { service: "validator", cursor: cursors[cursors.length - 1 - age] });
    clients.push(client);
  }
  await until("all of them to catch up", () => clients.every((client, i) => client.all("log_data").length >= ages[i]), {
    timeout: 30_000,
  });
  await set("validator", { RAW: Buffer.from("and one more").toString("hex") });
  for (const [i, client] of clients.entries()) {
    const last = await client.until("log_data", ({ line }) => line === "and one more");
    const expected = [...cursors.slice(cursors.length - ages[i]), last.cursor];
    assert.deepEqual(client.all("log_data").map(({ cursor }) => cursor), expected, `${ages[i]} lines behind`);
    assert.deepEqual(client.all("error"), []);
  }
  const used = (await daemon.metric("pillard_catch_ups_total")) - catchUps;
  assert.ok(used >= 1 && used <= 7, `${used} catch-ups`);
  await followed("validator", 1);
});

test("a logout ends what its session ran on the node at once, but nothing that another one needs", async (t) => {
  await daemon.idle();
  const first = (await daemon.login({ username: node.reader })).cookies.ssh_session.value;
  const second = (await daemon.login({ username: node.reader })).cookies.ssh_session.value;
  const one = await Client.authenticated(t, daemon, { token: first });
  const two = await Client.authenticated(t, daemon, { token: second });
  one.emit("subscribe_logs", { service: "validator" });
  one.emit("subscribe_logs", { service: "consensus" });
  two.emit("subscribe_logs", { service: "validator" });
  await followed("validator", 1);
  await followed("consensus", 1);
  const started = performance.now();
  await daemon.post("/api/ssh/disconnect", {}, { headers: { Cookie: `ssh_session=${first}` } });
  await one.until("disconnect");
  await followed("consensus", 0);
  assert.ok(performance.now() - started < 4000, "no linger is waited for");
  assert.equal((await followers("validator")).length, 1);
  two.leave();
  await daemon.post("/api/ssh/disconnect", {}, { headers: { Cookie: `ssh_session=${second}` } });
  await leavesNothing(node.reader, 4000);
});
