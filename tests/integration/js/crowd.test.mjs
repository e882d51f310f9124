// Many at once.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { followed, leavesNothing, loginCounter, node } from "./lib/target.mjs";

const services = ["execution", "consensus", "validator", "mevboost"];
let daemon;

before(async () => {
  daemon = await Daemon.start({ set: { "ssh.linger": 500 } });
});
after(() => daemon?.stop());

test("100 clients at once on a cold session cause one SSH login", async (t) => {
  const token = await daemon.session();
  await leavesNothing(node.user);
  const logins = await loginCounter(node.user);
  const clients = Array.from({ length: 100 }, () => Client.of(t, daemon, { token }));
  for (const client of clients)
    client.socket.on("connect", () => {
      client.emit("authenticate", token);
      client.emit("subscribe_status", { interval: 1000 });
      for (const service of services) client.emit("subscribe_logs", { service });
    });
  for (const client of clients) {
    await client.until("status_update", undefined, { timeout: 40_000 });
    for (const service of services) await client.until("log_data", (data) => data.service === service);
    assert.deepEqual(client.all("error"), []);
  }
  assert.equal(await logins(), 1);
  for (const service of services) await followed(service);
  assert.equal(await daemon.metric("pillard_topics"), services.length + 1);
  assert.equal(await daemon.metric("pillard_subscriptions"), 500);
});

test("when they have left, nothing is left", async () => {
  await daemon.idle();
  await leavesNothing(node.user);
});

test("two sessions of one user share what runs on the node", async (t) => {
  const tokens = [await daemon.session(), (await daemon.login()).json.sessionId];
  const clients = tokens.map((token) => Client.of(t, daemon, { token }));
  for (const client of clients) {
    await client.until("authenticated");
    client.emit("subscribe_logs", { service: "execution" });
    await client.until("log_data");
  }
  await followed("execution");
});

test("another user's login is never shared", async (t) => {
  const clients = [
    await Client.authenticated(t, daemon),
    await Client.authenticated(t, daemon, { token: await daemon.session(node.reader) }),
  ];
  for (const client of clients) {
    client.emit("subscribe_logs", { service: "execution" });
    await client.until("log_data");
  }
  assert.equal(await daemon.metric("pillard_topics"), 2);
  assert.deepEqual((await followed("execution", 2)).map(({ user }) => user).sort(), [node.reader, "root"].sort());
});

test("a logout ends one session and leaves the other its streams", async (t) => {
  const [going, staying] = [(await daemon.login()).json.sessionId, await daemon.session()];
  const clients = [going, staying].map((token) => Client.of(t, daemon, { token, reconnection: false }));
  for (const client of clients) {
    await client.until("authenticated");
    client.emit("subscribe_status", { interval: 1000 });
    await client.until("status_update");
  }
  await daemon.post("/api/ssh/disconnect", {}, { headers: { Cookie: `ssh_session=${going}` } });
  await clients[0].until("disconnect");
  clients[1].events.length = 0;
  await clients[1].until("status_update");
});
