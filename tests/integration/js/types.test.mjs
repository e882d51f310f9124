// The package pillard-types: that it holds for how dashboards are written, and for what the daemon really sends.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { NativeClient } from "./lib/native.mjs";
import { compile } from "./lib/tsc.mjs";

let daemon;
const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
const files = { "usage.ts": read("./types/usage.ts") };
const blocks = [...read("../../../sdk/js/types/README.md").matchAll(/^```ts\n(.*?)^```$/gms)];
blocks.forEach(([, text], i) => (files[`readme${i}.ts`] = text));

before(async () => {
  daemon = await Daemon.start();
});
after(() => daemon?.stop());

/// Each value as a constant of its type: what it lacks, and what the type does not know, is an error of the compiler.
const constants = (pairs) =>
  'import type * as pillard from "pillard-types";\n' +
  pairs.map(([type, value], i) => `export const value${i}: pillard.${type} = ${JSON.stringify(value)};\n`).join("");

test("the daemon sends every kind of message of a real machine by Socket.IO", async (t) => {
  const client = await Client.authenticated(t, daemon);
  const answers = [];
  for (const [type, params] of [
    ["subscribe_status", { interval: 1000 }],
    ["subscribe_metrics", { interval: 1000 }],
    ["subscribe_logs", { service: "execution" }],
    ["subscribe_logs", {}],
    ["subscribe_logs", { service: "nosuchclient" }],
  ])
    answers.push(["Answer<null>", (await client.ask(type, params))[0]]);
  assert.equal(answers.filter(([, answer]) => answer.error).length, 1);
  const pairs = [
    ...answers,
    ["StatusUpdate", await client.until("status_update")],
    ["MetricsUpdate", await client.until("metrics_update")],
    ["LogData", await client.until("log_data")],
    ["StreamError", await client.until("error", ({ code }) => code === "not_found")],
  ];
  files["socket_io.ts"] = constants(pairs);
});

test("it does at /ws", async (t) => {
  const client = await NativeClient.authenticated(t, daemon);
  const topics = [
    await client.subscribe("subscribe_status", { interval: 1000 }),
    await client.subscribe("subscribe_metrics", { interval: 1000 }),
    await client.subscribe("subscribe_logs", { service: "execution" }),
  ];
  await client.ask("subscribe_logs", {});
  await client.ask("subscribe_logs", { service: "nosuchclient" });
  await client.until(({ type, error }) => type === "error" && error.code === "not_found");
  for (const topic of topics) await client.until((message) => message.topic === topic);
  await client.ask("grant", { topic: topics[0], credit: 5 });
  await client.ask("unsubscribe_status", { interval: 1000 });
  const types = new Set(client.messages.map(({ type }) => type));
  for (const type of ["authenticated", "subscribe_logs", "status_update", "metrics_update", "log_lines", "error", "grant"])
    assert.ok(types.has(type), `${type} among ${[...types]}`);
  const pairs = client.messages.slice(0, 50).map((message) => ["NativeMessage", message]);
  files["native.ts"] = constants(pairs);
});

test("it answers by HTTP", async () => {
  const ask = async (path, init) => (await fetch(daemon.url + path, init)).json();
  const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"host":"x"}' };
  const pairs = [
    ["ConnectAnswer", await ask("/api/ssh/connect", post)],
    ["ConnectAnswer", { success: true, sessionId: await daemon.session() }],
    ["Problem", await ask("/api/call/no_such_call", { ...post, body: "{}" })],
  ];
  assert.equal(pairs[0][1].success, false);
  files["http.ts"] = constants(pairs);
});

// In one run of the compiler, which takes seconds.
test("all of it has the types that are said, real uses are taken, and mistakes are not", async () => {
  files["wrong.ts"] = constants([
    ["Failure", { message: "m", code: "gone" }],
    ["StatusUpdate", [{}]],
    ["NativeMessage", { type: "status_update", topic: "t", data: [], more: 1 }],
  ]);
  const told = (await compile(files)).split("\n").filter((line) => line !== "" && !line.startsWith(" "));
  assert.deepEqual(told.filter((line) => !line.startsWith("wrong.ts")), []);
  assert.equal(told.length, 3, told.join("\n"));
  assert.match(told[0], /"gone"' is not assignable to type 'Code'/);
  assert.match(told[1], /missing the following properties from type 'StatusUpdateItem'/);
  assert.match(told[2], /"more"' does not exist/);
  assert.equal(Object.keys(files).length, 8, "one of usage.ts, three each of the README and of the doors, wrong.ts");
});
