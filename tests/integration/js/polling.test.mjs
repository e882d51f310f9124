// socket.io-client by long polling, and by long polling first: what a client with its default settings does.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { ordinary, set, tidy } from "./lib/target.mjs";

let daemon;
before(async () => {
  daemon = await Daemon.start({ set: { "engine.ping_interval": 500, "engine.ping_timeout": 2000, "server.reactors": 3 } });
  await set("execution", { ...ordinary, NUMBERED: 1, RATE: 100 });
});
after(async () => {
  try {
    await tidy("execution");
  } finally {
    await daemon.stop();
  }
});

/// Each number once and in order.
function counted(client) {
  const numbers = client.lines("execution").map((line) => Number(line.match(/^numbered (\d+)$/)?.[1])).filter(Boolean);
  numbers.forEach((number, i) => assert.equal(number, numbers[0] + i));
  return numbers.length;
}

for (const transports of [["polling"], ["polling", "websocket"]])
  test(`${transports} brings status and every line, and outlives heartbeats`, { timeout: 60_000 }, async (t) => {
    const client = await Client.authenticated(t, daemon, { transports });
    client.emit("subscribe_status", { interval: 1000 });
    client.emit("subscribe_logs", { service: "execution" });
    await client.until("status_update");
    await client.until("log_data", () => counted(client) > 300);
    assert.equal(client.socket.io.engine.transport.name, transports.at(-1));
    assert.deepEqual(await client.ask("unsubscribe_logs", { service: "execution" }), [{ data: null }]);
    assert.deepEqual(client.all("disconnect"), []);
    client.leave();
    await daemon.idle();
  });

test("a hundred clients that poll come to whatever loop and are served", { timeout: 60_000 }, async (t) => {
  const token = await daemon.session();
  const clients = Array.from({ length: 100 }, (_, i) =>
    Client.of(t, daemon, { token, transports: i % 2 ? ["polling"] : ["polling", "websocket"] }),
  );
  for (const client of clients) {
    await client.until("authenticated");
    client.emit("subscribe_status", { interval: 1000 });
  }
  for (const client of clients) await client.until("status_update");
  for (const client of clients) {
    assert.deepEqual(client.all("disconnect"), []);
    client.leave();
  }
  await daemon.idle();
});

test("a token that is dead is refused in the old server's words", async (t) => {
  const client = Client.of(t, daemon, { token: "dead", transports: ["polling"] });
  assert.equal(await client.until("connect_error"), "Authentication error: Invalid or expired session.");
});

test("a logout reaches a client that polls", async (t) => {
  const token = await daemon.session();
  const client = Client.of(t, daemon, { token, transports: ["polling"], reconnection: false });
  await client.until("authenticated");
  await daemon.post("/api/ssh/disconnect", {}, { headers: { Cookie: `ssh_session=${token}` } });
  assert.equal(await client.until("disconnect"), "io server disconnect");
});
