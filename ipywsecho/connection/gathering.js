// Opens a WebSocket on a thread of its own, where its messages are gathered until somebody asks.
//
// While a server floods, a browser delivers message after message, and timers of the same thread
// wait for a second or more. So the WebSocket has a worker, which answers only what it is asked.
// Besides, a call from JavaScript into Python takes as long as gathering hundreds of messages.
//
// Python evaluates this file, which is an expression, and calls the function with an address, the
// subprotocols, and functions:
//   opened(subprotocol)             it is open
//   refused(name, message)          the page does not even try
//   arrived(bytes, lengths)         the answer to `ask`: all messages that have come
//   buffered(size)                  the answer to `drain`: how many bytes wait to be sent
//   closed(code, reason, wasClean)  it has closed, and all messages were taken; or it did not open
(uri, subprotocols, told) => {
  // Runs in the worker, which knows nothing else of this file.
  function gather(port) {
    const SMALLEST = 2 ** 16;
    const PATIENCE = 1_000;
    const encoder = new TextEncoder();
    let socket = null;
    let isOpen = false;
    let isAsked = false;
    let end = null;
    let bytes = new Uint8Array(SMALLEST);
    let used = 0;
    // That of each message: a text's in UTF-8, or the complement of that of other bytes.
    let lengths = [];

    function reserve(size) {
      if (used + size > bytes.length) {
        const larger = new Uint8Array(Math.max(2 * bytes.length, used + size));
        larger.set(bytes.subarray(0, used));
        bytes = larger;
      }
    }

    function keep({ data }) {
      if (typeof data === "string") {
        // A UTF-16 code unit takes at most three bytes.
        reserve(3 * data.length);
        const { written } = encoder.encodeInto(data, bytes.subarray(used));
        lengths.push(written);
        used += written;
      } else {
        reserve(data.byteLength);
        bytes.set(new Uint8Array(data), used);
        lengths.push(~data.byteLength);
        used += data.byteLength;
      }
      give();
    }

    function give() {
      if (!isAsked) return;
      if (lengths.length) {
        isAsked = false;
        const all = Int32Array.from(lengths);
        port.postMessage(["arrived", bytes.subarray(0, used), all], [bytes.buffer, all.buffer]);
        bytes = new Uint8Array(SMALLEST);
        used = 0;
        lengths = [];
      } else if (end) {
        port.postMessage(["closed", ...end]);
      }
    }

    const actions = {
      open(uri, subprotocols) {
        try {
          socket = new WebSocket(uri, subprotocols);
        } catch (error) {
          port.postMessage(["refused", error.name, error.message]);
          return;
        }
        socket.binaryType = "arraybuffer";
        socket.onopen = () => {
          isOpen = true;
          port.postMessage(["opened", socket.protocol]);
        };
        socket.onmessage = keep;
        socket.onclose = ({ code, reason, wasClean }) => {
          end = [code, reason, wasClean];
          if (isOpen) give();
          else port.postMessage(["closed", ...end]);
        };
      },
      ask() {
        isAsked = true;
        give();
      },
      send(data) {
        socket.send(data);
      },
      // The page does not tell when something is sent, so this looks, for a limited time.
      drain(limit, since = performance.now(), pause = 1) {
        const size = socket.readyState === WebSocket.OPEN ? socket.bufferedAmount : 0;
        if (size <= limit || performance.now() - since > PATIENCE) {
          port.postMessage(["buffered", size]);
        } else {
          setTimeout(actions.drain, pause, limit, since, Math.min(2 * pause, 50));
        }
      },
      close(...values) {
        socket?.close(...values);
      },
    };
    port.onmessage = ({ data: [action, ...values] }) => actions[action](...values);
  }

  // Returns one end of a link to a worker, or to this thread where there are no workers.
  function start() {
    if (typeof Worker === "function") {
      const source = new Blob([`(${gather})(self)`], { type: "text/javascript" });
      const address = URL.createObjectURL(source);
      const worker = new Worker(address);
      URL.revokeObjectURL(address);
      return [worker, () => worker.terminate()];
    }
    const { port1, port2 } = new MessageChannel();
    gather(port2);
    return [port1, () => port1.close()];
  }

  const [port, stop] = start();
  port.onmessage = ({ data: [name, ...values] }) => told[name](...values);
  port.onerror = ({ message }) => told.refused("Error", message ?? "the worker failed");
  port.postMessage(["open", uri, subprotocols]);

  return {
    ask: () => port.postMessage(["ask"]),
    send: (data) =>
      port.postMessage(["send", data], typeof data === "string" ? [] : [data.buffer]),
    drain: (limit) => port.postMessage(["drain", limit]),
    close: (...values) => port.postMessage(["close", ...values]),
    // Ends the worker, and the WebSocket with it if that is still there.
    stop() {
      port.onmessage = port.onerror = null;
      port.postMessage(["close"]);
      stop();
    },
  };
}
