// How dashboards use the package pillard-types. Compiled, never run: each line below @ts-expect-error must be refused.
import type {
  Answer,
  Calls,
  ClientToServerEvents,
  Code,
  ConnectAnswer,
  ConnectRequest,
  LogData,
  NativeMessage,
  NativeRequest,
  Problem,
  ServerToClientEvents,
  StatusUpdate,
  Streams,
} from "pillard-types";
import { io, type Socket } from "socket.io-client";

const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io("http://127.0.0.1:3001", { path: "/" });

socket.on("authenticated", () => {
  socket.emit("subscribe_status");
  socket.emit("subscribe_status", null);
  socket.emit("subscribe_status", { interval: 2000 });
  socket.emit("subscribe_logs", { service: "execution", cursor: "s=1" }, (answer) => {
    if (answer.error) console.warn(answer.error.message, answer.error.code satisfies Code);
    else answer.data satisfies null;
  });
  socket.emit("unsubscribe_logs", { service: "execution" });
  socket.emit("control_service", { service: "execution", action: "restart" }, (answer) => {
    if (answer.data && !answer.data.success) answer.data.journal.forEach((line) => line satisfies string);
  });
  // @ts-expect-error: no such action
  socket.emit("control_service", { service: "execution", action: "reload" });
  socket.emit("authenticate", "token", (good) => good satisfies boolean);
  // @ts-expect-error: a required param
  socket.emit("subscribe_logs");
  // @ts-expect-error: the same, in an object
  socket.emit("subscribe_logs", {});
  // @ts-expect-error: of another type
  socket.emit("subscribe_status", { interval: "2000" });
  // @ts-expect-error: no such param
  socket.emit("subscribe_status", { intervall: 2000 });
  // @ts-expect-error: no such message
  socket.emit("subscribe_statuses");
});
socket.on("status_update", (units) => {
  for (const { service, status, since, memory } of units) {
    `${service} ${status}` satisfies string;
    // @ts-expect-error: it may be missing
    since.toFixed();
    memory satisfies number | undefined;
  }
  // @ts-expect-error: no such field
  units[0]?.state;
});
socket.on("metrics_update", ({ cpu, cores, filesystems, pressure }) => {
  cpu?.used.toFixed(2);
  cores.map(({ core }) => core satisfies number);
  filesystems.filter(({ full_in }) => full_in !== undefined && full_in < 86_400);
  pressure?.io?.full?.toFixed();
  // @ts-expect-error: a node may not tell it
  cpu.used;
});
socket.on("log_data", (line) => line.cursor satisfies string);
socket.on("log_gap", ({ service, dropped }) => `${service}: ${dropped.toFixed()} lines`);
socket.on("error", ({ message, code, type, ended }) => {
  if (ended && code === "not_found") console.warn(type, message);
  // @ts-expect-error: the list of codes is closed
  if (code === "gone") return;
});
// @ts-expect-error: no such event
socket.on("status_updates", () => {});

// JSON at /ws.
const native = new WebSocket("ws://127.0.0.1:3001/ws");
const send = (message: NativeRequest) => native.send(JSON.stringify(message));
send({ type: "auth", params: { token: "t" } });
send({ type: "subscribe_logs", id: 1, params: { service: "execution" }, credit: 500 });
send({ type: "subscribe_status" });
send({ type: "grant", params: { topic: "log_data#1", credit: 500 } });
send({ type: "unsubscribe_logs", id: "a", params: { service: "execution" } });
// @ts-expect-error: a required param
send({ type: "subscribe_logs", id: 1 });
// @ts-expect-error: credit is of subscriptions
send({ type: "unsubscribe_logs", params: { service: "execution" }, credit: 5 });
// @ts-expect-error: no such message
send({ type: "subscribe" });
native.onmessage = ({ data }) => {
  const message: NativeMessage = JSON.parse(data);
  switch (message.type) {
    case "log_lines":
      return message.data.forEach(({ line }: LogData) => line);
    case "status_update":
      return message.data satisfies StatusUpdate;
    case "log_gap":
      return message.data.dropped.toFixed();
    case "subscribe_logs":
      return message.error ? message.error.code satisfies Code : message.data.topic satisfies string;
    case "unsubscribe_logs":
      return message.data satisfies null | undefined;
    case "error":
      return message.error.ended satisfies true | undefined;
    case "authenticated":
      return;
    // @ts-expect-error: lines come as log_lines here
    case "log_data":
      return;
  }
};

// By HTTP.
export async function login(request: ConnectRequest): Promise<string | undefined> {
  const response = await fetch("/api/ssh/connect", { method: "POST", body: JSON.stringify(request) });
  const answer: ConnectAnswer = await response.json();
  if (!answer.success) throw new Error(`${answer.code satisfies Code}: ${answer.message}`);
  return answer.sessionId;
}
login({ host: "node", username: "user", password: "password" });
// @ts-expect-error: a required field
login({ host: "node" });

export async function call<Name extends keyof Calls>(name: Name, params: Calls[Name]["params"]) {
  const response = await fetch(`/api/call/${name}`, { method: "POST", body: JSON.stringify(params) });
  if (!response.ok) throw new Error(((await response.json()) as Problem).detail);
  return (await response.json()) as Calls[Name]["response"];
}
export function listen<Name extends keyof Streams>(name: Name, heard: (data: Streams[Name]["data"]) => void) {
  const stream = new EventSource(`/api/stream/${name}`);
  return { stream, heard };
}
listen("subscribe_metrics", ({ uptime }) => uptime satisfies number | undefined);
// @ts-expect-error: no such stream
listen("subscribe_everything", () => {});

export const answered: Answer<{ a: number }> = { data: { a: 1 } };
