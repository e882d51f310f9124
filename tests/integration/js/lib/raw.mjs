// A client that says exactly what the test wants, bytes and all.
import { randomBytes } from "node:crypto";
import net from "node:net";
import { performance } from "node:perf_hooks";
import tls from "node:tls";

import { until, within } from "./wait.mjs";

export class RawSocket {
  static open(t, daemon, options = {}) {
    const raw = new RawSocket();
    raw.socket = (daemon.tls ? tls : net).connect({ host: "127.0.0.1", port: daemon.port, ...daemon.tls, ...options });
    raw.host = `127.0.0.1:${daemon.port}`;
    raw.socket.on("data", (piece) => (raw.bytes = Buffer.concat([raw.bytes, piece])));
    raw.socket.on("error", () => {});
    raw.closed = new Promise((resolve) => {
      const note = () => resolve((raw.closedAt ??= performance.now()));
      raw.socket.on("end", note);
      raw.socket.on("close", note);
    });
    t.after(() => raw.socket.destroy());
    return raw;
  }

  bytes = Buffer.alloc(0);
  closedAt = null;

  write(data) {
    this.socket.write(data);
  }
  destroy() {
    this.socket.destroy();
  }
  text() {
    return this.bytes.toString("latin1");
  }
  /// {status, head, body} of the next whole response with a Content-Length.
  async response() {
    const head = await until(`a response; so far: ${this.text()}`, () => {
      const end = this.bytes.indexOf("\r\n\r\n");
      return end >= 0 && this.bytes.subarray(0, end + 4).toString();
    });
    const length = Number(head.match(/^content-length: *(\d+)/im)?.[1] ?? 0);
    await until("the body", () => this.bytes.length >= head.length + length);
    const body = this.bytes.subarray(head.length, head.length + length).toString();
    this.bytes = this.bytes.subarray(head.length + length);
    return { status: Number(head.split(" ")[1]), head, body };
  }
  async ends(timeout) {
    await within("the server to close the connection", this.closed, timeout);
  }

  /// Asks for the WebSocket of a new Engine.IO session.
  upgrade({ query = "EIO=4&transport=websocket", path = "/", headers = {} } = {}) {
    const all = {
      Host: this.host,
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
      ...headers,
    };
    const lines = Object.entries(all).filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${value}`);
    this.write(`GET ${path}?${query} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
  }
  /// Until the handshake's packet: {sid, pingInterval, ...}.
  async session(options) {
    this.upgrade(options);
    const { status } = await this.response();
    if (status !== 101) throw new Error(`no upgrade: ${status}`);
    const { text } = await this.frame();
    return JSON.parse(text.slice(1));
  }
  /// As an authenticated client of the namespace "/".
  async authenticated(token) {
    await this.session({ headers: { Cookie: `ssh_session=${token}` } });
    this.packet("40");
    for (;;) if ((await this.frame()).text === '42["authenticated"]') return;
  }

  send({ opcode = 1, payload = "", fin = true, rsv = 0, masked = true, length }) {
    const body = Buffer.from(payload);
    const size = length ?? body.length;
    const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
    const bit = masked ? 0x80 : 0;
    if (size < 126) head.push(bit | size);
    else if (size < 65536) head.push(bit | 126, size >> 8, size & 255);
    else head.push(bit | 127, 0, 0, 0, 0, (size >>> 24) & 255, (size >> 16) & 255, (size >> 8) & 255, size & 255);
    const mask = masked ? randomBytes(4) : Buffer.alloc(0);
    const sent = masked ? Buffer.from(body.map((byte, i) => byte ^ mask[i % 4])) : body;
    this.write(Buffer.concat([Buffer.from(head), mask, sent]));
  }
  packet(text) {
    this.send({ payload: text });
  }

  /// The next frame of the server: {opcode, text}, for a close frame {opcode: 8, code, text}.
  async frame(timeout) {
    let size = 0;
    let start = 0;
    await until("a frame of the server", () => {
      const { bytes } = this;
      if (bytes.length < 2) return false;
      [size, start] = [bytes[1] & 127, 2];
      if (size === 126) {
        if (bytes.length < 4) return false;
        [size, start] = [bytes.readUInt16BE(2), 4];
      } else if (size === 127) {
        if (bytes.length < 10) return false;
        [size, start] = [Number(bytes.readBigUInt64BE(2)), 10];
      }
      return bytes.length >= start + size;
    }, { every: 2, timeout });
    const opcode = this.bytes[0] & 15;
    const payload = this.bytes.subarray(start, start + size);
    this.bytes = this.bytes.subarray(start + size);
    if (opcode !== 8) return { opcode, text: payload.toString() };
    return { opcode, code: size >= 2 ? payload.readUInt16BE(0) : 1005, text: payload.subarray(2).toString() };
  }
  /// The close frame, whatever comes before it; answered as the protocol asks unless `answered` is false.
  async closeFrame({ answered = true, timeout } = {}) {
    for (;;) {
      const frame = await this.frame(timeout);
      if (frame.opcode !== 8) continue;
      if (answered) this.send({ opcode: 8, payload: [frame.code >> 8, frame.code & 255] });
      return frame;
    }
  }
}
