import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test, { beforeEach } from "node:test";

const { JSDOM } = createRequire(process.env.PAGE_PACKAGES)("jsdom");
const { Field } = await import("../../../ipywsecho/widget/page/field.js");
const { Recall } = await import("../../../ipywsecho/widget/page/recall.js");

/** @type {any} */ let page, sent, field, input, told, hint;

beforeEach(() => {
  page = new JSDOM(`<div class="ipywsecho-console">
    <div class="ipywsecho-field"><input placeholder="Send a message"></div>
    <button class="ipywsecho-send"><i></i>Send</button><div id="el"></div>
    <button>Tools (filter)</button><button class="ipywsecho-icon"></button></div>`).window;
  globalThis.document = page.document;
  globalThis.Event = page.Event;
  globalThis.Element = page.Element;
  globalThis.window = page;
  sent = [];
  told = [];
  input = page.document.querySelector("input");
  input.addEventListener("change", () => told.push(input.value));
  hint = "";
  const store = { sent: 0, recall: new Recall(), send: (kind, content) => sent.push([kind, content]),
    model: { get: () => hint } };
  field = new Field(store, page.document.getElementById("el"));
  field.attach();
  input.focus();
});

function element() {
  return page.document.querySelector("textarea") ?? input;
}

/** Presses a key, and returns whether the front end was to see it. */
function press(key, more = {}) {
  const event = new page.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
  return element().dispatchEvent(event);
}

function type(text) {
  element().value += text;
  element().dispatchEvent(new page.Event("input", { bubbles: true }));
}

function texts() {
  return sent.map(([, content]) => content.text);
}

test("a message tells which format is chosen", () => {
  type("first");
  press("Enter");
  const list = page.document.createElement("div");
  list.className = "ipywsecho-form";
  list.innerHTML = "<select><option>Send as text<option>Send as JSON<option>Send as hex</select>";
  field.root.append(list);
  list.firstChild.selectedIndex = 2;
  type("00 ff");
  press("Enter");

  assert.deepEqual(sent.map(([, content]) => content.form), [undefined, 2]);
});

test("Enter sends the text whole and empties the field at once", () => {
  for (const text of ["first", "second", "third"]) {
    type(text);
    assert.equal(press("Enter"), false);
    assert.equal(input.value, "");
  }

  assert.deepEqual(texts(), ["first", "second", "third"]);
  assert.deepEqual(sent.map(([, content]) => content.number), [0, 1, 2]);
});

test("nothing is sent from an empty field, nor by a key that is held down", () => {
  press("Enter");
  type("x");
  press("Enter", { repeat: true });

  assert.deepEqual(texts(), []);
  assert.equal(input.value, "x");
});

test("the Enter key of an input method sends nothing", () => {
  type("にほん");

  assert.equal(press("Enter", { isComposing: true }), true);
  assert.equal(press("Enter", { keyCode: 229 }), true);
  assert.deepEqual(texts(), []);
});

test("the button sends, and the kernel is not told of a click", () => {
  const heard = [];
  const button = page.document.querySelector(".ipywsecho-send");
  button.addEventListener("click", () => heard.push("click"));
  type("hello");

  button.querySelector("i").click();

  assert.deepEqual(texts(), ["hello"]);
  assert.deepEqual(heard, []);
});

test("the focus goes beside a button that will go, and the kernel is told of its click", () => {
  const heard = [];
  const [button] = page.document.getElementsByClassName("ipywsecho-icon");
  button.addEventListener("click", () => heard.push("click"));
  button.focus();

  button.click();

  assert.equal(page.document.activeElement.textContent, "Tools (filter)");
  assert.deepEqual(heard, ["click"]);
});

test("the kernel is told that the field is empty if it knows of a text", () => {
  type("hello");
  input.dispatchEvent(new page.Event("change", { bubbles: true }));
  press("Enter");
  type("more");
  press("Enter");

  assert.deepEqual(told, ["hello", ""]);
});

test("the arrow keys recall what was sent, and bring the draft back", () => {
  for (const text of ["one", "two"]) {
    type(text);
    press("Enter");
  }
  type("draft");
  const shown = ["ArrowUp", "ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown"].map((key) => {
    press(key);
    return input.value;
  });

  assert.deepEqual(shown, ["two", "one", "one", "two", "draft"]);
});

test("a text of several lines that is pasted keeps its lines", () => {
  type("<>");
  input.setSelectionRange(1, 1);
  const event = new page.Event("paste", { bubbles: true, cancelable: true });
  event.clipboardData = { getData: () => "one\r\ntwo" };

  assert.equal(input.dispatchEvent(event), false);
  assert.equal(element().tagName, "TEXTAREA");
  assert.equal(element().value, "<one\ntwo>");
  assert.equal(element().selectionStart, 8);
  assert.equal(page.document.activeElement, element());
});

test("one line that is pasted is left to the browser", () => {
  const event = new page.Event("paste", { bubbles: true, cancelable: true });
  event.clipboardData = { getData: () => "one" };

  assert.equal(input.dispatchEvent(event), true);
  assert.equal(element(), input);
});

test("among several lines Enter breaks the line and Ctrl+Enter sends", () => {
  type("one");
  press("Enter", { shiftKey: true });
  type("two");
  press("Enter");
  type("three");

  assert.deepEqual(texts(), []);
  assert.equal(press("Enter", { ctrlKey: true }), false);
  assert.deepEqual(texts(), ["one\ntwo\nthree"]);
  assert.equal(element(), input);
  assert.equal(input.hidden, false);
  assert.equal(page.document.activeElement, input);
});

test("the field has one line again when its text is removed", () => {
  press("Enter", { shiftKey: true });
  element().value = "";
  type("");

  assert.equal(element(), input);
});

test("the empty field says what to do, and a draft stays", () => {
  type("a draft");
  const said = ["press Connect first", ""].map((each) => {
    hint = each;
    field.hint();
    return input.placeholder;
  });

  assert.deepEqual(said, ["press Connect first", "Send a message"]);
  assert.equal(input.value, "a draft");
});

test("many lines can be chosen, and then stay", () => {
  const many = page.document.querySelector(".ipywsecho-many");
  type("one");

  many.click();
  assert.equal(element().value, "one");
  assert.equal(page.document.activeElement, element());
  assert.equal(many.getAttribute("aria-pressed"), "true");
  press("Enter", { ctrlKey: true });
  assert.deepEqual(texts(), ["one"]);
  assert.equal(element().tagName, "TEXTAREA");

  type("two");
  press("Enter");
  assert.equal(many.disabled, true);
  press("Enter", { ctrlKey: true });
  many.click();
  assert.equal(element(), input);
  assert.equal(many.getAttribute("aria-pressed"), "false");
});

test("a message of several lines is recalled with them", () => {
  press("Enter", { shiftKey: true });
  type("x");
  press("Enter", { metaKey: true });
  press("ArrowUp");

  assert.equal(element().value, "\nx");
});

test("a message that was refused comes back, unless another has been begun", () => {
  field.restore("refused");
  assert.equal(input.value, "refused");

  field.restore("another");
  assert.equal(input.value, "refused");
});

test("other keys, and keys elsewhere, are left to the front end", () => {
  assert.equal(press("a"), true);
  assert.equal(press("ArrowUp", { shiftKey: true }), true);
  const button = page.document.querySelector(".ipywsecho-send");
  const event = new page.KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true });
  assert.equal(button.dispatchEvent(event), true);
});

test("nothing is taken once the field is let go", () => {
  field.detach();
  type("hello");

  assert.equal(press("Enter"), true);
  assert.deepEqual(texts(), []);
});

test("JupyterLab's keys do not act inside the console, but for Ctrl+S", () => {
  const root = page.document.querySelector(".ipywsecho-console");
  const shielded = [{ key: "d" }, { key: "s", ctrlKey: true }, { key: "Enter", ctrlKey: true }].map(
    (more) => {
      press("x", more);
      return [root, input].map((each) => each.getAttribute("data-lm-suppress-shortcuts"));
    });

  assert.deepEqual(shielded, [["true", "true"], [null, null], ["true", "true"]]);
});

test("a message that nobody would receive, as the kernel is gone, stays in the field", () => {
  field.store.isGone = true;
  type("kept");
  press("Enter");

  assert.equal(input.value, "kept");
  assert.deepEqual(sent, []);
});
