// Bad input of every kind, and what exactly becomes of it. A well-behaved neighbour watches the node all the while: it
// misses no update and no heartbeat, and when all is over the daemon holds nothing of what was sent.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { Client } from "./lib/client.mjs";
import { Daemon } from "./lib/daemon.mjs";
import { Neighbour } from "./lib/neighbour.mjs";
import { footprint } from "./lib/process.mjs";
import { RawSocket } from "./lib/raw.mjs";
import { node } from "./lib/target.mjs";
import { until, within } from "./lib/wait.mjs";

const deep = 100_000;
let daemon;
let token;
let neighbour;
let base;

before(async () => {
  daemon = await Daemon.start({
    set: {
      "limits.head_timeout": 1500,
      "limits.body_bytes": 1_000_000,
      "limits.connections_per_address": 1000,
      "engine.ping_interval": 1000,
      "engine.connect_timeout": 5000,
      "log.level": "info",
    },
    // What was freed is given back soon, or the memory at the end would be that of ASan's quarantine.
    environment: { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ""}:quarantine_size_mb=4` },
  });
  token = await daemon.session();
  neighbour = await Neighbour.watching(daemon, token);
  for (let i = 0; i < 200; ++i) await daemon.get("/healthz");
  base = await footprint(daemon);
});
after(async () => {
  neighbour?.leave();
  await daemon?.stop();
});

/// A client of the namespace "/", authenticated; `limit`: how long it may be silent.
async function client(t) {
  const raw = RawSocket.open(t, daemon);
  await raw.authenticated(token);
  return raw;
}
async function anonymous(t) {
  const raw = RawSocket.open(t, daemon);
  await raw.session();
  return raw;
}
/// The next text that is no heartbeat.
async function text(raw) {
  for (;;) {
    const frame = await raw.frame();
    if (frame.opcode === 1 && frame.text === "2") raw.packet("3");
    else return frame;
  }
}
let asked = 100;
/// The acknowledgement of an event, its arguments being JSON as it stands.
async function ask(raw, event, args) {
  const id = ++asked;
  raw.packet(`42${id}["${event}"${args === undefined ? "" : `,${args}`}]`);
  for (;;) {
    const frame = await text(raw);
    if (frame.opcode === 8) throw new Error(`closed with ${frame.code} by ${event} ${String(args).slice(0, 100)}`);
    if (frame.text.startsWith(`43${id}[`)) return JSON.parse(frame.text.slice(`43${id}`.length))[0];
  }
}
async function answers(raw) {
  assert.deepEqual(await ask(raw, "authenticate", `"${token}"`), true);
}
async function closedWith(raw, code, what) {
  let frame;
  try {
    do frame = await text(raw);
    while (frame.opcode !== 8);
  } catch (error) {
    throw new Error(`${what}: ${error.message}`);
  }
  assert.equal(frame.code, code, `${what}: ${frame.text}`);
  raw.send({ opcode: 8, payload: [frame.code >> 8, frame.code & 255] });
  await raw.ends(5000);
}

describe("events", () => {
  const wrong = ["5", '"x"', "[]", "[1]", "true", "[[]]", '"{}"', "-0", "1e999"];
  for (const event of ["subscribe_status", "subscribe_logs", "unsubscribe_logs"])
    test(`${event} with anything but an object is a bad request`, async (t) => {
      const raw = await client(t);
      for (const args of wrong) assert.equal((await ask(raw, event, args)).error?.code, "bad_request", args);
      await answers(raw);
    });

  test("an event without payload, or with null, has no parameters", async (t) => {
    const raw = await client(t);
    for (const args of [undefined, "null", "{}", "{},5,[],{}"]) {
      assert.equal((await ask(raw, "subscribe_status", args)).error, undefined, args);
      assert.equal((await ask(raw, "subscribe_logs", args)).error?.code, "bad_request", args);
    }
  });

  test("an interval of any size is taken to the nearest that is served; anything else is refused", async (t) => {
    const raw = await client(t);
    for (const interval of ["0", "-1", "1e308", "1e999", "-1e999", "0.5", "99999999999999999999", "1.5e3", "-0"])
      assert.deepEqual(await ask(raw, "subscribe_status", `{"interval":${interval}}`), { data: null }, interval);
    for (const interval of ['"5"', "[]", "{}", "true", "null", '""', "[5000]", '"1e3"']) {
      const { error } = await ask(raw, "subscribe_status", `{"interval":${interval}}`);
      assert.equal(error?.code, "bad_request", interval);
      assert.match(error.message, /^params\.interval: expected/);
    }
  });

  test("the name of a service is a unit's name, or refused", async (t) => {
    const raw = await client(t);
    const names = ["", "../x", "a b", "--all", "*", "a/b", "a\u0000b", "\u202e", "getty@.service", "x".repeat(300)];
    const values = [...names.map((name) => JSON.stringify(name)), "5", "null", "{}", '["execution"]', "true"];
    for (const event of ["subscribe_logs", "unsubscribe_logs"])
      for (const value of values) {
        const answer = await ask(raw, event, `{"service":${value}}`);
        assert.equal(answer.error?.code, "bad_request", `${event} ${value}`);
        assert.ok(answer.error.message.length < 400);
      }
    await answers(raw);
  });

  test("a cursor that is none is refused", async (t) => {
    const raw = await client(t);
    for (const cursor of ["5", "{}", "[]", `"${"x".repeat(256)}"`])
      assert.equal((await ask(raw, "subscribe_logs", `{"service":"execution","cursor":${cursor}}`)).error?.code,
        "bad_request", cursor);
  });

  test("an unknown event is not found, whatever its name", async (t) => {
    const raw = await client(t);
    const names = ["nothing", "__proto__", "constructor", "toString", "x".repeat(256), "\\u0000", "log_data", "error"];
    for (const name of names) assert.equal((await ask(raw, name, "{}")).error?.code, "not_found", name);
    raw.packet('42["nothing",{}]');
    const frame = await text(raw);
    assert.match(frame.text, /^42\["error",\{"message":/);
  });

  test("a name or a number of arguments over the limit ends the session", async (t) => {
    for (const packet of [`42["${"x".repeat(257)}"]`, `42["x"${",1".repeat(65)}]`, '42[["x"]]', "42[null]", '42[""]']) {
      const raw = await client(t);
      raw.packet(packet);
      await closedWith(raw, 1000, packet.slice(0, 40));
    }
  });

  test("authenticate with anything but a live token is refused, and the session stays", async (t) => {
    const raw = await anonymous(t);
    raw.packet("40");
    const values = ["5", "null", "{}", "[]", '""', '"x"', `"${token.slice(0, -1)}"`, `"${"a".repeat(100_000)}"`];
    for (const value of [undefined, ...values]) assert.equal(await ask(raw, "authenticate", value), false, value);
    assert.equal((await ask(raw, "subscribe_status", "{}")).error?.code, "unauthenticated");
    assert.equal(await ask(raw, "authenticate", `"${token}"`), true);
  });
});

describe("nesting", () => {
  const arrays = "[".repeat(deep) + "]".repeat(deep);
  const open = '{"a":'.repeat(deep);
  for (const [what, json] of [["arrays", arrays], ["objects that stay open", open]]) {
    test(`${deep} ${what} as an argument end the session before anything is parsed`, async (t) => {
      const raw = await client(t);
      raw.packet(`42["subscribe_status",${json}]`);
      await closedWith(raw, 1000, what);
    });
    test(`${deep} ${what} as CONNECT's auth end the session`, async (t) => {
      const raw = await anonymous(t);
      raw.packet(`40{"token":${json}}`);
      await closedWith(raw, 1000, what);
    });
    test(`${deep} ${what} as an acknowledgement end the session`, async (t) => {
      const raw = await client(t);
      raw.packet(`431[${json}]`);
      await closedWith(raw, 1000, what);
    });
    test(`${deep} ${what} as a login are a 400`, async () => {
      const answer = await daemon.post("/api/ssh/connect", `{"host":${json}}`, { from: "127.0.2.1" });
      assert.equal(answer.status, 400);
      assert.ok(answer.text.length < 1000);
    });
  }
  test("64 levels are read, 65 are not", async (t) => {
    const raw = await client(t);
    const nested = (levels) => "[".repeat(levels) + "]".repeat(levels);
    // The packet's own array is the first level.
    assert.equal((await ask(raw, "subscribe_status", nested(63))).error?.code, "bad_request");
    raw.packet(`42["subscribe_status",${nested(64)}]`);
    await closedWith(raw, 1000, "65 levels");
  });
});

describe("packets", () => {
  const afterConnect = {
    "an ack with words for an id": "43abc[]",
    "an ack without id": "43[]",
    "an ack of 10^30": `431${"0".repeat(30)}[]`,
    "an ack that is an object": '431{"a":1}',
    "a negative ack": "43-1[]",
    "an id above 64 bits": '4218446744073709551616["x"]',
    "an ack for a namespace not joined": "43/other,1[]",
    "leaving a namespace not joined": "41/other,",
    "leaving with a payload": '41{"a":1}',
    "CONNECT with an id": "401{}",
    "a control character in a namespace": "40/\u0001,",
    "a namespace without end": `40/${"x".repeat(129)},`,
    "a binary ack with too many attachments": "4611-1[]",
    "a placeholder of no attachment": '451-["x",{"_placeholder":true,"num":1}]',
    "a binary event without attachments": '450-["x"]',
    "half a surrogate": '42["x","\\ud800"]',
    "a number that is none": '42["x",01]',
    "two values": '42["x"]["y"]',
    "a bare event": "42",
    "a name for a payload": '42"x"',
  };
  const bare = ["0", '0{"sid":"x"}', "2", "2probe", "5", "7", "8", "9", "a", "\u0000", "\u{1F680}", " 4", "-1", "\u001e"];
  for (const packet of bare) afterConnect[`the Engine.IO packet ${JSON.stringify(packet)}`] = packet;
  test("what breaks the protocol ends the session with 1000", async (t) => {
    for (const [what, packet] of Object.entries(afterConnect)) {
      const raw = await client(t);
      raw.packet(packet);
      await closedWith(raw, 1000, what);
    }
  });

  test("an acknowledgement of nothing that was asked is passed over", async (t) => {
    const raw = await client(t);
    for (const ack of ["430[]", "4318446744073709551615[1,2]", "43999[null]"]) raw.packet(ack);
    raw.packet("6");
    raw.packet("3");
    await answers(raw);
  });

  test("before CONNECT only CONNECT is taken", async (t) => {
    for (const packet of ['42["x"]', '421["authenticate","x"]', "41", "431[]", '44{"message":"x"}', '42/other,["x"]']) {
      const raw = await anonymous(t);
      raw.packet(packet);
      await closedWith(raw, 1000, packet);
    }
  });

  test("CONNECT twice, also while the first is under way, ends the session", async (t) => {
    const raw = await anonymous(t);
    raw.packet(`40{"token":"${token}"}`);
    raw.packet(`40{"token":"${token}"}`);
    await closedWith(raw, 1000, "CONNECT twice");
  });

  test("leaving while CONNECT is under way leaves nothing behind", async (t) => {
    const raw = await anonymous(t);
    for (let i = 0; i < 50; ++i) {
      raw.packet(`40{"token":"${token}"}`);
      raw.packet("41");
    }
    raw.packet("40");
    for (;;) if ((await text(raw)).text.startsWith('40{"sid"')) break;
  });

  test("a hundred unknown namespaces are refused, one by one", async (t) => {
    const raw = await client(t);
    for (let i = 0; i < 100; ++i) raw.packet(`40/n${i},{"token":"x"}`);
    for (let i = 0; i < 100; ++i)
      assert.equal((await text(raw)).text, `44/n${i},{"message":"Invalid namespace"}`);
    await answers(raw);
  });

  test("a cookie or a token that cannot be one is a refusal, not a crash", async (t) => {
    const tokens = ["x", "'; DROP TABLE", "\u00ff\u00fe", "../../etc/passwd", "a".repeat(7000), `"${token}`, `${token}x`];
    for (const bad of tokens) {
      const raw = RawSocket.open(t, daemon);
      await raw.session({ headers: { Cookie: `ssh_session=${bad}` } });
      raw.packet("40");
      assert.match((await text(raw)).text, /^44\{"message":"Authentication error/, bad);
    }
  });
});

describe("frames", () => {
  const mask = [0, 0, 0, 0];
  const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
  const length64 = (hex) => Buffer.from(hex, "hex");
  const table = [
    ["2^63-1 bytes announced", bytes([0x81, 0xff], length64("7fffffffffffffff"), mask, "4"), 1009],
    ["2^63 bytes announced", bytes([0x81, 0xff], length64("8000000000000000"), mask, "4"), 1002],
    ["2^32 bytes announced", bytes([0x82, 0xff], length64("0000000100000000"), mask, "4"), 1009],
    ["2^64-1 bytes announced", bytes([0x81, 0xff], length64("ffffffffffffffff"), mask, "4"), 1002],
    ["5 bytes in a length of 16 bits", bytes([0x81, 0xfe, 0, 5], mask, "40abc"), 1002],
    ["5 bytes in a length of 64 bits", bytes([0x81, 0xff], length64("0000000000000005"), mask, "40abc"), 1002],
    ["a ping of 2^16 bytes", bytes([0x89, 0xff], length64("0000000000010000"), mask), 1002],
    ["a close frame in fragments", bytes([0x08, 0x82], mask, [3, 232]), 1002],
    ["reserved bit 1, as compression sets it", bytes([0xc1, 0x82], mask, "40"), 1002],
    ["an unmasked frame", bytes([0x81, 0x02], "40"), 1002],
    ["a letter cut by the end of its message", bytes([0x81, 0x83], mask, [0x34, 0x32, 0xc3]), 1007],
    ["a letter that is none, in the second fragment",
      bytes([0x01, 0x82], mask, [0x34, 0xf0], [0x80, 0x82], mask, [0x28, 0x8c]), 1007],
    ["a reason that is not UTF-8", bytes([0x88, 0x84], mask, [3, 232, 0xff, 0xfe]), 1007],
    ["a close code of 999", bytes([0x88, 0x82], mask, [3, 231]), 1002],
    ["a binary message where text is due", bytes([0x82, 0x82], mask, "40"), 1000],
  ];
  const cuts = { "at once": (raw, frame) => raw.write(frame), "byte by byte": trickle };
  for (const [cut, write] of Object.entries(cuts))
    test(`each bad frame has its code, ${cut}`, async (t) => {
      for (const [what, frame, code] of table) {
        const raw = await client(t);
        await write(raw, frame);
        await closedWith(raw, code, what);
      }
    });

  test("good frames byte by byte, in empty fragments and with pings between, are good", async (t) => {
    const raw = await client(t);
    const event = `42900["authenticate","${token}"]`;
    const part = (opcode, piece) => bytes([opcode, 0x80 | piece.length], mask, piece);
    const frame = bytes(part(0x01, ""), part(0x00, event.slice(0, 9)), part(0x89, "mid"), part(0x00, ""),
      part(0x00, event.slice(9, 20)), part(0x8a, "nobody asked"), part(0x00, event.slice(20)), part(0x80, ""));
    await trickle(raw, frame);
    const seen = [];
    while (!seen.includes("43900[true]")) seen.push((await text(raw)).text);
    assert.ok(seen.includes("mid"));
  });

  test("nothing behind a close frame is looked at", async (t) => {
    const raw = await client(t);
    raw.write(bytes([0x88, 0x82], mask, [3, 232], [0x81, 0x82], mask, "40", Buffer.alloc(5000, 0xff)));
    let frame;
    do frame = await raw.frame();
    while (frame.opcode !== 8);
    assert.equal(frame.code, 1000);
    await raw.ends(5000);
  });

  test("pings without end to a client that reads nothing end that client alone", async (t) => {
    const raw = await client(t);
    raw.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 2000 }, () => bytes([0x89, 0xfd], mask, Buffer.alloc(125, 120))));
    const gone = new Promise((resolve) => raw.socket.on("close", resolve));
    const flood = setInterval(() => raw.socket.writableLength < 4_000_000 && raw.write(pings), 2);
    t.after(() => clearInterval(flood));
    await within("the end of the flood", gone, 60_000);
    clearInterval(flood);
  });
});

/// Each byte a segment of its own.
async function trickle(raw, bytes) {
  raw.socket.setNoDelay(true);
  for (const byte of bytes) {
    if (raw.closedAt) return;
    raw.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
}

describe("heads", () => {
  const get = (path, ...fields) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${fields.map((f) => `${f}\r\n`).join("")}\r\n`;
  const post = (...fields) =>
    `POST /api/ssh/connect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${fields.join("\r\n")}\r\n\r\n`;
  const smuggled = get("/healthz");
  const table = [
    ["65 fields", get("/healthz", ...Array.from({ length: 65 }, (_, i) => `A${i}: b`)), 431],
    ["a name of 200 bytes", get("/healthz", `${"A".repeat(200)}: b`), 431],
    ["a value of 8200 bytes", get("/healthz", `A: ${"b".repeat(8200)}`), 431],
    ["20 kB of fields", get("/healthz", ...Array.from({ length: 40 }, (_, i) => `A${i}: ${"b".repeat(500)}`)), 431],
    ["a target of 5000 bytes", get(`/${"x".repeat(5000)}`), 414],
    ["65 parameters", get(`/?${"a=b&".repeat(65)}`), 414],
    ["a NUL in its target", get("/a\u0000b"), 400],
    ["an encoded NUL", get("/a%00b"), 400],
    ["an encoded slash", get("/a%2f..%2fb"), 400],
    ["a target that is not UTF-8", get("/%ff"), 400],
    ["half an escape", get("/%2"), 400],
    ["no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a tab between", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["words for a version", "GET / HTTP/one\r\nHost: a\r\n\r\n", 400],
    ["HTTP/0.9", "GET /\r\n\r\n", 400],
    ["HTTP/3.0", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505],
    ["HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400],
    ["a field without a name", get("/healthz", ": b"), 400],
    ["a field without a colon", get("/healthz", "nothing"), 400],
    ["a NUL in a value", get("/healthz", "A: b\u0000c"), 400],
    ["a bare CR in a value", get("/healthz", "A: b\rc"), 400],
    ["a bare LF behind a field", "GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n", 400],
    ["a folded field", get("/healthz", "A: b", " c"), 400],
    ["a length of -1", post("Content-Length: -1"), 400],
    ["a length of +5", post("Content-Length: +5"), 400],
    ["a length of 0x5", post("Content-Length: 0x5"), 400],
    ["a length of 1e3", post("Content-Length: 1e3"), 400],
    ["an empty length", post("Content-Length: "), 400],
    ["a length of 5, 6", post("Content-Length: 5, 6"), 400],
    ["two equal lengths", post("Content-Length: 5", "Content-Length: 5"), 400],
    ["a length of 2^64", post("Content-Length: 18446744073709551616"), [400, 413]],
    ["a length over the limit", post("Content-Length: 1000001"), 413],
    ["a length and chunks", `${post("Content-Length: 4", "Transfer-Encoding: chunked")}0\r\n\r\n`, 400],
    ["chunks and a length", `${post("Transfer-Encoding: chunked", "Content-Length: 4")}0\r\n\r\n`, 400],
    ["a transfer coding of identity", post("Transfer-Encoding: identity"), [400, 501]],
    ["chunks twice", post("Transfer-Encoding: chunked, chunked"), [400, 501]],
    ["chunks of two fields", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), [400, 501]],
    ["chunks in disguise", post("Transfer-Encoding: \u000bchunked"), 400],
    ["xchunked", post("Transfer-Encoding: xchunked"), [400, 501]],
    ["a space before the colon of its chunks", post("Transfer-Encoding : chunked"), 400],
    ["chunks in HTTP/1.0", "POST /api/ssh/connect HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
    ["chunks", `${post("Transfer-Encoding: chunked")}x\r\n\r\n`, 400],
    ["an upgrade with a body",
      get("/?EIO=4&transport=websocket", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Content-Length: 5"), 400],
    ["another host's name", "POST /api/ssh/connect HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\n{}", 403],
    ["a foreign origin",
      get("/?EIO=4&transport=websocket", "Connection: Upgrade", "Upgrade: websocket", "Origin: http://evil.example",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 403],
  ];
  test("each bad head has its status, and nothing behind it is taken for a request", async (t) => {
    for (const [what, head, status] of table) {
      const raw = RawSocket.open(t, daemon);
      raw.write(Buffer.from(head + smuggled, "latin1"));
      const answer = await raw.response().catch((error) => assert.fail(`${what}: ${error.message}`));
      assert.ok([status].flat().includes(answer.status), `${what}: ${answer.status} ${answer.body}`);
      await raw.ends(5000);
      assert.equal(raw.bytes.length, 0, `${what}: ${raw.text()}`);
    }
  });

  test("a good head byte by byte, and one behind empty lines, is good", async (t) => {
    const raw = RawSocket.open(t, daemon);
    await trickle(raw, Buffer.from(get("/healthz")));
    assert.equal((await raw.response()).status, 200);
    raw.write(`\r\n\r\n\r\n${get("/healthz")}`);
    assert.equal((await raw.response()).status, 200);
  });

  test("300 heads that never end hold nobody up and are given up in time", async (t) => {
    const slow = Array.from({ length: 300 }, () => RawSocket.open(t, daemon));
    for (const raw of slow) raw.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: b");
    const begun = performance.now();
    assert.equal((await daemon.get("/healthz")).status, 200);
    assert.ok(performance.now() - begun < 1000);
    for (const raw of slow) assert.equal((await raw.response()).status, 408);
    for (const raw of slow) await raw.ends(5000);
  });

  test("a body byte by byte is read as long as its time lasts", async (t) => {
    const raw = RawSocket.open(t, daemon);
    const body = '{"host":5}';
    await trickle(raw, Buffer.from(post(`Content-Length: ${body.length}`) + body));
    assert.equal((await raw.response()).status, 400);
  });

  test("500 requests in one piece are answered in their order", async (t) => {
    const raw = RawSocket.open(t, daemon);
    raw.write(Array.from({ length: 500 }, (_, i) => get(i % 2 ? "/healthz" : "/nothing")).join(""));
    for (let i = 0; i < 500; ++i) assert.equal((await raw.response()).status, i % 2 ? 200 : 404);
  });

  test("a second upgrade behind the first is a bad frame", async (t) => {
    const raw = RawSocket.open(t, daemon);
    raw.upgrade();
    raw.upgrade();
    assert.equal((await raw.response()).status, 101);
    assert.match((await raw.frame()).text, /^0\{/);
    await closedWith(raw, 1002, "a second upgrade");
  });

  test("frames right behind the upgrade are read", async (t) => {
    const raw = RawSocket.open(t, daemon);
    raw.upgrade({ headers: { Cookie: `ssh_session=${token}` } });
    raw.packet("40");
    assert.equal((await raw.response()).status, 101);
    for (;;) if ((await text(raw)).text === '42["authenticated"]') break;
  });
});

describe("logins", () => {
  const good = { host: node.host, port: node.port, username: node.user, password: "wrong" };
  const changed = (changes) => JSON.stringify({ ...good, ...changes });
  const bodies = [
    "", "{", "null", "5", '"x"', "[]", "[{}]", "{}", '{"host":"a"}\u0000', '{"host":"a",}', "{'host':'a'}", "\u00ff",
    changed({ host: null }), changed({ host: [] }), changed({ host: {} }), changed({ host: "" }), changed({ host: 1 }),
    changed({ host: "a b" }), changed({ host: "-oProxyCommand=x" }), changed({ host: "a\u0000b" }),
    changed({ host: "127.1" }), changed({ host: "x".repeat(300) }), changed({ host: "fe80::1%eth0" }),
    changed({ port: "x" }), changed({ port: 0 }), changed({ port: -1 }), changed({ port: 65536 }), changed({ port: {} }),
    changed({ port: 22.5 }), changed({ username: "" }), changed({ username: "-x" }), changed({ username: "a b" }),
    changed({ username: ["x"] }), changed({ username: "x".repeat(65) }), changed({ password: "" }),
    changed({ password: 5 }), changed({ password: "x".repeat(1025) }), changed({ password: "a\u0000b" }),
    `{"host":"a","port":1e999,"username":"u","password":"p"}`,
  ];
  test("every body that is no login is a 400 with words and nothing of its password", async () => {
    for (const [i, body] of bodies.entries()) {
      const answer = await daemon.post("/api/ssh/connect", body, { from: `127.0.3.${i + 1}` });
      assert.equal(answer.status, 400, `${body.slice(0, 80)}: ${answer.text}`);
      assert.equal(answer.json.success, false);
      assert.ok(answer.text.length < 1000 && !/xxxxx|wrong/.test(answer.json.message), answer.text);
    }
  });
  test("a body of another type, or of none, is not read", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx", ""]) {
      const answer = await daemon.post("/api/ssh/connect", JSON.stringify(good), { headers: { "Content-Type": type } });
      assert.equal(answer.status, 415, type);
    }
  });
  test("addresses that must not be reached are refused", async () => {
    const hosts = ["127.0.0.1", "::1", "0.0.0.0", "169.254.169.254", "::ffff:127.0.0.1", "localhost", "[::]"];
    for (const [i, host] of hosts.entries()) {
      const answer = await daemon.post("/api/ssh/connect", changed({ host }), { from: `127.0.4.${i + 1}` });
      assert.equal(answer.json.success, false);
      assert.equal(answer.json.code, "access_denied", `${host}: ${answer.text}`);
    }
  });
});

describe("connections", () => {
  test("1000 connections that are opened and dropped leave nothing", async (t) => {
    for (let round = 0; round < 10; ++round) {
      const raws = Array.from({ length: 100 }, () => RawSocket.open(t, daemon));
      await Promise.all(raws.map((raw) => new Promise((resolve) => raw.socket.on("connect", resolve))));
      raws.forEach((raw, i) => {
        if (i % 4 === 1) raw.write("GET / HT");
        if (i % 4 === 2) raw.upgrade();
        if (i % 2) raw.socket.resetAndDestroy();
        else raw.destroy();
      });
    }
    await released();
  });

  test("a reset in the middle of anything leaves nothing", async (t) => {
    const login = JSON.stringify({ host: node.host, port: node.port, username: node.user, password: node.password });
    const moments = {
      head: async (raw) => raw.write("POST /api/ssh/connect HTTP/1.1\r\nHost: lo"),
      body: async (raw) => raw.write("POST /api/ssh/connect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"),
      login: async (raw) => raw.write(`POST /api/ssh/connect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${login.length}\r\n\r\n${login}`),
      upgrade: async (raw) => raw.upgrade(),
      connect: async (raw) => (await raw.session(), raw.packet(`40{"token":"${token}"}`)),
      frame: async (raw) => (await raw.authenticated(token), raw.write(Buffer.from([0x81, 0xfe, 0x10]))),
      stream: async (raw) => (await raw.authenticated(token), raw.packet('42["subscribe_logs",{"service":"execution"}]')),
      close: async (raw) => (await raw.authenticated(token), raw.send({ opcode: 8, payload: [3, 232] })),
    };
    for (const moment of Object.values(moments))
      for (const wait of [false, true]) {
        const raw = RawSocket.open(t, daemon, moment === moments.login ? { localAddress: wait ? "127.0.5.1" : "127.0.5.2" } : {});
        await moment(raw);
        if (wait) await new Promise((resolve) => setTimeout(resolve, 50));
        raw.socket.resetAndDestroy();
      }
    await released();
  });

  test("whoever ends only its own side of a WebSocket is let go", async (t) => {
    for (const begin of [client, anonymous]) {
      const raw = RawSocket.open(t, daemon, { allowHalfOpen: true });
      if (begin === client) await raw.authenticated(token);
      else await raw.session();
      raw.socket.end();
      await raw.ends(10_000);
    }
    await released();
  });
});

/// Nothing but the neighbour's connection and what it watches is left.
async function released() {
  await until("the connections to be gone", async () => (await daemon.metric("pillard_clients_authenticated")) === 1);
  await until("the subscriptions to be gone", async () => (await daemon.metric("pillard_subscriptions")) === 1);
  let now;
  await until("the descriptors to be back", async () => (now = await footprint(daemon)).descriptors <= base.descriptors)
    .catch((error) => {
      throw new Error(`${error.message}: ${base.descriptors} before, now ${JSON.stringify(now)}`);
    });
}

describe("floods", () => {
  test("subscribing and leaving without end is read more slowly, then ended with 1008", async (t) => {
    const raw = await client(t);
    const begun = performance.now();
    const services = ["execution", "consensus", "nosuchclient"];
    let sent = 0;
    const flood = setInterval(() => {
      for (let i = 0; i < 100 && raw.socket.writableLength < 100_000; ++i, ++sent) {
        const params = `{"service":"${services[sent % 3]}"}`;
        raw.packet(`42${sent}["${sent & 1 ? "un" : ""}subscribe_logs",${params}]`);
      }
    }, 5);
    t.after(() => clearInterval(flood));
    let answered = 0;
    let frame;
    do {
      frame = await raw.frame(30_000);
      if (frame.text === "2") raw.packet("3");
      if (frame.text.startsWith("43")) ++answered;
    } while (frame.opcode !== 8);
    clearInterval(flood);
    assert.equal(frame.code, 1008, frame.text);
    const seconds = (performance.now() - begun) / 1000;
    assert.ok(answered < 500 + 100 * (seconds + 1), `${answered} of ${sent} in ${seconds} s`);
    raw.destroy();
    await released();
  });
});

describe("the end", () => {
  test("the neighbour has missed nothing", () => neighbour.undisturbed());
  test("descriptors and memory are back at their base", async () => {
    await released();
    const now = await footprint(daemon);
    assert.ok(now.resident - base.resident < 64 << 20, `${base.resident >> 20} MiB before, ${now.resident >> 20} MiB now`);
  });
  test("a new client is served as on the first day", async (t) => {
    const late = await Client.authenticated(t, daemon);
    late.emit("subscribe_logs", { service: "execution" });
    await late.until("log_data");
  });
});
