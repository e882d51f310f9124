// A node that goes away, comes back, or changes its mind while somebody watches.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { leavesNothing, node, onNode, ordinary, set } from "./lib/target.mjs";
import { always, until } from "./lib/wait.mjs";

let daemon;

before(async () => {
  daemon = await Daemon.start({ set: { "ssh.linger": 500 } });
});
after(() => daemon?.stop());

const numbers = (client) =>
  client
    .lines("execution")
    .filter((line) => line.startsWith("numbered "))
    .map((line) => Number(line.slice(9)));

/// Ends the SSH sessions of a user as a node does that is shut down in a hurry.
const cut = (user) => onNode("pkill", "-KILL", "-f", `^sshd: ${user}@`).catch(() => {});

async function watch(t, user) {
  const client = await Client.authenticated(t, daemon, { token: await daemon.session(user) });
  client.emit("subscribe_status", { interval: 1000 });
  client.emit("subscribe_logs", { service: "execution" });
  await client.until("status_update");
  await client.until("log_data");
  return client;
}

test("an SSH connection that is cut is made anew: subscribers are told, and no line is lost", async (t) => {
  t.after(() => set("execution", ordinary));
  await set("execution", { NUMBERED: 1, RATE: 20 });
  const client = await watch(t, node.user);
  await until("some lines", () => numbers(client).length > 20);
  await cut(node.user);
  const error = await client.until("error");
  assert.equal(error.code, "disconnected");
  assert.notEqual(error.ended, true);
  assert.doesNotMatch(error.message, /auth/i, "a dashboard would ask for the password again");
  const before = numbers(client).length;
  client.events = client.events.filter(({ name }) => name !== "status_update");
  await until("lines again", () => numbers(client).length > before + 40, { timeout: 30_000 });
  await client.until("status_update");
  const seen = numbers(client);
  seen.forEach((number, i) => assert.equal(number, seen[0] + i));
  assert.equal(client.socket.connected, true);
});

test("a node whose sshd is away for a while is taken up again when it is back", async (t) => {
  t.after(() => onNode("systemctl", "start", "ssh"));
  const client = await watch(t, node.user);
  await onNode("systemctl", "stop", "ssh");
  await cut(node.user);
  const error = await client.until("error", ({ code }) => code === "disconnected");
  assert.doesNotMatch(error.message, /auth/i);
  const login = await daemon.login();
  assert.equal(login.status, 500);
  assert.match(login.json.message, /refused/i);
  await onNode("systemctl", "start", "ssh");
  client.events.length = 0;
  await client.until("status_update", undefined, { timeout: 45_000 });
  await client.until("log_data", undefined, { timeout: 45_000 });
});

test("a password that the node no longer takes is tried once, and the dashboard is told to ask anew", async (t) => {
  const password = (value) => onNode("sh", "-c", `echo '${node.reader}:${value}' | chpasswd`);
  t.after(() => password(node.password));
  const client = await watch(t, node.reader);
  const cursor = (await onNode("journalctl", "-u", "ssh", "-n", "1", "-o", "export")).match(/__CURSOR=(.*)/)[1];
  const refusals = async () => {
    const text = await onNode("journalctl", "-u", "ssh", "--after-cursor", cursor, "-o", "cat", "--no-pager");
    return text.split("\n").filter((line) => line.startsWith(`Failed password for ${node.reader} `)).length;
  };
  await password("another");
  await cut(node.reader);
  const error = await client.until("error", ({ code }) => code === "unauthenticated");
  assert.match(error.message, /auth/i);
  await until("the node to have refused it", async () => (await refusals()) > 0);
  await always("one attempt", async () => (await refusals()) === 1, 4000);
  // The right one again, by a new login: the streams are there again.
  await password(node.password);
  const token = (await daemon.login({ username: node.reader })).json.sessionId;
  const again = Client.of(t, daemon, { token });
  await again.until("authenticated");
  again.emit("subscribe_status", { interval: 1000 });
  await again.until("status_update");
});

test("a hung node does not hold up others, and ends nothing", async (t) => {
  const client = await watch(t, node.user);
  await onNode("pkill", "-STOP", "-f", `^sshd: ${node.user}@`);
  t.after(() => onNode("pkill", "-CONT", "-f", `^sshd: ${node.user}@`).catch(() => {}));
  const other = await watch(t, node.reader);
  other.events.length = 0;
  await until("three updates of the other", () => other.all("status_update").length >= 3);
  assert.equal((await daemon.get("/healthz")).status, 200);
  client.leave();
  await until("its clients gone", async () => (await daemon.metric("pillard_clients_authenticated")) === 1);
});

test("when all have left, nothing is left", async () => {
  await daemon.idle();
  for (const user of [node.user, node.reader]) await leavesNothing(user, 30_000);
});
