// @ts-check
/** A console in the page: the list of its rows, the pane of an opened row, and the text field.
 *
 * The kernel makes the rows, as HTML in which nothing of the peer is markup. All else is set as
 * text. Drawing happens in one function for each part, from what the store knows.
 */

import { Field } from "./field.js";
import { GONE } from "./kernel.js";
import { List } from "./list.js";
import { soon, Store } from "./store.js";

/** A console as it is shown at one place of the page. */
class View {
  /** @param {Store} store @param {HTMLElement} el */
  constructor(store, el) {
    this.store = store;
    this.el = el;
    this.isInSight = false;
    this.field = new Field(store, el);
    this.list = store.model.get("has_list") ? new List(store, this) : null;
    if (this.list) el.append(this.list.element);
    store.views.add(this);
    // This also tells when the element has become part of the page.
    this.sight = new IntersectionObserver((entries) => this.guard(() => {
      this.isInSight = entries[entries.length - 1].isIntersecting;
      if (el.isConnected) {
        this.field.attach();
        this.mark();
        this.enter();
      }
      store.look();
      soon(this);
    }));
    this.sight.observe(this.list?.element ?? el);
    this.size = new ResizeObserver(() => soon(this));
    this.size.observe(this.list?.element ?? el);
    this.look = () => store.look();
    document.addEventListener("visibilitychange", this.look);
  }
  /** Puts the list into the Output, before whose own entry it is shown. */
  enter() {
    const screen = this.el.closest(".ipywsecho-screen");
    const output = screen?.querySelector(".widget-output");
    const element = this.list?.element;
    if (!element || !output || element.parentElement === output) return;
    output.append(element);
    screen?.classList.add("ipywsecho-listed");
  }
  /** Says that the kernel is gone, if it is. */
  mark() {
    const root = this.el.closest(".ipywsecho-console");
    const status = root?.querySelector(".ipywsecho-header [role=status]");
    if (!this.store.isGone || !root || !status) return;
    root.classList.add("ipywsecho-gone");
    status.textContent = GONE;
  }
  draw() {
    if (this.isInSight) this.list?.draw();
  }
  /** Runs something; if it fails, the Output is shown instead. @param {() => void} act */
  guard(act) {
    try {
      act();
    } catch (error) {
      console.error(error);
      this.remove();
      this.store.send("failed", { reason: String(error) });
    }
  }
  remove() {
    this.el.closest(".ipywsecho-screen")?.classList.remove("ipywsecho-listed");
    this.list?.element.remove();
    this.field.detach();
    this.sight.disconnect();
    this.size.disconnect();
    document.removeEventListener("visibilitychange", this.look);
    this.isInSight = false;
    this.store.views.delete(this);
    this.store.look();
  }
}

/** @param {import("./store.js").Model} model @returns What the page keeps of a console. */
export function open(model) {
  return new Store(model);
}

/**
 * Shows a console in an element.
 * @param {Store} store @param {HTMLElement} el @returns {() => void} What removes it again.
 */
export function show(store, el) {
  try {
    const view = new View(store, el);
    return () => view.remove();
  } catch (error) {
    console.error(error);
    el.replaceChildren();
    store.send("failed", { reason: String(error) });
    return () => {};
  }
}
