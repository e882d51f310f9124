// A Socket.IO server that sends every line to a room with all clients in it: what pillard's fan-out is measured beside.
// node socketio.mjs --listen HOST:PORT --rate LINES_PER_SECOND --burst LINES
// Its settings are those of the old server. It answers on every path, so on / and on /socket.io/.
import { createServer } from "node:http";

import { pace } from "./lines.mjs";
import { load } from "./packages.mjs";
import { endWithParent, listen, pacedOptions } from "./process.mjs";

const { Server } = load("socket.io");
const { listen: address, ...pacing } = pacedOptions();
const room = "node";

const server = createServer();
const io = new Server(server, {
  path: "/",
  addTrailingSlash: false,
  serveClient: false,
  transports: ["websocket"],
  perMessageDeflate: false,
  cors: { origin: true, credentials: true },
  pingInterval: 10_000,
  pingTimeout: 30_000,
  connectTimeout: 30_000,
});

io.on("connection", (socket) => {
  socket.join(room);
  socket.emit("authenticated");
});

endWithParent();
listen(server, address);
pace(pacing, (line) => io.to(room).emit("log_data", { service: "node", line }));
