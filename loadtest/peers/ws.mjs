// A plain WebSocket server by npm `ws`: each message goes to every socket of the path it came from, the sender's own too; with `--answer` only back to
// the sender. Compression off.
import { WebSocketServer } from "ws";

const answersOnly = process.argv.includes("--answer");
const rooms = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, backlog: 4096 });

server.on("connection", (socket, request) => {
  const path = request.url;
  const room = rooms.get(path) ?? new Set();
  rooms.set(path, room.add(socket));
  socket.on("message", (data, isBinary) => {
    if (answersOnly) {
      socket.send(data, { binary: isBinary });
      return;
    }
    for (const member of room) {
      if (member.readyState === member.OPEN) {
        member.send(data, { binary: isBinary });
      }
    }
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    room.delete(socket);
    if (room.size === 0) {
      rooms.delete(path);
    }
  });
});

server.on("listening", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
