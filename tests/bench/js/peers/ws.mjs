// Plain WebSockets by npm's ws, each client sent the text that Socket.IO would send: what a protocol costs above it.
// node ws.mjs --listen HOST:PORT --rate LINES_PER_SECOND --burst LINES
// It speaks no Socket.IO: no handshake, no pings, and what clients say is dropped.
import { createServer } from "node:http";

import { packet, pace } from "./lines.mjs";
import { load } from "./packages.mjs";
import { endWithParent, listen, pacedOptions } from "./process.mjs";

const { WebSocket, WebSocketServer } = load("ws");
const { listen: address, ...pacing } = pacedOptions();

const server = createServer();
const clients = new WebSocketServer({ server, perMessageDeflate: false }).on("connection", (client) => {
  client.on("error", () => client.terminate());
}).clients;

endWithParent();
listen(server, address);
pace(pacing, (line) => {
  const text = packet(line);
  for (const client of clients) if (client.readyState === WebSocket.OPEN) client.send(text);
});
