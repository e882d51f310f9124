// HTTP as attackers speak it: slowly, in several readings, too large, half, at the wrong time. Each has its exact answer
// or its close, and when all is over the daemon's gauges are where they were.
import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { after, afterEach, before, describe, test } from "node:test";

import { Daemon } from "./lib/daemon.mjs";
import { Gauges } from "./lib/gauges.mjs";
import { RawSocket } from "./lib/raw.mjs";
import { node } from "./lib/target.mjs";
import { until, within } from "./lib/wait.mjs";

const headTimeout = 1000;
const maxPayload = 100_000;
const connections = 300;
let daemon;
let token;
let gauges;

before(async () => {
  daemon = await Daemon.start({
    set: {
      "server.reactors": 2,
      "limits.head_timeout": headTimeout,
      "limits.connections": connections,
      "limits.outbox_bytes": 65536,
      "limits.stall_timeout": 1500,
      "engine.ping_interval": 700,
      "engine.ping_timeout": 700,
      "engine.connect_timeout": 2000,
      "engine.upgrade_timeout": 600,
      "engine.max_payload": maxPayload,
      "log.level": "info",
    },
  });
  token = await daemon.session();
  await daemon.idle();
  gauges = await Gauges.of(daemon);
});
after(async () => {
  await daemon?.stop();
});
// No leak hides behind the next test.
afterEach(async () => {
  for (const raw of opened.splice(0)) raw.destroy();
  await gauges.back();
});

const lines = (...all) => all.map((line) => `${line}\r\n`).join("");
const get = (path, ...fields) => lines(`GET ${path} HTTP/1.1`, "Host: localhost", ...fields, "");
const post = (path, ...fields) =>
  lines(`POST ${path} HTTP/1.1`, "Host: localhost", "Content-Type: application/json", ...fields, "");
const login = (...fields) => post("/api/ssh/connect", ...fields);
const hidden = get("/healthz");

const polling = (sid) => `/?EIO=4&transport=polling${sid ? `&sid=${sid}` : ""}`;
const say = (sid, body, ...fields) =>
  lines(`POST ${polling(sid)} HTTP/1.1`, "Host: localhost", `Content-Length: ${body.length}`, ...fields, "") + body;
async function session() {
  const answer = await daemon.get(polling());
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text.slice(1)).sid;
}
const poll = (sid) => daemon.get(polling(sid));
async function gone(sid) {
  const answer = await poll(sid);
  assert.deepEqual([answer.status, answer.json], [400, { code: 1, message: "Session ID unknown" }]);
}
/// Without waiting for its heartbeat to fail, or for the last word to be fetched.
async function leaves(sid) {
  assert.equal((await daemon.post(polling(sid), "1")).text, "ok");
  for (let i = 0; i < 3 && (await poll(sid)).status === 200; ++i);
  await gone(sid);
}
/// Joined as the user of `token`, so that a leak would show in the gauges.
async function joined() {
  const sid = await session();
  assert.equal((await daemon.post(polling(sid), `40{"token":"${token}"}`)).text, "ok");
  await until("the session to be authenticated", async () => (await poll(sid)).text.includes("authenticated"));
  return sid;
}
const opened = [];
function open(t) {
  const raw = RawSocket.open(t, daemon);
  opened.push(raw);
  return raw;
}
/// A connection that has said `text` and waits.
function asking(t, text) {
  const raw = open(t);
  raw.write(text);
  return raw;
}
async function ask(t, text) {
  const raw = asking(t, text);
  const answer = await raw.response();
  raw.destroy();
  return answer;
}
/// Writes a byte from time to time until the other side has closed, or all is written.
async function drip(raw, text, every) {
  for (const byte of Buffer.from(text, "latin1")) {
    if (raw.closedAt) return;
    raw.write(Buffer.from([byte]));
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

describe("requests with two readings", () => {
  const chunks = "0\r\n\r\n";
  const table = {
    "a length and chunks": [login("Content-Length: 5", "Transfer-Encoding: chunked") + chunks, 400],
    "chunks and a length": [login("Transfer-Encoding: chunked", "Content-Length: 5") + chunks, 400],
    "two lengths": [`${login("Content-Length: 2", "Content-Length: 44")}{}`, 400],
    "two lengths in other case": [`${login("Content-Length: 2", "content-LENGTH: 44")}{}`, 400],
    "two lengths in one field": [`${login("Content-Length: 2, 2")}{}`, 400],
    "two lengths in one field, by a blank": [`${login("Content-Length: 2 2")}{}`, 400],
    "a length with a sign": [`${login("Content-Length: +2")}{}`, 400],
    "a length with an underscore": [`${login("Content-Length: 1_0")}{}`, 400],
    "a length in Arabic digits": [`${login("Content-Length: \u00d9\u00a2")}{}`, 400],
    "a length behind a vertical tab": [`${login("Content-Length: \u000b2")}{}`, 400],
    "a blank before the colon": [`${login("Content-Length : 2")}{}`, 400],
    "a tab before the colon": [login("Transfer-Encoding\t: chunked") + chunks, 400],
    "a blank before the name": [login(" Transfer-Encoding: chunked") + chunks, 400],
    "chunks twice": [login("Transfer-Encoding: chunked, chunked") + chunks, 501],
    "chunks in two fields": [login("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + chunks, 400],
    "chunks and identity": [login("Transfer-Encoding: chunked", "Transfer-Encoding: identity") + chunks, 400],
    "chunks behind gzip": [login("Transfer-Encoding: gzip, chunked") + chunks, 501],
    "chunks in quotes": [login('Transfer-Encoding: "chunked"') + chunks, 501],
    "chunks with a parameter": [login("Transfer-Encoding: chunked;q=1") + chunks, 501],
    "chunks behind a comma": [login("Transfer-Encoding: ,chunked") + chunks, 501],
    "chunks behind a NUL": [login("Transfer-Encoding: \u0000chunked") + chunks, 400],
    "chunks in a folded line": [login("Transfer-Encoding:", " chunked") + chunks, 400],
    "chunks in a fold of another field": [login("X: a", "\tTransfer-Encoding: chunked") + chunks, 400],
    "chunks in HTTP/1.0": [login("Transfer-Encoding: chunked").replace("1.1", "1.0") + chunks, 400],
    "line feeds alone": [hidden.replaceAll("\r\n", "\n"), 400],
    "one line feed alone": ["GET /healthz HTTP/1.1\nHost: localhost\r\n\r\n", 400],
    "carriage returns alone": [`${hidden.replaceAll("\r\n", "\r")}\r\n\r\n`, 400],
    "a carriage return in a value": [get("/healthz", "X: a\rTransfer-Encoding: chunked"), 400],
    "a line feed in a value": [get("/healthz", "X: a\nTransfer-Encoding: chunked"), 400],
    "an empty line that is none": ["GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\r\n\r\n", 400],
    "two hosts": [get("/healthz", "Host: evil.example"), 400],
    "an empty host": [hidden.replace("localhost", ""), 400],
    "a host with a user": [hidden.replace("localhost", "localhost@evil.example"), 400],
    "a host with a path": [hidden.replace("localhost", "localhost/x"), 400],
    "no host": ["GET /healthz HTTP/1.1\r\n\r\n", 400],
    "an absolute target": [hidden.replace("/healthz", "http://localhost/healthz"), 400],
    "an absolute target of another host": [hidden.replace("/healthz", "http://evil.example/healthz"), 400],
    "an authority as target": ["CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n", 400],
    "a star with GET": [hidden.replace("/healthz", "*"), 400],
    "a backslash": [hidden.replace("/healthz", "/a\\..\\healthz"), 400],
    "dot segments": [hidden.replace("/healthz", "/a/../healthz"), 400],
    "encoded dot segments": [hidden.replace("/healthz", "/a/%2e%2e/healthz"), 400],
    "an encoded slash": [hidden.replace("/healthz", "/a%2fhealthz"), 400],
    "two blanks in its first line": [hidden.replace(" /healthz", "  /healthz"), 400],
    "a tab in its first line": [hidden.replace(" /healthz", "\t/healthz"), 400],
    "HTTP/2's preface": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
    "HTTP/0.9": ["GET /healthz\r\n\r\n", 400],
    "a TLS handshake": ["\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n\r\n", 400],
  };
  test("each is refused with its status, and nothing behind it is answered", async (t) => {
    for (const [what, [request, status]] of Object.entries(table)) {
      const raw = open(t);
      raw.write(Buffer.from(request + hidden, "latin1"));
      const answer = await raw.response().catch((error) => assert.fail(`${what}: ${error.message}`));
      assert.equal(answer.status, status, `${what}: ${answer.body}`);
      assert.match(answer.head, /^connection: close\r$/im, what);
      await raw.ends(5000);
      assert.equal(raw.text(), "", what);
    }
  });

  const bodies = {
    "a size that overflows 64 bits": ["FFFFFFFFFFFFFFFFF\r\n", 400],
    "a size of 2^64-1": ["FFFFFFFFFFFFFFFF\r\n", 400],
    "a size over the limit": ["10001\r\n", 413],
    "a size with 0x": ["0x2\r\n{}\r\n", 400],
    "a negative size": ["-2\r\n{}\r\n", 400],
    "a size behind a blank": [" 2\r\n{}\r\n", 400],
    "a size before a blank": ["2 \r\n{}\r\n", 400],
    "no size": ["\r\n{}\r\n", 400],
    "a size with a line feed alone": ["2\n{}\r\n", 400],
    "a chunk that is longer than it says": ["1\r\n{}\r\n", 400],
    "a chunk with a line feed alone behind it": ["2\r\n{}\n0\r\n\r\n", 400],
    "an extension of 2000 bytes": [`2;${"x".repeat(2000)}\r\n{}\r\n`, 400],
    "extensions without end": [`1;${"x".repeat(1000)}\r\n \r\n`.repeat(200), 413],
    "an extension with a carriage return": ["2;a\rb\r\n{}\r\n", 400],
    "trailers without end": [`0\r\n${"A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n".repeat(300)}`, 431],
    "a trailer that is none": ["0\r\nnothing\r\n\r\n", 400],
    "a trailer that folds": ["0\r\nA: b\r\n c\r\n\r\n", 400],
  };
  test("a chunked body that is wrong is refused with its status, and nothing behind it is answered", async (t) => {
    for (const [what, [body, status]] of Object.entries(bodies)) {
      const raw = asking(t, login("Transfer-Encoding: chunked") + body + hidden);
      const answer = await raw.response().catch((error) => assert.fail(`${what}: ${error.message}`));
      assert.equal(answer.status, status, `${what}: ${answer.body}`);
      await raw.ends(5000);
      assert.equal(raw.text(), "", what);
    }
  });

  test("a request inside a body is a body", async (t) => {
    const raw = open(t);
    raw.write(login(`Content-Length: ${hidden.length}`) + hidden + get("/nothing"));
    assert.equal((await raw.response()).status, 400);
    assert.equal((await raw.response()).status, 404, "what stood in the body was answered");
    raw.write(`${login("Transfer-Encoding: chunked")}${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n${get("/nothing")}`);
    assert.equal((await raw.response()).status, 400);
    assert.equal((await raw.response()).status, 404);
  });
});

describe("requests that are too long", () => {
  const table = {
    "a field's name of 129 bytes": [get("/healthz", `${"a".repeat(129)}: b`), 431],
    "a field's value of 8001 bytes": [get("/healthz", `A: ${"b".repeat(8001)}`), 431],
    "65 fields": [get("/healthz", ...Array.from({ length: 64 }, (_, i) => `A${i}: b`)), 431],
    "a head of 16 KiB": [get("/healthz", `A: ${"b".repeat(7900)}`, `B: ${"b".repeat(8400)}`), 431],
    "a target of 4097 bytes": [get(`/${"x".repeat(4096)}`), 414],
    "65 parameters": [get(`/?${"a&".repeat(65)}`), 414],
    "a method of 21 letters": [hidden.replace("GET", "G".repeat(21)), 501],
    "a login of 64 KiB and a byte": [login("Content-Length: 65537"), 413],
  };
  test("each is refused with its status", async (t) => {
    for (const [what, [request, status]] of Object.entries(table)) {
      const raw = asking(t, request);
      const answer = await raw.response().catch((error) => assert.fail(`${what}: ${error.message}`));
      assert.equal(answer.status, status, `${what}: ${answer.body}`);
      await raw.ends(5000);
    }
  });
  test("a head without end is refused before it ends", async (t) => {
    const raw = asking(t, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n");
    for (let i = 0; i < 400 && !raw.closedAt; ++i) raw.write(`A: ${"b".repeat(100)}\r\n`);
    assert.equal((await raw.response()).status, 431);
    await raw.ends(5000);
  });
  test("what is just short enough is taken", async (t) => {
    const fields = [`${"a".repeat(128)}: ${"b".repeat(8000)}`, ...Array.from({ length: 60 }, (_, i) => `A${i}: b`)];
    assert.equal((await ask(t, get("/healthz", ...fields))).status, 200);
    assert.equal((await ask(t, get(`/${"x".repeat(4095)}`))).status, 404);
  });
});

describe("slow clients", () => {
  const moments = {
    "a head": () => "GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: " + "b".repeat(100),
    "a body": () => login("Content-Length: 100") + "{".repeat(100),
    "a chunked body": () => login("Transfer-Encoding: chunked") + "1\r\n \r\n".repeat(20),
    "chunks' extensions": () => `${login("Transfer-Encoding: chunked")}1;${"x".repeat(100)}`,
  };
  for (const [what, request] of Object.entries(moments))
    test(`${what} byte by byte has one deadline, which no byte moves`, async (t) => {
      const text = request();
      const slow = text.slice(-90);
      const raw = asking(t, text.slice(0, -90));
      const begun = performance.now();
      const dripping = drip(raw, slow, 40);
      assert.equal((await raw.response()).status, 408);
      const took = performance.now() - begun;
      assert.ok(took > headTimeout - 100 && took < headTimeout + 1000, `${took} ms`);
      await raw.ends(5000);
      await dripping;
    });
  test("a connection that says nothing is closed without a word", async (t) => {
    const raw = open(t);
    await raw.ends(headTimeout + 4000);
    assert.equal(raw.text(), "");
  });
  test("a polled body that does not come ends its session", async (t) => {
    const sid = await joined();
    const raw = asking(t, say(sid, "x".repeat(100)).slice(0, -50));
    assert.equal((await raw.response()).status, 408);
    await raw.ends(5000);
    await gone(sid);
  });
  test("whoever reads nothing is not read, either, and is let go", async (t) => {
    const raw = open(t);
    raw.socket.pause();
    const closed = new Promise((resolve) => raw.socket.on("close", resolve));
    const requests = get(`/${"x".repeat(60)}`).repeat(200);
    const flood = setInterval(() => raw.socket.writableLength < 1_000_000 && raw.write(requests), 5);
    t.after(() => clearInterval(flood));
    await within("the end of the flood", closed, 60_000);
    clearInterval(flood);
    assert.ok((await daemon.metric("pillard_outbox_high_water_bytes")) < 1_000_000);
  });
});

describe("several requests at once", () => {
  test("they are answered in their order, whatever they ask", async (t) => {
    const body = '{"host":5}';
    const raw = asking(t, login(`Content-Length: ${body.length}`) + body + get("/nothing") + hidden.replace("GET", "HEAD") +
      `${login("Transfer-Encoding: chunked")}2\r\n{}\r\n0\r\nX: trailer\r\n\r\n` + post("/healthz") + hidden);
    const statuses = [];
    for (const head of [false, false, true, false, false, false]) statuses.push((await (head ? headOnly(raw) : raw.response())).status);
    assert.deepEqual(statuses, [400, 404, 200, 400, 405, 200]);
  });
  /// Of an answer without a body, whatever its length says.
  async function headOnly(raw) {
    await until("a head", () => raw.text().includes("\r\n\r\n"));
    const end = raw.text().indexOf("\r\n\r\n") + 4;
    const head = raw.text().slice(0, end);
    raw.bytes = raw.bytes.subarray(end);
    return { status: Number(head.split(" ")[1]) };
  }
  test("what stands behind a poll waits for its answer", async (t) => {
    const sid = await session();
    const raw = asking(t, get(polling(sid)) + say(sid, "3"));
    assert.equal((await raw.response()).body, "2");
    assert.equal((await raw.response()).body, "ok");
    await leaves(sid);
  });
  test("frames behind an upgrade are read, behind a refused one they are not", async (t) => {
    const good = open(t);
    good.upgrade();
    good.packet("40");
    assert.equal((await good.response()).status, 101);
    assert.match((await good.frame()).text, /^0\{"sid"/);
    assert.match((await good.frame()).text, /^40\{"sid"/);
    const bad = open(t);
    bad.upgrade({ query: "EIO=3&transport=websocket" });
    bad.packet("40");
    bad.write(hidden);
    const answer = await bad.response();
    assert.deepEqual([answer.status, answer.body], [400, "Unsupported protocol version"]);
    await bad.ends(5000);
    assert.equal(bad.text(), "");
  });
  test("an unmasked frame right behind the upgrade has its code", async (t) => {
    const raw = open(t);
    raw.upgrade();
    raw.send({ payload: "40", masked: false });
    assert.equal((await raw.response()).status, 101);
    assert.equal((await raw.closeFrame()).code, 1002);
    await raw.ends(5000);
  });
});

describe("uploads that end too soon", () => {
  const body = JSON.stringify({ host: node.host, port: node.port, username: node.user, password: node.password });
  for (const [how, leave] of [["reset", (raw) => raw.socket.resetAndDestroy()], ["ended", (raw) => raw.socket.end()]])
    test(`a login whose connection is ${how} costs nothing`, async (t) => {
      for (const size of [0, 1, body.length - 1]) {
        const raw = asking(t, login(`Content-Length: ${body.length}`) + body.slice(0, size));
        await until("the bytes to be on their way", () => raw.socket.writableLength === 0);
        leave(raw);
      }
      const chunked = asking(t, `${login("Transfer-Encoding: chunked")}${body.length.toString(16)}\r\n${body}`);
      await until("the bytes to be on their way", () => chunked.socket.writableLength === 0);
      leave(chunked);
      await gauges.back();
      assert.equal(await daemon.metric("pillard_ssh_logins_in_flight"), 0);
    });
  test("a polled body that is cut off ends its session at once", async (t) => {
    const sid = await joined();
    const raw = asking(t, say(sid, "42[]").slice(0, -2));
    await until("the body to be expected", () => raw.socket.writableLength === 0);
    raw.socket.resetAndDestroy();
    await until("the session to be gone", async () => (await daemon.metric("pillard_clients_authenticated")) === 0, { timeout: 500, every: 5 });
    await gone(sid);
  });
  test("a poll that is left ends its session at once", async (t) => {
    const sid = await joined();
    const raw = asking(t, get(polling(sid)));
    await until("the poll to be on its way", () => raw.socket.writableLength === 0);
    raw.socket.end();
    await until("the session to be gone", async () => (await daemon.metric("pillard_clients_authenticated")) === 0, { timeout: 500, every: 5 });
    await gone(sid);
  });
});

describe("polling as no client does it", () => {
  const bad = { code: 3, message: "Bad request" };
  test("two polls at a time end the session, and tell the first one", async (t) => {
    const sid = await joined();
    const first = asking(t, get(polling(sid)));
    await until("the first poll to wait", () => first.socket.writableLength === 0);
    const second = asking(t, get(polling(sid)));
    const answers = [await first.response(), await second.response()].sort((a, b) => a.status - b.status);
    assert.deepEqual(answers.map(({ status, body }) => [status, body]), [[200, "1"], [400, JSON.stringify(bad)]]);
    await gone(sid);
  });
  test("two bodies at a time end the session", async (t) => {
    const sid = await joined();
    const first = asking(t, say(sid, "3".repeat(10)).slice(0, -5));
    await until("the first body to be expected", () => first.socket.writableLength === 0);
    const second = await ask(t, say(sid, "3"));
    assert.equal(second.status, 400);
    await gone(sid);
  });
  test("a session that is none, was one, or is a WebSocket's is refused", async (t) => {
    for (const sid of ["x", "AA", "AB".padEnd(20, "x"), "~~~~", "constructor", "__proto__", "%00", "A".repeat(3000)]) {
      const answer = await ask(t, get(polling(sid)));
      assert.equal(answer.status, 400, sid);
      if (sid !== "%00") assert.deepEqual(JSON.parse(answer.body), { code: 1, message: "Session ID unknown" }, sid);
    }
    const socket = open(t);
    const { sid } = await socket.session();
    assert.deepEqual((await poll(sid)).json, bad);
    assert.deepEqual((await daemon.post(polling(sid), "3")).json, bad);
    socket.packet("40");
    assert.match((await socket.frame()).text, /^40/, "its session is untouched");
  });
  test("another transport, protocol, method or type than the session's is refused", async (t) => {
    const sid = await session();
    const of = (path) => path.replace("SID", sid);
    for (const [request, code] of [
      [get(of("/?EIO=4&transport=websocket&sid=SID")), 3],
      [get(of("/?EIO=3&transport=polling&sid=SID")), 3],
      [get(of("/?EIO=4&transport=constructor&sid=SID")), 0],
      [get(of("/?EIO=4&sid=SID")), 0],
      [get(polling(sid)).replace("GET", "PUT"), 3],
      [get(polling(sid)).replace("GET", "DELETE"), 3],
      [get(polling()).replace("GET", "POST"), 2],
      [get("/?EIO=4&transport=websocket"), 3],
    ])
      assert.equal(JSON.parse((await ask(t, request)).body).code, code, request);
    assert.equal((await daemon.post(polling(sid), "40")).text, "ok", "the session stands");
    assert.match((await poll(sid)).text, /^40/);
    assert.equal((await ask(t, say(sid, "3", "Content-Type: application/octet-stream"))).status, 400);
    await gone(sid);
  });
  test("a body over max_payload is a 413 and costs the session nothing", async (t) => {
    const sid = await session();
    const path = polling(sid);
    assert.equal((await ask(t, post(path, `Content-Length: ${maxPayload + 1}`))).status, 413);
    const gross = asking(t, lines(`POST ${path} HTTP/1.1`, "Host: localhost", "Transfer-Encoding: chunked", ""));
    for (let sent = 0; sent <= maxPayload; sent += 10_000) gross.write(`2710\r\n${"x".repeat(10_000)}\r\n`);
    assert.equal((await gross.response()).status, 413);
    await gross.ends(5000);
    const next = await session();
    assert.equal((await daemon.post(polling(next), "40")).text, "ok");
    assert.match((await poll(next)).text, /^40/);
    const filled = `420["x","${"y".repeat(maxPayload - 11)}"]`;
    assert.equal(filled.length, maxPayload);
    assert.equal((await ask(t, say(next, filled))).status, 200);
    assert.match((await poll(next)).text, /^430\[\{"error":\{/);
    await leaves(next);
  });
  test("what is no payload ends the session", async (t) => {
    const bodies = ["", "abc", "2", "0{}", "5", "b%%", "4\u001e", "\u001e", "4hello", "40\u001e40", "\u00c3\u0028", "40\u001e4\u00c3"];
    for (const body of bodies) {
      const sid = await session();
      await ask(t, say(sid, body).replace(/Content-Length: \d+/, `Content-Length: ${Buffer.byteLength(body)}`));
      for (let i = 0; i < 3; ++i) if ((await poll(sid)).status === 400) break;
      await gone(sid);
    }
  });
  test("an upgrade that is offered twice, by the wrong words, or to no one leaves the polling alone", async (t) => {
    const sid = await session();
    const query = `EIO=4&transport=websocket&sid=${sid}`;
    const first = open(t);
    first.upgrade({ query });
    assert.equal((await first.response()).status, 101);
    const second = open(t);
    second.upgrade({ query });
    assert.equal((await second.response()).status, 101);
    assert.equal((await second.closeFrame()).code, 1000);
    first.packet("2probe please");
    assert.equal((await first.closeFrame()).code, 1000);
    const slow = open(t);
    slow.upgrade({ query });
    assert.equal((await slow.response()).status, 101);
    assert.equal((await daemon.post(polling(sid), "40")).text, "ok");
    assert.match((await poll(sid)).text, /^40/);
    assert.equal((await slow.closeFrame()).code, 1000, "it took too long");
    const nobody = open(t);
    nobody.upgrade({ query: "EIO=4&transport=websocket&sid=AAxxxxxxxxxxxxxxxxxx" });
    assert.equal((await nobody.response()).body, "Session ID unknown");
  });
  const perAddress = 256;
  test("sessions that nobody polls are bounded for each address, and end by their heartbeat", async () => {
    let refused;
    let opened = 0;
    for (; opened <= 2 * perAddress && !refused; ++opened) {
      // From an address of its own: sessions of the tests before may still keep their last word.
      const answer = await daemon.get(polling(), { from: "127.0.2.8" });
      if (answer.status !== 200) refused = answer;
    }
    assert.ok(opened > perAddress);
    // Else opening them took longer than they live.
    if (refused) {
      assert.deepEqual([refused.status, refused.json.message], [429, "Too many sessions of your address; close some of them."]);
      assert.equal((await daemon.get(polling(), { from: "127.0.2.9" })).status, 200, "others are let in");
    }
    await gauges.back();
    assert.equal((await daemon.get(polling())).status, 200);
  });
  test("sessions that nobody polls are bounded in number, and end by their heartbeat", async () => {
    let refused;
    let opened = 0;
    for (; opened <= 2 * connections && !refused; ++opened) {
      const answer = await daemon.get(polling(), { from: `127.0.2.${1 + (opened % 4)}` });
      if (answer.status !== 200) refused = answer;
    }
    if (refused) {
      assert.equal(refused.status, 503);
      assert.equal(refused.headers["retry-after"], "5");
    } else {
      // Opening them took longer than they live: then they must have ended all the same.
      assert.ok(opened > connections);
    }
    await gauges.back();
    assert.equal((await daemon.get(polling())).status, 200);
  });
});
