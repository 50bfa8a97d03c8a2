// @ts-check
import { watch } from "./kernel.js";
import { Recall } from "./recall.js";
import { Rows } from "./rows.js";

/**
 * @typedef {import("./rows.js").Row} Row
 * @typedef {{ get(name: string): any, send(content: any): void,
 *   on(name: string, callback: Function): void, widget_manager?: any }} Model  What anywidget offers of a widget's model.
 * @typedef {{ isInSight: boolean, draw(): void, mark(): void, guard(act: () => void): void,
 *   field: { restore(text: string): void, hint(): void } }} Shown  What a store knows of a view.
 */

const PATIENCE = 2_000; // milliseconds

/** @type {Set<Shown>} */
const due = new Set();
let isWaiting = false; // for the next frame of the page

function draw() {
  const views = [...due];
  due.clear();
  for (const each of views) each.guard(() => each.draw());
}

/**
 * Has a view drawn with the next frame of the page, together with others.
 * @param {Shown} view @param {boolean} [isAtOnce] Whether now, if nothing was drawn in this frame.
 */
export function soon(view, isAtOnce = false) {
  due.add(view);
  if (isWaiting) return;
  isWaiting = true;
  requestAnimationFrame(() => {
    isWaiting = false;
    draw();
  });
  if (isAtOnce) draw();
}

/** What the page keeps of a console, whichever views of it come and go. */
export class Store {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.page = crypto.randomUUID();
    this.rows = new Rows();
    this.recall = new Recall();
    /** @type {Set<Shown>} */
    this.views = new Set();
    this.isFollowing = true;
    /** The first row in sight, and how many pixels of it are out of sight. */
    this.anchor = { key: 0, offset: 0 };
    /** @type {number | null} The key of the row that the keyboard is at. */
    this.active = null;
    /** @type {Row | null} The row whose pane is open. */
    this.opened = null;
    /** @type {Map<string, (message: any, buffers: DataView[]) => void>} */
    this.waiting = new Map();
    this.heard = { epoch: -1, total: 0, frames: 0, at: 0, timer: 0 };
    this.left = 0; // how many rows there were when the end was left
    this.requests = this.sent = 0; // how many there were
    this.signed = this.asked = -PATIENCE;
    this.isSeen = false;
    this.isGone = false; // the kernel
    watch(model.widget_manager?.kernel, () => {
      this.isGone = true;
      for (const view of this.views) view.mark();
    });
    model.on("change:hint", () => {
      for (const view of this.views) view.field.hint();
    });
    model.on("msg:custom", (/** @type {any} */ message, /** @type {any} */ buffers) =>
      this.hear(message, buffers));
  }
  /** @param {string} kind @param {object} [content] */
  send(kind, content) {
    this.signed = performance.now();
    if (this.isGone) return;
    this.model.send({ ...content, kind, page: this.page });
  }
  /** @param {boolean} [isAtOnce] */
  soon(isAtOnce) {
    for (const view of this.views) soon(view, isAtOnce);
  }
  /** @param {boolean} isFollowing */
  follow(isFollowing) {
    if (isFollowing === this.isFollowing) return;
    this.isFollowing = isFollowing;
    this.left = this.rows.shape.total;
    if (this.isSeen) this.send("show", { follows: isFollowing });
  }
  /** Tells the kernel whether this page shows the console: if none does, nothing is to be sent. */
  look() {
    const isSeen = !document.hidden && [...this.views].some((view) => view.isInSight);
    if (isSeen === this.isSeen) return;
    this.isSeen = isSeen;
    this.send(isSeen ? "show" : "hide", { follows: this.isFollowing });
  }
  /** @param {any} message @param {DataView[]} buffers */
  hear(message, buffers) {
    if (message.kind === "rows") {
      this.asked = -PATIENCE;
      const { epoch, emptied } = this.rows.shape;
      if (this.rows.take(message)) {
        this.active = null;
        this.left = this.rows.shape.total;
      }
      if (epoch >= 0 && emptied !== this.rows.shape.emptied) {
        this.opened = null;
        this.follow(true);
      }
      if (message.page === this.page && message.found !== undefined) this.goTo(message.found);
      if (this.isSeen && performance.now() - this.signed > PATIENCE) this.send("alive");
    } else if (message.kind === "unready") {
      this.rows.dropUnready();
    } else if (message.kind === "who") {
      if (message.page === this.page && this.isSeen) this.send("show", { follows: this.isFollowing });
    } else if (message.page === this.page) {
      if (message.kind === "refused") [...this.views][0]?.field.restore(message.text);
      else this.waiting.get(message.key)?.(message, buffers);
    }
    this.soon(true);
  }
  /** @param {number} place */
  goTo(place) {
    this.follow(false);
    this.active = this.rows.keyAt(place);
    this.anchor = { key: this.rows.keyAt(Math.max(place - 3, 0)), offset: 0 };
  }
  /** Asks for rows, one request at a time. @param {[number, number] | null} places */
  ask(places) {
    if (!places || performance.now() - this.asked < PATIENCE) return;
    const { shape, floor } = this.rows;
    const [from, to] = places;
    const base = floor - shape.older;
    this.send("need", from < shape.older
      ? { epoch: shape.epoch, version: shape.version, older: [from, Math.min(to, shape.older)] }
      : { epoch: shape.epoch, numbers: [from + base, to + base] });
    this.asked = this.signed;
  }
  /**
   * Asks for something of a row, and waits for the answer.
   * @param {string} kind @param {Row} row @param {object} what
   * @returns {Promise<[any, DataView[]]>}
   */
  request(kind, row, what) {
    const key = `${kind} ${this.requests++}`;
    return new Promise((resolve) => {
      this.waiting.set(key, (message, buffers) => {
        this.waiting.delete(key);
        resolve([message, buffers]);
      });
      this.send(kind, { log: row[0], position: row[1], key, ...what });
    });
  }
  /**
   * @param {Row} row
   * @returns {Promise<Blob | null>} The payload, or null if it is forgotten. A text has a type of text.
   */
  async payload(row) {
    const parts = [];
    let media = "";
    for (let start = 0; start !== null;) {
      const [message, buffers] = await this.request("payload", row, { start });
      if (message.is_gone) return null;
      parts.push(...buffers);
      start = message.end ?? null; // the kernel of a web page leaves out what is null
      media = message.media;
    }
    return new Blob(/** @type {any} */ (parts), { type: media });
  }
  /** @param {Row | null} row */
  open(row) {
    this.opened = row;
    if (row) this.follow(false);
    this.soon();
  }
}
