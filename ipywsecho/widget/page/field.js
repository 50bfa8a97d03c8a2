// @ts-check
import { button, make } from "./elements.js";

/** @typedef {import("./store.js").Store} Store */

const SUPPRESS = "data-lm-suppress-shortcuts";

/** The text field: what is typed is sent, and the field emptied, here and at once. */
export class Field {
  /** @param {Store} store @param {HTMLElement} el */
  constructor(store, el) {
    this.store = store;
    this.el = el;
    /** @type {HTMLTextAreaElement | null} Takes the field's place for a text of several lines. */
    this.lines = null;
    this.placeholder = ""; // while the kernel has no other hint
    this.isTall = false; // whether the person wants many lines, whatever the text
    this.tall = button("☰", () => this.stretch(), "ipywsecho-many");
    this.tall.title = "Many lines (Shift+Enter)";
    this.tall.setAttribute("aria-label", "Many lines");
    this.tall.setAttribute("aria-pressed", "false");
    this.keep = this.shield.bind(this);
    this.isTold = false; // whether the kernel knows of a text in the field
    /** @type {Record<string, (event: any) => void>} */
    this.listeners = { keydown: (event) => this.pressed(event), click: (event) => this.clicked(event),
      change: (event) => { this.isTold ||= event.target === this.input; }, paste: (event) => this.pasted(event) };
  }
  /**
   * Keeps JupyterLab's keys, such as "d d", from acting in the console, but for Ctrl+S. They look at
   * the element that has the focus, and before any listener below the window.
   * @param {KeyboardEvent} event
   */
  shield({ target, key, ctrlKey, metaKey }) {
    if (!(target instanceof Element) || !this.root?.contains(target)) return;
    for (const each of [target, this.root]) {
      if ((ctrlKey || metaKey) && key === "s") each.removeAttribute(SUPPRESS);
      else each.setAttribute(SUPPRESS, "true");
    }
  }
  attach() {
    const root = /** @type {HTMLElement | null} */ (this.el.closest(".ipywsecho-console"));
    if (!root || this.root) return;
    this.root = root;
    root.setAttribute(SUPPRESS, "true");
    root.querySelector(".ipywsecho-send")?.after(this.tall);
    this.placeholder = this.input?.placeholder ?? "";
    this.hint();
    window.addEventListener("keydown", this.keep, true);
    for (const [name, hear] of Object.entries(this.listeners)) root.addEventListener(name, hear, true);
  }
  detach() {
    window.removeEventListener("keydown", this.keep, true);
    for (const [name, hear] of Object.entries(this.listeners)) this.root?.removeEventListener(name, hear, true);
    this.tall.remove();
    this.root = null;
  }
  /** Says in the empty field what to do. */
  hint() {
    const placeholder = this.store.model.get("hint") || this.placeholder;
    for (const each of [this.input, this.lines]) if (each) each.placeholder = placeholder;
  }
  /** @returns {HTMLInputElement | null | undefined} */
  get input() {
    return this.root?.querySelector(".ipywsecho-field input");
  }
  /** @returns {HTMLSelectElement | null | undefined} */
  get forms() {
    return this.root?.querySelector(".ipywsecho-form select");
  }
  get text() {
    return this.element?.value ?? "";
  }
  get element() {
    return this.lines ?? this.input;
  }
  /** @param {string} text @param {number} [caret] */
  set(text, caret = text.length) {
    const { input, element, isTold } = this;
    if (!input || !element) return;
    const hasFocus = element === document.activeElement;
    if (text.includes("\n") && !this.lines) this.unfold(input);
    else if (!text && !this.isTall && this.lines) this.fold(input);
    const field = this.lines ?? input;
    field.value = text;
    if (hasFocus) field.focus();
    field.setSelectionRange(caret, caret);
    this.tall.disabled = field.value.includes("\n"); // as one line cannot hold them
    if (isTold && !text) input.dispatchEvent(new Event("change", { bubbles: true }));
    this.isTold &&= !!text;
  }
  /** @param {HTMLInputElement} input */
  unfold(input) {
    const { className, placeholder } = input;
    this.lines = make("textarea", { rows: 4, className, placeholder },
      { "aria-label": "Message of several lines; Ctrl+Enter sends it" });
    this.lines.oninput = () => {
      this.tall.disabled = this.text.includes("\n");
      if (!this.text) this.set("");
    };
    input.after(this.lines);
    input.hidden = true;
    input.value = "";
  }
  /** @param {HTMLInputElement} input */
  fold(input) {
    this.lines?.remove();
    this.lines = null;
    input.hidden = false;
  }
  /** Makes the field larger, or small again. */
  stretch() {
    const { input, text } = this;
    if (!input) return;
    this.isTall = !this.lines;
    this.tall.setAttribute("aria-pressed", String(this.isTall));
    if (this.isTall) this.unfold(input);
    else this.fold(input);
    this.set(text);
    this.element?.focus();
  }
  send() {
    const { store, text } = this;
    if (!text || store.isGone) return;
    const form = this.forms?.selectedIndex;
    store.send("send", { number: store.sent++, text, form });
    store.recall.add(text);
    this.set("");
  }
  /** Puts back a message that was refused, unless another has been begun. @param {string} text */
  restore(text) {
    if (!this.text) this.set(text);
  }
  /** @param {KeyboardEvent} event */
  pressed(event) {
    const { element, text, lines, store } = this;
    // The Enter key of an input method chooses a word.
    if (!element || event.target !== element || event.isComposing || event.keyCode === 229) return;
    const { selectionStart, selectionEnd } = element;
    const before = text.slice(0, selectionStart ?? 0);
    const after = text.slice(selectionEnd ?? text.length);
    const isPlain = !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey;
    if (event.key === "Enter" && (lines ? event.ctrlKey || event.metaKey : !event.shiftKey)) {
      if (!event.repeat) this.send();
    } else if (event.key === "Enter") {
      // JupyterLab lets no key break a line in a cell's output.
      this.set(`${before}\n${after}`, before.length + 1);
    } else if (isPlain && event.key === "ArrowUp" && !before.includes("\n")) {
      this.recall(store.recall.move(1, text));
    } else if (isPlain && event.key === "ArrowDown" && !after.includes("\n")) {
      this.recall(store.recall.move(-1, text));
    } else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }
  /** @param {string | null} text */
  recall(text) {
    if (text === null) return;
    if (!text.includes("\n")) this.set("");
    this.set(text);
  }
  /** @param {MouseEvent} event */
  clicked(event) {
    const target = /** @type {Element} */ (event.target);
    // The button that removes the filter goes, and the focus would go with it.
    const beside = target.closest(".ipywsecho-icon")?.previousElementSibling;
    /** @type {HTMLElement | null | undefined} */ (beside)?.focus();
    if (!this.element || !target.closest(".ipywsecho-send")) return;
    this.send();
    event.stopImmediatePropagation();
  }
  /** @param {ClipboardEvent} event */
  pasted(event) {
    const { input, lines, text } = this;
    const pasted = event.clipboardData?.getData("text/plain").replace(/\r\n?/g, "\n") ?? "";
    if (!input || lines || event.target !== input || !pasted.includes("\n")) return;
    const before = text.slice(0, input.selectionStart ?? text.length) + pasted;
    this.set(before + text.slice(input.selectionEnd ?? text.length), before.length);
    event.preventDefault();
  }
}
