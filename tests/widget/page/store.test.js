import assert from "node:assert/strict";
import test from "node:test";

import { Store } from "../../../ipywsecho/widget/page/store.js";

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
