import assert from "node:assert/strict";
import test from "node:test";

import { Store } from "../../../ipywsecho/widget/page/store.js";

test("a page that was taken for gone says that it shows the list, if it does", () => {
  const hearers = [];
  const said = [];
  const store = new Store({ get: () => "", send: ({ kind }) => said.push(kind),
    on: (_, hear) => hearers.push(hear) });
  const ask = (page) => hearers.forEach((hear) => hear({ kind: "who", page }, []));

  ask(store.page);
  store.isSeen = true;
  ask("another");
  assert.deepEqual(said, []);
  ask(store.page);

  assert.deepEqual(said, ["show"]);
});

test("what the kernel tells is drawn at once, and more of it with the next frame of the page", () => {
  const frames = [];
  globalThis.requestAnimationFrame = (draw) => frames.push(draw);
  const { store, tell } = connected();
  const drawn = [];
  store.views.add({ field: { hint() {} }, guard: (act) => act(), draw: () => drawn.push(store.rows.shape.total) });

  tell(1, 5);
  const atOnce = [...drawn];
  tell(1, 6);
  tell(1, 7);
  const before = [...drawn];
  frames.splice(0).forEach((draw) => draw());
  const after = [...drawn];
  tell(1, 8);
  frames.splice(0).forEach((draw) => draw());

  assert.deepEqual([atOnce, before, after, drawn], [[5], [5], [5, 7], [5, 7, 8]]);
});

/** A store whose kernel says what a test says. */
function connected() {
  /** @type {Function[]} */
  const hearers = [];
  const store = new Store({ get: () => "", send: () => {}, on: (_, hear) => hearers.push(hear) });
  const tell = (epoch, total) => hearers.forEach((hear) => hear({ kind: "rows", at: total, rows: [],
    shape: { epoch, total, older: 0, version: 0, solid: 0, frames: total, hidden: 0, forgotten: 0,
      recounted: 0, kept: [] } }, []));
  const fresh = () => store.rows.shape.total - store.left;
  return { store, tell, fresh };
}

test("rows that come while the end is left are counted as new", () => {
  const { store, tell, fresh } = connected();
  tell(1, 75);

  store.follow(false);
  tell(1, 80);

  assert.equal(fresh(), 5);
});

test("the count of new rows begins anew when all rows become others", () => {
  const { store, tell, fresh } = connected();
  tell(1, 75);
  store.follow(false);

  tell(2, 6);
  const atFirst = fresh();
  tell(2, 8);

  assert.deepEqual([atFirst, fresh()], [0, 2]);
});
