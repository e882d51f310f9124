// The old server's way, in its parts (Socket.IO and ssh2), for what pillard is measured beside: one SSH connection per
// token, and one command with a terminal on it per subscriber. Written anew from what its clients saw of it.
// node reference.mjs --listen HOST:PORT --sessions FILE
// FILE: {"TOKEN": {"host", "port", "username", "password"}}. It runs what clients ask for: for loopback and tests only.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

import { load } from "./packages.mjs";
import { endWithParent, listen, options } from "./process.mjs";

const { Server } = load("socket.io");
const { Client } = load("ssh2");
const { listen: address, sessions: file } = options({ listen: "127.0.0.1:0", sessions: "sessions.json" });
const sessions = new Map(Object.entries(JSON.parse(readFileSync(file, "utf8"))));
const connections = new Map();

/// The SSH connection of a token, made at its first use: a promise. One that fails or ends is forgotten.
function connection(token) {
  if (connections.has(token)) return connections.get(token);
  const client = new Client().setMaxListeners(0);
  const ready = new Promise((resolve, reject) => {
    client.on("ready", () => resolve(client)).on("error", reject).on("close", () => {
      connections.delete(token);
      reject(new Error("SSH connection closed"));
    });
    client.connect({ readyTimeout: 30_000, ...sessions.get(token) });
  });
  connections.set(token, ready);
  return ready;
}

const server = createServer();
const io = new Server(server, {
  path: "/",
  addTrailingSlash: false,
  serveClient: false,
  cors: { origin: true, credentials: true, methods: ["GET", "POST"] },
  pingInterval: 10_000,
  pingTimeout: 30_000,
  connectTimeout: 30_000,
});

io.use((socket, next) => {
  const cookie = socket.handshake.headers.cookie?.match(/(?:^|;\s*)ssh_session=([^;]*)/)?.[1];
  const token = cookie ?? socket.handshake.auth.token;
  if (token && !sessions.has(token)) return next(new Error("Authentication error: Invalid or expired session."));
  socket.data.token = token;
  next();
});

io.on("connection", (socket) => {
  const streams = new Map();
  let ssh = null;
  let polling = null;

  const fail = (message) => socket.emit("error", { message });
  const lost = (error) => {
    fail(error?.message ?? "SSH connection closed");
    socket.disconnect(true);
  };

  async function authenticate(token) {
    const client = await connection(token);
    if (!ssh && socket.connected) {
      ssh = client.on("error", lost).on("close", lost);
    }
    socket.emit("authenticated");
  }

  /// Sends what a command prints until `unfollow(key)`. A chunk is split by itself, as it was: a line that lies in two
  /// chunks becomes two.
  function follow(key, service, command) {
    if (!ssh) return fail("Not authenticated.");
    if (streams.has(key)) return;
    const entry = { stream: null };
    streams.set(key, entry);
    const send = (prefix) => (chunk) => {
      for (const piece of chunk.toString().split("\n")) {
        const line = piece.trim();
        if (line) socket.emit("log_data", { service, line: line.includes("sudo:") ? line : prefix + line });
      }
    };
    ssh.exec(command, { pty: true }, (error, stream) => {
      if (error) return fail(`Failed to stream logs for ${service}: ${error.message}`);
      if (streams.get(key) !== entry) return stream.close();
      entry.stream = stream;
      stream.on("data", send("")).stderr.on("data", send("stderr: "));
    });
  }
  function unfollow(key) {
    const entry = streams.get(key);
    streams.delete(key);
    entry?.stream?.close();
  }

  function poll() {
    ssh.exec("systemctl list-units '*eth*' '*pillar*' --all --no-pager --plain", (error, stream) => {
      if (error) return fail(`Failed to get status: ${error.message}`);
      let text = "";
      stream.on("data", (chunk) => (text += chunk));
      stream.on("close", () => socket.emit("status_update", statuses(text)));
    });
  }

  socket.on("authenticate", (token, answer) => {
    const known = sessions.has(token);
    if (!known || (socket.data.token ?? token) !== token) {
      fail(known ? "Authentication token mismatch." : "Invalid or expired session");
      return answer?.(false);
    }
    socket.data.token = token;
    authenticate(token).then(() => answer?.(true), lost);
  });
  socket.on("subscribe_logs", ({ service } = {}) => {
    if (!/^[\w@.-]+$/.test(service)) return fail("No such service.");
    follow(`logs ${service}`, service, `sudo journalctl -fu ${service}.service --no-pager --output cat -n 50`);
  });
  socket.on("unsubscribe_logs", ({ service } = {}) => unfollow(`logs ${service}`));
  // Not of the old server: its way with any stream of lines.
  socket.on("subscribe_command", ({ command, service = "node" } = {}) => follow(`run ${command}`, service, command));
  socket.on("unsubscribe_command", ({ command } = {}) => unfollow(`run ${command}`));
  socket.on("subscribe_status", ({ interval = 5000 } = {}) => {
    if (!ssh) return fail("Not authenticated.");
    if (polling) return;
    poll();
    polling = setInterval(poll, interval);
  });
  const stopPolling = () => (polling = clearInterval(polling) ?? null);
  socket.on("unsubscribe_status", stopPolling);
  socket.on("disconnect", () => {
    stopPolling();
    for (const key of [...streams.keys()]) unfollow(key);
    ssh?.off("error", lost).off("close", lost);
  });

  if (socket.data.token) authenticate(socket.data.token).catch(lost);
});

/// The rows of systemctl as the old server read them, the legend below them included.
function statuses(text) {
  const rows = text.split("\n").slice(1).map((row) => row.trim().split(/\s+/)).filter(([unit]) => unit);
  return rows.map(([unit, ...columns]) => ({
    service: unit.replace(".service", ""),
    status: columns.slice(1, 4).join(" "),
  }));
}

endWithParent();
listen(server, address);
