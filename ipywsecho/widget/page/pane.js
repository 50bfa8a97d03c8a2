// @ts-check
import { button, make } from "./elements.js";

/**
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./store.js").Store} Store
 */

/** The whole payload of the row that is open. */
export class Pane {
  /** @param {Store} store @param {() => void} leave Called when the pane is closed by its button. */
  constructor(store, leave) {
    this.store = store;
    /** @type {Row | null} */
    this.row = null;
    this.url = "";
    /** @type {any} */
    this.head = null;
    this.title = make("span", { className: "ipywsecho-title" });
    this.views = make("select", {}, { "aria-label": "View of the payload" });
    this.views.onchange = () => this.show(this.views.value);
    this.text = make("pre", { tabIndex: 0 }, { role: "group", "aria-label": "Payload" });
    this.text.onscroll = () => this.more();
    this.element = make("div", { className: "ipywsecho-pane", hidden: true },
      { role: "group", "aria-label": "Opened row" },
      make("div", {}, {}, this.title, this.views, button("Copy", () => this.copy()),
        button("Download", () => this.download()),
        button("Close", () => { store.open(null); leave(); })), this.text);
  }
  draw() {
    const { opened, rows } = this.store;
    if (opened !== this.row) {
      this.row = opened;
      this.head = null;
      this.element.hidden = !opened;
      if (opened) this.show("");
    }
    if (!this.row || !this.head) return;
    const [log, position] = this.row;
    const [first, total] = rows.shape.kept[log] ?? [0, 0];
    const name = { sent: "sent", received: "frames" }[/** @type {string} */ (this.head.log)];
    const more = position < first ? " · not kept any more"
      : name ? ` · console.${name}[${position - total}]` : "";
    this.title.textContent = this.head.title + more;
  }
  /** @param {string} view The name of a view, or "" for the one that tells most. */
  show(view) {
    this.view = view;
    this.end = 0;
    this.turn = {}; // of which show() an answer is
    this.isWaiting = false;
    this.text.replaceChildren();
    this.text.scrollTop = 0;
    URL.revokeObjectURL(this.url);
    this.more();
  }
  /** Asks for the next piece, if the person has read up to it. */
  async more() {
    const { row, text, turn } = this;
    const isAhead = text.scrollTop + 3 * text.clientHeight < text.scrollHeight;
    if (!row || this.isWaiting || this.end === null || (this.end && isAhead)) return;
    this.isWaiting = true;
    const [piece] = await this.store.request("piece", row, { view: this.view, start: this.end });
    if (turn !== this.turn) return;
    this.isWaiting = false;
    this.end = piece.end ?? null; // the kernel of a web page leaves out what is null
    if (this.head === null) {
      this.head = piece;
      this.views.replaceChildren(...piece.views.map((/** @type {string} */ textContent) =>
        make("option", { textContent })));
    }
    this.views.value = this.view = piece.view;
    text.append(part(piece.html));
    this.store.soon();
    if (piece.is_picture) {
      const blob = await this.store.payload(row);
      if (turn !== this.turn || !blob) return;
      this.url = URL.createObjectURL(blob);
      text.append(make("img", { src: this.url, alt: piece.title }));
    } else this.more();
  }
  /** Copies a payload, as text or in hex. @param {Row | null} [row] */
  async copy(row = this.row) {
    const blob = row && await this.store.payload(row);
    const isText = blob?.type.startsWith("text/");
    if (blob) await navigator.clipboard.writeText(await (isText ? blob.text() : hexOf(blob)));
  }
  async download() {
    const blob = this.row && await this.store.payload(this.row);
    if (!blob) return;
    const href = URL.createObjectURL(blob);
    make("a", { href, download: this.head.name }).click();
    URL.revokeObjectURL(href);
  }
}

/**
 * The element of a piece: whole lines are a block, which stays laid out as others are appended.
 * @param {string} html Made by the kernel's view.
 */
function part(html) {
  return html.endsWith("\n") ? make("div", { innerHTML: html.slice(0, -1) })
    : make("span", { innerHTML: html });
}

/** @param {Blob} blob */
async function hexOf(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
