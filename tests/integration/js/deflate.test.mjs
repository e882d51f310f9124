// permessage-deflate, as npm's ws and socket.io-client speak it.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { ordinary, set, tidy } from "./lib/target.mjs";
import { until, within } from "./lib/wait.mjs";

const { WebSocket } = createRequire(createRequire(`${process.env.PILLARD_NODE_MODULES}/`).resolve("engine.io-client"))("ws");
const enabled = { "websocket.deflate": "yes", "websocket.deflate_min_bytes": 64, "server.reactors": 2 };

let daemon;
let remembering; // with a context for each client
before(async () => {
  daemon = await Daemon.start({ set: enabled });
  remembering = await Daemon.start({ set: { ...enabled, "websocket.deflate_context_takeover": "yes" } });
  await set("execution", { ...ordinary, NUMBERED: 1, RATE: 200 });
});
after(async () => {
  try {
    await tidy("execution");
  } finally {
    await Promise.all([daemon?.stop(), remembering?.stop()]);
  }
});

/// Each number once and in order.
function counted(client) {
  const numbers = client.lines("execution").map((line) => Number(line.match(/^numbered (\d+)/)?.[1])).filter(Boolean);
  numbers.forEach((number, i) => assert.equal(number, numbers[0] + i));
  return numbers.length;
}
/// Waits for so many lines more.
async function follows(client, more) {
  const wanted = client.all("log_data").length + more;
  await until(`${more} lines`, () => client.all("log_data").length >= wanted, { timeout: 40_000, every: 20 });
  assert.ok(counted(client) > 0);
}
const extension = (client) => client.socket.io.engine.transport.ws.extensions;
const figures = async (of, ...names) => Promise.all(names.map((name) => of.metric(`pillard_${name}`)));

for (const perMessageDeflate of [true, false, { threshold: 0, serverNoContextTakeover: true }])
  for (const name of ["daemon", "remembering"])
    test(`socket.io-client with ${JSON.stringify(perMessageDeflate)} gets every line of ${name}`, { timeout: 120_000 }, async (t) => {
      const of = name === "daemon" ? daemon : remembering;
      const client = await Client.authenticated(t, of, { transports: ["websocket"], perMessageDeflate });
      client.emit("subscribe_status", { interval: 1000 });
      client.emit("subscribe_logs", { service: "execution" });
      await client.until("status_update");
      await follows(client, 400);
      assert.deepEqual(await client.ask("unsubscribe_logs", { service: "execution", padding: "x".repeat(5000) }), [{ data: null }]);
      assert.equal(extension(client).includes("permessage-deflate"), perMessageDeflate !== false);
      assert.deepEqual(client.all("disconnect"), []);
    });

test("what goes to many is compressed once", { timeout: 120_000 }, async (t) => {
  const token = await daemon.session();
  const clients = Array.from({ length: 10 }, () => Client.of(t, daemon, { token, transports: ["websocket"] }));
  for (const client of clients) {
    await client.until("authenticated");
    client.emit("subscribe_logs", { service: "execution" });
    await follows(client, 60);
  }
  const names = ["events_total", "websocket_compressed_messages_total"];
  const [events, messages] = await figures(daemon, ...names);
  await Promise.all(clients.map((client) => follows(client, 400)));
  const [eventsAfter, messagesAfter] = await figures(daemon, ...names);
  assert.ok(messagesAfter - messages > 300, `${messagesAfter - messages}`);
  assert.ok(messagesAfter - messages < 1.5 * (eventsAfter - events), `${messagesAfter - messages} of ${eventsAfter - events}`);
  const [before, afterwards] = await figures(
    daemon, "websocket_compressed_input_bytes_total", "websocket_compressed_output_bytes_total");
  assert.ok(afterwards < before, `${afterwards} of ${before}`);
});

test("a subscription that began by polling is compressed after the upgrade, and misses nothing", { timeout: 120_000 }, async (t) => {
  const client = Client.of(t, daemon, { token: await daemon.session(), transports: ["polling", "websocket"] });
  client.socket.on("connect", () => client.emit("subscribe_logs", { service: "execution" }));
  await client.until("log_data");
  await until("the upgrade", () => client.socket.io.engine.transport.name === "websocket");
  const [messages] = await figures(daemon, "websocket_compressed_messages_total");
  await follows(client, 300);
  const [messagesAfter] = await figures(daemon, "websocket_compressed_messages_total");
  assert.ok(messagesAfter - messages > 200, `${messagesAfter - messages}`);
});

/// A ws of its own, inside the handshake of Engine.IO.
async function open(t, of, perMessageDeflate, offer) {
  const socket = new WebSocket(`ws://127.0.0.1:${of.port}/?EIO=4&transport=websocket`, {
    perMessageDeflate,
    headers: offer ? { "Sec-WebSocket-Extensions": offer } : {},
  });
  t.after(() => socket.terminate());
  const heard = [];
  socket.on("message", (data) => heard.push(data.toString()));
  socket.closed = new Promise((resolve) => socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() })));
  socket.on("error", (error) => heard.push(`error: ${error.message}`));
  await until("the handshake", () => heard.length > 0);
  assert.match(heard[0], /^0\{"sid"/);
  return { socket, heard };
}

for (const options of [
  {}, { serverNoContextTakeover: true }, { clientNoContextTakeover: true }, { serverMaxWindowBits: 9 },
  { serverMaxWindowBits: 15 }, { clientMaxWindowBits: 9 }, { clientMaxWindowBits: 15 },
  { serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 10, clientMaxWindowBits: 10 },
])
  for (const name of ["daemon", "remembering"])
    test(`ws with ${JSON.stringify(options)} is understood by ${name}`, async (t) => {
      const of = name === "daemon" ? daemon : remembering;
      const { socket, heard } = await open(t, of, { threshold: 0, ...options });
      assert.match(socket.extensions, /^permessage-deflate/);
      socket.send("40");
      await until("the namespace", () => heard.some((text) => text.startsWith("40{")));
      for (let i = 0; i < 5; ++i) {
        socket.send(`42${i}["subscribe_logs",{"service":"${"execution".repeat(1 + i * 100)}"}]`);
        await until("the refusal", () => heard.some((text) => text.startsWith(`43${i}[{"error":{`)));
      }
      socket.send("42" + JSON.stringify(["no_such_type", { padding: "abc".repeat(20_000) }]), { compress: true });
      await until("an error", () => heard.some((text) => text.includes("There is no message type of this name here.")));
    });

test("what inflates to more than a message may be is closed before it has", async (t) => {
  const { socket } = await open(t, daemon, { threshold: 0 });
  socket.send("4" + "x".repeat(50_000_000));
  assert.equal((await within("the close", socket.closed, 20_000)).code, 1009);
});

test("a header that cannot be read is refused, an offer that cannot be kept is declined", async (t) => {
  const socket = new WebSocket(`ws://127.0.0.1:${daemon.port}/?EIO=4&transport=websocket`, {
    perMessageDeflate: false,
    headers: { "Sec-WebSocket-Extensions": "permessage-deflate; =" },
  });
  const error = await new Promise((resolve) => socket.on("error", resolve));
  assert.match(error.message, /400/);
  const other = await open(t, daemon, false, "permessage-deflate; server_max_window_bits=7, unheard-of");
  assert.equal(other.socket.extensions, "");
});
