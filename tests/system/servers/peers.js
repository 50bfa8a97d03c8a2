// Servers of Node: ws, Socket.IO and graphql-ws, behind one port, which is printed.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(process.env.PACKAGES);
const { WebSocketServer } = require("ws");
const { Server } = require("socket.io");
const { buildSchema } = require("graphql");
const { useServer } = require("graphql-ws/use/ws");

const http = createServer();

const echo = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 0 } });
echo.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});

const schema = buildSchema(`
  type Query { hello(name: String!): String! }
  type Subscription { countdown(from: Int!): Int! }
`);
const graphql = new WebSocketServer({ noServer: true });
useServer(
  {
    schema,
    roots: {
      query: { hello: ({ name }) => `Hello, ${name}!` },
      subscription: {
        countdown: async function* ({ from }) {
          for (let left = from; left >= 0; left -= 1) yield { countdown: left };
        },
      },
    },
  },
  graphql,
);

// Pings come often, so that a test need not wait for one.
const io = new Server(http, { pingInterval: 50, pingTimeout: 2_000, destroyUpgrade: false });
io.on("connection", (socket) => socket.on("say", (text) => socket.emit("said", text)));

http.on("upgrade", (request, socket, head) => {
  const server = { "/ws": echo, "/graphql": graphql }[request.url];
  server?.handleUpgrade(request, socket, head, (opened) => server.emit("connection", opened, request));
});
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
