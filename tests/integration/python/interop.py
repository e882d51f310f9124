#!/usr/bin/env python3
"""One of Python's clients of a running daemon: what it was told, as lines of JSON.

  interop.py CLIENT URL     CLIENT: websockets, websocket-client, or socketio-polling, -websocket or -upgrade

The token of a session comes in the environment as TOKEN. Each client joins "/", subscribes to the node's states and to
the log of `execution`, and ends when it has one state and LINES lines.
"""
import asyncio
import json
import os
import sys

LINES = int(os.environ.get("LINES_WANTED", "50"))
TOKEN = os.environ["TOKEN"]
DEADLINE = 40


def tell(name, data=None):
    print(json.dumps({"name": name, "data": data}), flush=True)


class Watcher:
    """What has to come, whatever the client."""

    def __init__(self):
        self.states = self.lines = 0

    def event(self, name, data):
        tell(name, data)
        self.states += name == "status_update"
        self.lines += name == "log_data"

    def done(self):
        return self.states >= 1 and self.lines >= LINES


SUBSCRIPTIONS = [("subscribe_status", {"interval": 1000}), ("subscribe_logs", {"service": "execution"})]


class Packets:
    """Socket.IO's packets over a WebSocket that knows nothing of it: what to say to what was heard."""

    def __init__(self):
        self.watcher = Watcher()

    def heard(self, packet):
        if packet.startswith("0"):
            tell("open", json.loads(packet[1:]))
            return ["40" + json.dumps({"token": TOKEN})]
        if packet == "2":
            tell("ping")
            return ["3"]
        if packet.startswith("40"):
            return []
        if packet.startswith("42"):
            name, *rest = json.loads(packet[2:])
            self.watcher.event(name, rest[0] if rest else None)
            if name == "authenticated":
                return ["42" + json.dumps(list(one)) for one in SUBSCRIPTIONS]
            return []
        raise SystemExit(f"a packet that is not expected: {packet}")


async def with_websockets(url):
    import websockets

    packets = Packets()
    address = url.replace("http", "ws") + "/?EIO=4&transport=websocket"
    async with websockets.connect(address, max_size=None) as socket:
        tell("extensions", [extension.name for extension in socket.extensions])
        while not packets.watcher.done():
            for answer in packets.heard(await socket.recv()):
                await socket.send(answer)
        # Its own pings are answered, also between the pieces of a message.
        await asyncio.wait_for(await socket.ping(b"hello"), 5)
        await socket.send(["4", "2", '1["authenticate",', json.dumps(TOKEN), "]"])
        while True:
            packet = await socket.recv()
            if packet.startswith("431"):
                tell("acknowledged", json.loads(packet[3:]))
                break
            for answer in packets.heard(packet):
                await socket.send(answer)
        await socket.close()
        tell("closed", socket.close_code)


def with_websocket_client(url):
    import websocket

    packets = Packets()
    socket = websocket.create_connection(url.replace("http", "ws") + "/?EIO=4&transport=websocket", timeout=DEADLINE)
    while not packets.watcher.done():
        for answer in packets.heard(socket.recv()):
            socket.send(answer)
    socket.ping("hello")
    while True:
        opcode, data = socket.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_PONG:
            tell("pong", data.decode())
            break
        for answer in packets.heard(data.decode()):
            socket.send(answer)
    socket.close(timeout=5)
    tell("closed")


async def with_socketio(url, transports):
    import socketio

    watcher = Watcher()
    client = socketio.AsyncClient(reconnection=False)
    finished = asyncio.Event()

    @client.on("*")
    async def on_any(name, *data):
        watcher.event(name, data[0] if data else None)
        if watcher.done():
            finished.set()

    @client.on("authenticated")
    async def on_authenticated():
        tell("authenticated")
        for name, params in SUBSCRIPTIONS:
            await client.emit(name, params)

    await client.connect(url, auth={"token": TOKEN}, transports=transports)
    await asyncio.wait_for(finished.wait(), DEADLINE)
    tell("transport", client.transport())
    tell("acknowledged", await client.call("authenticate", TOKEN, timeout=5))
    await client.disconnect()
    tell("closed")


async def main(name, url):
    if name == "websockets":
        await with_websockets(url)
    elif name == "websocket-client":
        await asyncio.to_thread(with_websocket_client, url)
    elif name.startswith("socketio-"):
        ways = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": None}
        await with_socketio(url, ways[name.removeprefix("socketio-")])
    else:
        sys.exit(f"no such client: {name}")


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), DEADLINE + 10))
