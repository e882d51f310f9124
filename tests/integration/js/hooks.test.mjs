// What the old dashboard's hooks do, step by step: connect, authenticate, subscribe.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { until } from "./lib/wait.mjs";

const nobody = "00000000-0000-4000-8000-000000000000";
let daemon;
let token;

before(async () => {
  daemon = await Daemon.start();
  token = await daemon.session();
});
after(() => daemon?.stop());

test("a hook's whole life: both tokens, authenticate after connect, status and logs", async (t) => {
  const client = Client.of(t, daemon, { token });
  const acks = [];
  client.socket.on("connect", () => client.emit("authenticate", token, (ok) => acks.push(ok)));
  await client.until("authenticated");
  await until("the acknowledgement", () => acks.length === 1);
  assert.deepEqual(acks, [true]);
  client.emit("subscribe_status", { interval: 5000 });
  client.emit("subscribe_logs", { service: "execution" });
  const statuses = Object.fromEntries((await client.until("status_update")).map((unit) => [unit.service, unit.status]));
  for (const service of ["execution", "consensus", "validator", "mevboost"]) assert.equal(statuses[service], "active");
  const { service, line } = await client.until("log_data");
  assert.equal(service, "execution");
  assert.equal(typeof line, "string");
  assert.deepEqual(client.all("error"), []);
});

for (const path of ["/", "/socket.io/"]) {
  const options = { path, addTrailingSlash: path !== "/" };
  test(`on path ${path} the cookie alone authenticates`, async (t) => {
    const client = Client.of(t, daemon, { cookie: token, ...options });
    await client.until("authenticated");
    client.emit("subscribe_status", { interval: 5000 });
    await client.until("status_update");
  });
  test(`on path ${path} auth.token alone authenticates`, async (t) => {
    const client = Client.of(t, daemon, { auth: token, ...options });
    await client.until("authenticated");
  });
  test(`on path ${path} the authenticate event alone authenticates`, async (t) => {
    const client = Client.of(t, daemon, options);
    await client.until("connect");
    assert.deepEqual(await client.ask("authenticate", token), [true]);
    await client.until("authenticated");
    client.emit("subscribe_status", { interval: 5000 });
    await client.until("status_update");
  });
}

test("authenticated comes after connect, without arguments", async (t) => {
  const client = Client.of(t, daemon, { token });
  await client.until("authenticated");
  const names = client.events.map((event) => event.name);
  assert.ok(names.indexOf("connect") < names.indexOf("authenticated") || names[0] === "authenticated");
  assert.deepEqual(client.events.find((event) => event.name === "authenticated").args, []);
});

test("authenticating again with the same token says so again", async (t) => {
  const client = Client.of(t, daemon, { token });
  await client.until("authenticated");
  assert.deepEqual(await client.ask("authenticate", token), [true]);
  await until("the second authenticated", () => client.all("authenticated").length === 2);
});

test("the cookie goes before auth.token", async (t) => {
  const client = Client.of(t, daemon, { cookie: token, auth: nobody });
  await client.until("authenticated");
  const other = Client.of(t, daemon, { cookie: nobody, auth: token, reconnection: false });
  assert.equal(await other.until("connect_error"), "Authentication error: Invalid or expired session.");
});

test("without a token a client is connected but gets nothing", async (t) => {
  const client = Client.of(t, daemon);
  await client.until("connect");
  client.emit("subscribe_status", { interval: 5000 });
  client.emit("subscribe_logs", { service: "execution" });
  client.emit("unsubscribe_status");
  await until("three refusals", () => client.all("error").length === 3);
  for (const error of client.all("error")) {
    assert.equal(error.message, "Not authenticated.");
    assert.equal(error.code, "unauthenticated");
  }
  assert.deepEqual(client.all("authenticated"), []);
  assert.equal(client.socket.connected, true);
});

test("a token that nobody knows is refused in the reference's words", async (t) => {
  for (const bad of [nobody, "nonsense", "x".repeat(5000), token.toUpperCase(), token.slice(1)]) {
    const client = Client.of(t, daemon, { auth: bad, reconnection: false });
    assert.equal(await client.until("connect_error"), "Authentication error: Invalid or expired session.");
    client.leave();
  }
});

test("a refused client may ask again on the same connection", async (t) => {
  const client = Client.of(t, daemon, { auth: nobody, reconnection: false });
  await client.until("connect_error");
  client.socket.auth = { token };
  client.socket.connect();
  await client.until("authenticated");
});

test("authenticate with another token is a mismatch", async (t) => {
  const client = Client.of(t, daemon, { token });
  await client.until("authenticated");
  assert.deepEqual(await client.ask("authenticate", nobody), [false]);
  assert.equal((await client.until("error")).message, "Authentication token mismatch.");
});

test("authenticate with a dead token is refused, and the client may go on", async (t) => {
  const client = Client.of(t, daemon);
  await client.until("connect");
  assert.deepEqual(await client.ask("authenticate", nobody), [false]);
  assert.equal((await client.until("error")).message, "Invalid or expired session");
  assert.deepEqual(await client.ask("authenticate", token), [true]);
});

test("authenticate with no string at all is refused, whatever it is", async (t) => {
  const client = Client.of(t, daemon);
  await client.until("connect");
  for (const nonsense of [null, 5, {}, [], "", "x".repeat(10_000)])
    assert.deepEqual(await client.ask("authenticate", nonsense), [false]);
  client.emit("authenticate");
  client.emit("authenticate", token, "no function");
  await client.until("authenticated");
});

test("what is sent behind authenticate waits for its outcome", async (t) => {
  const client = Client.of(t, daemon);
  await client.until("connect");
  client.emit("authenticate", token);
  client.emit("subscribe_status", { interval: 5000 });
  await client.until("status_update");
  assert.deepEqual(client.all("error"), []);
});

test("a message type that nobody offers is said not to be there", async (t) => {
  const client = Client.of(t, daemon, { token });
  await client.until("authenticated");
  client.emit("make_coffee", { sugar: 2 });
  const error = await client.until("error");
  assert.equal(error.code, "not_found");
  assert.equal(error.type, "make_coffee");
  const [answer] = await client.ask("make_tea");
  assert.equal(answer.error.code, "not_found");
});

test("a subscription that asks for an acknowledgement gets one", async (t) => {
  const client = Client.of(t, daemon, { token });
  await client.until("authenticated");
  assert.deepEqual(await client.ask("subscribe_status", { interval: 5000 }), [{ data: null }]);
  const [refused] = await client.ask("subscribe_logs", { service: "../x" });
  assert.equal(refused.error.code, "bad_request");
  assert.deepEqual(await client.ask("unsubscribe_status"), [{ data: null }]);
});

test("a client that is cut off connects and authenticates again by itself", async (t) => {
  const client = Client.of(t, daemon, { token, reconnectionDelay: 50 });
  await client.until("authenticated");
  client.socket.io.engine.close();
  await until("the second authenticated", () => client.all("authenticated").length === 2);
});

test("many sockets of one tab, as each hook opened its own, all work", async (t) => {
  const clients = Array.from({ length: 8 }, () => Client.of(t, daemon, { token }));
  for (const client of clients) {
    await client.until("authenticated");
    client.emit("subscribe_status", { interval: 2000 });
  }
  for (const client of clients) await client.until("status_update");
});
