// The plugin client-logs: a real journal, line for line.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { RawSocket } from "./lib/raw.mjs";
import { followed, followers, hush, journal, leavesNothing, node, onNode, ordinary, set } from "./lib/target.mjs";
import { until } from "./lib/wait.mjs";

let daemon;

before(async () => {
  daemon = await Daemon.start({ set: { "ssh.linger": 500 } });
  await hush("validator");
});
after(async () => {
  await daemon?.stop();
  for (const service of ["execution", "consensus", "validator"]) await set(service, ordinary);
});

async function follow(t, service, options) {
  const client = await Client.authenticated(t, daemon, options);
  client.emit("subscribe_logs", { service });
  return client;
}
const print = (service, bytes) => set(service, { RAW: Buffer.from(bytes).toString("hex") });

test("the last 50 lines come first, in order, then what is new", async (t) => {
  const expected = await journal("validator", 50);
  const client = await follow(t, "validator");
  await until("50 lines", () => client.lines("validator").length >= 50);
  await print("validator", "fresh off the press");
  await client.until("log_data", ({ line }) => line === "fresh off the press");
  assert.deepEqual(client.lines("validator"), [...expected, "fresh off the press"]);
});

test("a line has its service, time, priority and cursor", async (t) => {
  const client = await follow(t, "validator");
  const data = await client.until("log_data");
  assert.deepEqual(Object.keys(data).sort(), ["cursor", "line", "priority", "service", "timestamp"]);
  assert.equal(data.service, "validator");
  assert.ok(Math.abs(Date.now() - data.timestamp) < 3_600_000);
  assert.equal(data.priority, 6);
  assert.match(data.cursor, /^s=[0-9a-f]+;i=/);
});

test("a client that gives its last cursor gets what came behind it, and nothing twice", async (t) => {
  const first = await follow(t, "validator");
  await until("50 lines", () => first.lines("validator").length >= 50);
  const lines = first.all("log_data");
  first.leave();
  const client = await Client.authenticated(t, daemon);
  client.emit("subscribe_logs", { service: "validator", cursor: lines[lines.length - 4].cursor });
  await until("the lines behind it", () => client.lines("validator").length >= 3);
  await print("validator", "one more");
  await client.until("log_data", ({ line }) => line === "one more");
  assert.deepEqual(client.lines("validator"), [...lines.slice(-3).map(({ line }) => line), "one more"]);
});

test("no line is lost, doubled, split or out of order while many come", async (t) => {
  t.after(() => set("execution", ordinary));
  await set("execution", { NUMBERED: 1, RATE: 200 });
  const client = await follow(t, "execution");
  const numbers = () =>
    client
      .lines("execution")
      .filter((line) => line.startsWith("numbered "))
      .map((line) => Number(line.slice(9)));
  await until("a thousand lines", () => numbers().length > 1000, { timeout: 30_000 });
  await set("execution", { RATE: 0 });
  let last = 0;
  await until("silence", () => last === (last = numbers().length), { every: 600 });
  const seen = numbers();
  seen.forEach((number, i) => assert.equal(number, seen[0] + i));
  assert.equal(`numbered ${seen.at(-1)}`, (await journal("execution", 1))[0]);
});

const texts = [
  ["leading blanks and tabs", "  \t  indented\tby\ttabs"],
  ["escape sequences", "\x1b[31mERROR\x1b[0m done \x1b]0;title\x07"],
  ["all kinds of letters", "grüße 你好 🚀 e\u0301 \u202Eabc \u2028 end"],
  ["what JSON must escape", '"quotes" \\ back/slash \x01\x1f {"a":[1]}'],
  ["markup", "<script>alert(1)</script> & 42[\"event\"] 430[]"],
  ["bytes that are not UTF-8", [0x61, 0xff, 0x62, 0xc3, 0x28, 0xe2, 0x82, 0x63, 0xf0, 0x9f, 0x9a, 0x64, 0xc0, 0xaf]],
];
for (const [what, bytes] of texts)
  test(`a line with ${what} arrives as it was written`, async (t) => {
    const client = await follow(t, "validator");
    await client.until("log_data");
    const mark = `>${Date.now()}|`;
    await print("validator", Buffer.concat([Buffer.from(mark), Buffer.from(bytes)]));
    const { line } = await client.until("log_data", (data) => data.line.startsWith(mark));
    assert.equal(line.slice(mark.length), Buffer.from(bytes).toString("utf8"));
  });

test("blanks at the beginning of a line are kept", async (t) => {
  const client = await follow(t, "validator");
  await client.until("log_data");
  await print("validator", " \t  set in");
  await client.until("log_data", ({ line }) => line === " \t  set in");
});

test("empty lines, blanks at the end and messages of several lines are kept", async (t) => {
  // Only the journal's own protocol takes such from a program.
  const texts = ["first  \t ", "", "two\nlines\n", "last"];
  const script = `use Socket; socket my $journal, PF_UNIX, SOCK_DGRAM, 0;
    my $to = sockaddr_un "/run/systemd/journal/socket";
    send $journal, "MESSAGE\n" . pack("Q<", length $_) . "$_\n", 0, $to for map { pack "H*", $_ } @ARGV; sleep 1`;
  const hex = texts.map((text) => Buffer.from(text).toString("hex"));
  await onNode("systemd-run", "--quiet", "--wait", "--unit=pillard-words", "perl", "-e", script, ...hex);
  const client = await follow(t, "pillard-words");
  await client.until("log_data", ({ line }) => line === "last");
  const lines = client.lines("pillard-words");
  assert.deepEqual(lines.slice(lines.indexOf(texts[0]), lines.indexOf("last") + 1), texts);
});

test("a line of 100 000 bytes arrives whole", async (t) => {
  t.after(() => set("consensus", ordinary));
  await set("consensus", { RATE: 0 });
  const client = await follow(t, "consensus");
  await client.until("log_data");
  await set("consensus", { LONG: 100_000 });
  const { line } = await client.until("log_data", (data) => data.line.length > 90_000);
  assert.equal(line, `LONG ${"x".repeat(99_995)}`);
});

test("ten clients share one journalctl, and who comes late gets the same lines", async (t) => {
  const clients = [];
  for (let i = 0; i < 10; ++i) clients.push(await follow(t, "validator"));
  await Promise.all(clients.map((client) => until("50 lines", () => client.lines("validator").length >= 50)));
  await followed("validator");
  const commands = await daemon.metric("pillard_ssh_commands_total");
  const late = await follow(t, "validator");
  await until("the late one's 50 lines", () => late.lines("validator").length >= 50);
  assert.equal(await daemon.metric("pillard_ssh_commands_total"), commands, "the ring is the daemon's own");
  const mark = `for all ${Date.now()}`;
  await print("validator", mark);
  const all = [...clients, late];
  await Promise.all(all.map((client) => client.until("log_data", ({ line }) => line === mark)));
  const upToMark = (client) => {
    const lines = client.lines("validator");
    const end = lines.lastIndexOf(mark) + 1;
    return lines.slice(end - 51, end);
  };
  for (const client of clients) assert.deepEqual(upToMark(client), upToMark(late));
});

test("a user of the journal's group reads without sudo", async (t) => {
  await daemon.idle();
  const client = await follow(t, "validator", { token: await daemon.session(node.reader) });
  await until("50 lines", () => client.lines("validator").length >= 50);
  assert.equal((await followed("validator"))[0].user, node.reader);
});

test("a user who may run journalctl by sudo reads with it", async (t) => {
  await daemon.idle();
  const client = await follow(t, "validator");
  await until("50 lines", () => client.lines("validator").length >= 50);
  assert.equal((await followed("validator"))[0].user, "root");
});

test("a user who may do neither is told what to do, by the service's name", async (t) => {
  const client = await follow(t, "validator", { token: await daemon.session(node.plain) });
  const error = await client.until("error");
  assert.equal(error.code, "access_denied");
  assert.match(error.message, /validator/);
  assert.match(error.message, /systemd-journal/);
  assert.doesNotMatch(error.message, /auth/i, "a dashboard would ask for the password again");
  assert.equal(error.type, "subscribe_logs");
  assert.equal(client.socket.connected, true);
});

test("a service that the node does not have is named in the error", async (t) => {
  const client = await follow(t, "nosuchclient");
  const error = await client.until("error");
  assert.equal(error.code, "not_found");
  assert.match(error.message, /nosuchclient/);
  assert.equal(error.ended, true);
  assert.equal(client.socket.connected, true);
});

test("a service may be named with its suffix and is reported without", async (t) => {
  const client = await follow(t, "validator.service");
  assert.equal((await client.until("log_data")).service, "validator");
});

test("what is no unit's name is a bad request, and nothing runs", async (t) => {
  const client = await Client.authenticated(t, daemon);
  await until("no topic", async () => (await daemon.metric("pillard_topics")) === 0);
  const commands = await daemon.metric("pillard_ssh_commands_total");
  const names = ["; rm -rf /", "../x", "", "a b", "$(reboot)", "`reboot`", "-f", "--vacuum-size=1", "x\ny", "x\0y",
    "x".repeat(300), "é", "*", "execution consensus", ".service", 5, null, true, {}, ["execution"]];
  for (const service of names) client.emit("subscribe_logs", { service });
  client.emit("subscribe_logs");
  client.emit("subscribe_logs", null);
  client.emit("subscribe_logs", "execution");
  client.emit("subscribe_logs", { service: "execution", cursor: "s=1; reboot" });
  client.emit("unsubscribe_logs");
  const sent = names.length + 5;
  await until("every refusal", () => client.all("error").length >= sent);
  for (const error of client.all("error")) assert.equal(error.code, "bad_request", JSON.stringify(error));
  assert.equal(client.all("error").length, sent);
  assert.equal(await daemon.metric("pillard_ssh_commands_total"), commands);
  assert.equal(client.socket.connected, true);
});

test("a client that unsubscribes gets no more lines", async (t) => {
  const staying = await follow(t, "validator");
  const leaving = await follow(t, "validator");
  for (const client of [staying, leaving]) await until("50 lines", () => client.lines("validator").length >= 50);
  await leaving.ask("unsubscribe_logs", { service: "validator" });
  const before = leaving.events.length;
  const mark = `after leaving ${Date.now()}`;
  await print("validator", mark);
  await staying.until("log_data", ({ line }) => line === mark);
  assert.equal(leaving.events.length, before);
  leaving.emit("subscribe_logs", { service: "validator" });
  await leaving.until("log_data", ({ line }) => line === mark);
});

test("after the last client no journalctl stays on the node", async (t) => {
  const clients = [await follow(t, "validator"), await follow(t, "execution")];
  await clients[0].until("log_data");
  await clients[1].until("log_data");
  for (const client of clients) client.leave();
  await until("no follower", async () => (await followers()).length === 0, { timeout: 8000, every: 100 });
  await leavesNothing(node.user);
});

test("a follower that is killed on the node is started again, and no line is lost", async (t) => {
  t.after(() => set("execution", ordinary));
  await set("execution", { NUMBERED: 1, RATE: 20 });
  const client = await follow(t, "execution");
  const numbers = () =>
    client.lines("execution").filter((line) => line.startsWith("numbered ")).map((line) => Number(line.slice(9)));
  await until("some lines", () => numbers().length > 20);
  await followed("execution");
  await onNode("pkill", "-x", "journalctl");
  const killed = numbers().length;
  await until("lines again", () => numbers().length > killed + 60, { timeout: 30_000 });
  const seen = numbers();
  seen.forEach((number, i) => assert.equal(number, seen[0] + i));
});

test("a client that leaves in the middle of anything leaves nothing on the node", async (t) => {
  const token = await daemon.session();
  const moments = {
    "before the upgrade": (raw) => raw.write("GET /?EIO=4&transport=websocket HTTP/1.1\r\nHost: x"),
    "behind the upgrade": (raw) => raw.session(),
    "behind CONNECT": async (raw) => {
      await raw.session({ headers: { Cookie: `ssh_session=${token}` } });
      raw.packet("40");
    },
    "behind subscribing": async (raw) => {
      await raw.authenticated(token);
      raw.packet('42["subscribe_logs",{"service":"execution"}]');
    },
    "behind everything at once": async (raw) => {
      await raw.session({ headers: { Cookie: `ssh_session=${token}` } });
      raw.packet("40");
      raw.packet('42["subscribe_logs",{"service":"execution"}]');
      raw.packet('42["subscribe_logs",{"service":"consensus"}]');
      raw.packet('42["subscribe_status",{"interval":1000}]');
    },
    "in the middle of a frame": async (raw) => {
      await raw.authenticated(token);
      raw.packet('42["subscribe_logs",{"service":"execution"}]');
      raw.send({ payload: "42[", length: 5000 });
    },
    "behind its first line": async (raw) => {
      await raw.authenticated(token);
      raw.packet('42["subscribe_logs",{"service":"execution"}]');
      while (!(await raw.frame()).text.startsWith('42["log_data"'));
    },
  };
  for (const reset of [false, true])
    await Promise.all(
      Object.values(moments).map(async (moment) => {
        const raw = RawSocket.open(t, daemon);
        await moment(raw);
        if (reset) raw.socket.resetAndDestroy?.();
        raw.destroy();
      }),
    );
  await daemon.idle();
  await until("all connections to be closed", async () => (await daemon.metric("pillard_connections_open")) <= 1);
  await leavesNothing(node.user);
  const client = await follow(t, "validator");
  await client.until("log_data");
});
