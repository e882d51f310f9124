// Shows what a dashboard sees: node demo.mjs URL TOKEN [SERVICE..]
// Status of every unit as it changes and the log lines of the services, until Ctrl-C. It connects as the dashboards do.
import { createRequire } from "node:module";

// The packages lie outside the sources: ./dev says where.
const { io } = createRequire(`${process.env.PILLARD_NODE_MODULES ?? process.cwd()}/`)("socket.io-client");

const [url, token, ...named] = process.argv.slice(2);
if (!url || !token) {
  console.error("usage: node demo.mjs URL TOKEN [SERVICE..]");
  process.exit(2);
}
const services = named.length > 0 ? named : ["execution", "consensus", "validator", "mevboost"];

const tty = process.stdout.isTTY;
const paint = (code, text) => (tty ? `\x1b[${code}m${text}\x1b[0m` : text);
const columns = () => (tty && process.stdout.columns) || 160;
const colours = { execution: 36, consensus: 35, validator: 34, mevboost: 33 };

const socket = io(url, {
  path: "/",
  addTrailingSlash: false,
  transports: ["websocket", "polling"],
  withCredentials: true,
  extraHeaders: { cookie: `ssh_session=${token}` },
  auth: { token },
  forceNew: true,
  timeout: 20000,
  reconnectionAttempts: 5,
  reconnectionDelay: 1000,
  reconnectionDelayMax: 5000,
});

let shownStatus = "";

function showStatus(units) {
  const text = units
    .filter(({ service, status }) => services.includes(service) || status !== "not_installed")
    .map(({ service, status }) => `${service} ${paint(status === "active" ? 32 : 31, status)}`)
    .join("   ");
  if (text === shownStatus) return;
  shownStatus = text;
  console.log(paint(1, "status  ") + text);
}

function showLine({ service, line }) {
  // A log line may carry escapes of its own: shown as they are they would drive this terminal.
  const text = String(line).replace(/\x1b\[[0-9;]*m/g, "").replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "\ufffd");
  console.log(paint(colours[service] ?? 37, service.padEnd(11)) + text.slice(0, columns() - 12));
}

socket.on("connect", () => {
  console.log(`connected to ${url}`);
  socket.emit("authenticate", token, (accepted) => {
    if (!accepted) return;
    socket.emit("subscribe_status", { interval: 2000 });
    for (const service of services) socket.emit("subscribe_logs", { service });
  });
});
socket.on("status_update", showStatus);
socket.on("log_data", showLine);
socket.on("log_gap", (gap) => console.log(paint(33, `gap         ${JSON.stringify(gap)}`)));
socket.on("error", ({ message } = {}) => console.log(paint(31, `error       ${message}`)));
socket.on("disconnect", (reason) => console.log(paint(33, `disconnected: ${reason}`)));
socket.on("connect_error", (error) => {
  const cause = error.description?.message;
  console.log(paint(31, `cannot connect: ${error.message}${cause ? ` (${cause})` : ""}`));
  if (!socket.active) process.exitCode = 1;
});
socket.io.on("reconnect_failed", () => (process.exitCode = 1));

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    socket.disconnect();
    process.exit(0);
  });
}
