// @ts-check
import { button, make } from "./elements.js";
import { Pane } from "./pane.js";
import { soon } from "./store.js";

/**
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./store.js").Store} Store
 */

const SPARE = 12; // rows that are drawn above and below those in sight

/** The rows in sight, of all that there are. */
export class List {
  /** @param {Store} store @param {import("./store.js").Shown} view */
  constructor(store, view) {
    this.store = store;
    this.view = view;
    this.isPressed = false;
    this.top = 0;
    this.height = 20; // pixels of a row
    /** @type {Map<number, HTMLElement>} The rows that are drawn, by their keys. */
    this.drawn = new Map();
    this.epoch = -1;
    this.space = make("div", { className: "ipywsecho-space" }, { role: "presentation" });
    this.box = make("div", { className: "ipywsecho-list", tabIndex: 0 },
      { role: "listbox", "aria-label": "Frames" }, this.space);
    this.end = button("", () => { store.follow(true); store.soon(); }, "ipywsecho-end");
    this.log = make("div", { className: "ipywsecho-log" }, { role: "log", "aria-label": "New frames" });
    this.count = make("span");
    this.uncover = button("Show", () => {
      store.send("uncover");
      this.box.focus({ preventScroll: true }); // as the button goes
    });
    this.uncover.title = "Show the rows that Clear has hidden";
    this.jump = make("input", { type: "number", min: "1" });
    this.jump.onkeydown = ({ key }) => {
      if (key === "Enter" && this.jump.value) store.send("find", { number: +this.jump.value });
    };
    this.pane = new Pane(store, () => this.box.focus({ preventScroll: true }));
    const bar = make("div", { className: "ipywsecho-bar" }, {}, this.count, this.uncover,
      make("label", { textContent: "Go to " }, {}, this.jump));
    this.element = make("div", { className: "ipywsecho-frame" }, {},
      this.box, this.end, this.pane.element, bar, this.log);
    this.box.onscroll = () => this.scrolled();
    this.box.onpointerdown = () => { this.isPressed = true; };
    this.box.onpointerup = this.box.onpointercancel = this.box.onpointerleave = () => {
      this.isPressed = false;
      soon(view);
    };
    this.box.onclick = (event) => this.clicked(event);
    this.box.onkeydown = (event) => this.pressed(event);
  }
  scrolled() {
    const { box, store } = this;
    if (Math.abs(box.scrollTop - this.top) < 1) return; // by draw()
    this.top = box.scrollTop;
    const place = Math.floor(this.top / this.height);
    store.anchor = { key: store.rows.keyAt(place), offset: this.top - place * this.height };
    store.follow(this.top + box.clientHeight >= box.scrollHeight - this.height / 2);
    soon(this.view);
  }
  get hasSelection() {
    const selection = getSelection();
    return !!selection && !selection.isCollapsed && this.box.contains(selection.anchorNode);
  }
  draw() {
    const { box, store, space, height } = this;
    const { rows } = store;
    if (this.epoch !== rows.shape.epoch) {
      this.epoch = rows.shape.epoch;
      this.drawn.clear();
      space.replaceChildren();
    }
    this.height = parseFloat(getComputedStyle(box).getPropertyValue("--ipywsecho-row")) || 20;
    if (store.isFollowing && this.hasSelection) store.follow(false);
    const isFollowing = store.isFollowing && !this.isPressed;
    rows.settle(isFollowing ? rows.shape.solid : store.anchor.key);
    const { count } = rows;
    space.style.height = `${count * height}px`;
    const most = Math.max(count * height - box.clientHeight, 0);
    const top = isFollowing ? most
      : Math.min(rows.placeOf(store.anchor.key) * height + store.anchor.offset, most);
    if (Math.abs(box.scrollTop - top) >= 1) box.scrollTop = top;
    this.top = box.scrollTop;
    const first = Math.floor(this.top / height);
    store.anchor = { key: rows.keyAt(first), offset: this.top - first * height };
    const from = Math.max(first - SPARE, 0);
    const to = Math.min(Math.ceil((this.top + box.clientHeight) / height) + SPARE, count);
    rows.trim(first);
    this.place(from, to);
    store.ask(rows.missing(from, to));
    this.tell();
    this.pane.draw();
    this.announce();
  }
  /** Draws the rows of some places, and removes others. @param {number} from @param {number} to */
  place(from, to) {
    const { drawn, space, store } = this;
    const { rows } = store;
    const selection = this.hasSelection ? getSelection() : null;
    for (const [key, element] of drawn) {
      const place = rows.placeOf(key);
      const isOut = place < from || place >= to || (key >= 0 && key < rows.floor);
      if (!isOut || selection?.containsNode(element, true)) continue;
      element.remove();
      drawn.delete(key);
    }
    /** @type {Element | null} */
    let next = null;
    for (let place = to - 1; place >= from; place--) {
      const key = rows.keyAt(place);
      let element = drawn.get(key);
      if (!element) {
        element = make("div", {}, { role: "option" });
        space.insertBefore(element, next);
        drawn.set(key, element);
      }
      this.fill(element, key, rows.known.get(key));
      element.style.transform = `translateY(${place * this.height}px)`;
      next = element;
    }
    const active = store.active !== null && drawn.get(store.active);
    if (active) this.box.setAttribute("aria-activedescendant", active.id);
    else this.box.removeAttribute("aria-activedescendant");
  }
  /** @param {HTMLElement & { row?: Row }} element @param {number} key @param {Row} [row] */
  fill(element, key, row) {
    const { store } = this;
    if (row && element.row !== row) {
      element.row = row;
      element.id = `${store.page}-${row[0]}-${row[1]}`;
      element.innerHTML = row[4]; // made by the kernel's view, in which all is escaped
    } else if (!row && !element.row) element.textContent = "…";
    const shown = row ?? element.row; // that it had until it was asked for again
    const isOpen = !!shown && store.opened?.[0] === shown[0] && store.opened[1] === shown[1];
    const isGone = store.rows.isForgotten(key);
    element.className = `ipywsecho-row ${shown?.[3] ?? ""}${isGone ? " gone" : ""}`
      + (key === store.active ? " active" : "");
    element.title = isGone ? "This row is not kept any more" : "";
    element.setAttribute("aria-selected", String(isOpen));
  }
  /** Tells how many rows there are, and how many are new. */
  tell() {
    const { store } = this;
    const { shape } = store.rows;
    const fresh = shape.total - store.left;
    const isAtEnd = this.top + this.box.clientHeight >= store.rows.count * this.height;
    this.end.hidden = store.isFollowing || (isAtEnd && !fresh);
    const shown = fresh ? `↓ ${fresh.toLocaleString("en")} new` : "↓ newest";
    if (this.end.textContent !== shown) this.end.textContent = shown;
    const parts = [shape.older + shape.total - shape.solid === 0 && !shape.hidden ? "no frames yet" : "",
      shape.forgotten ? `${shape.forgotten.toLocaleString("en")} earlier frames not kept` : "",
      shape.hidden ? `${shape.hidden.toLocaleString("en")} hidden by the filter` : "",
      shape.covered ? `${shape.covered.toLocaleString("en")} earlier ${shape.covered === 1 ? "row" : "rows"} hidden by Clear` : ""];
    const text = parts.filter(Boolean).join(" · ");
    if (this.count.textContent !== text) this.count.textContent = text;
    this.uncover.hidden = !shape.covered;
  }
  /** Has a screen reader read what is new, at most once a second. */
  announce() {
    const { rows, heard } = this.store;
    const { total, frames, epoch } = rows.shape;
    if (epoch !== heard.epoch) Object.assign(heard, { total, frames, epoch });
    const wait = heard.at + 1_000 - performance.now();
    if (total === heard.total) return;
    if (wait > 0) {
      heard.timer ||= window.setTimeout(() => { heard.timer = 0; soon(this.view); }, wait);
      return;
    }
    const row = this.drawn.get(total - 1);
    const text = total - heard.total === 1 && row
      ? `${row.querySelector("b")?.title ?? ""} ${row.querySelector("span")?.textContent ?? ""}`
      : `${frames - heard.frames} new frames`;
    this.log.append(make("p", { textContent: text }));
    while (this.log.childElementCount > 3) this.log.firstElementChild?.remove();
    Object.assign(heard, { total, frames, at: performance.now() });
  }
  /** @param {MouseEvent} event */
  clicked(event) {
    /** @type {any} */
    const element = /** @type {Element} */ (event.target).closest(".ipywsecho-row");
    if (!element?.row || this.hasSelection) return;
    for (const [key, each] of this.drawn) if (each === element) this.store.active = key;
    this.store.open(element.row);
  }
  /** @param {KeyboardEvent} event */
  pressed(event) {
    const { store, box, height } = this;
    const { rows } = store;
    const page = Math.max(Math.floor(box.clientHeight / height) - 1, 1);
    const at = store.active === null ? rows.count : rows.placeOf(store.active);
    const places = { ArrowUp: at - 1, ArrowDown: at + 1, PageUp: at - page, PageDown: at + page,
      Home: 0, End: rows.count - 1 };
    if (event.key in places && rows.count) {
      const wanted = places[/** @type {keyof typeof places} */ (event.key)];
      const place = Math.max(0, Math.min(wanted, rows.count - 1));
      const least = (place + 1) * height - box.clientHeight;
      const top = Math.max(Math.min(this.top, place * height), least, 0);
      store.follow(event.key === "End");
      store.active = rows.keyAt(place);
      store.anchor = { key: rows.keyAt(Math.floor(top / height)), offset: top % height };
      if (store.opened) store.open(rows.known.get(store.active) ?? null);
    } else if (event.key === "Enter" || event.key === " ") {
      store.open((store.active !== null && rows.known.get(store.active)) || null);
    } else if (event.key === "Escape" && store.opened) store.open(null);
    else if (event.key === "c" && (event.ctrlKey || event.metaKey) && !this.hasSelection) {
      this.pane.copy((store.active !== null && rows.known.get(store.active)) || store.opened);
    } else return;
    event.preventDefault();
    soon(this.view);
  }
}
