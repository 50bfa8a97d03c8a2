import assert from "node:assert/strict";
import test from "node:test";

import { Rows } from "../../../ipywsecho/widget/page/rows.js";

/** The shape of a list of numbered rows from `solid` to `total`, below some older ones. */
function shape(solid, total, more = {}) {
  return { epoch: 0, older: 0, version: 0, solid, total, frames: total, hidden: 0, forgotten: 0,
    kept: [], ...more };
}

function row(number) {
  return [3, number, number + 1, "got", `row ${number}`, true];
}

function numbered(from, to) {
  return Array.from({ length: to - from }, (_, index) => row(from + index));
}

function texts(rows) {
  return Array.from({ length: rows.count }, (_, place) => rows.known.get(rows.keyAt(place))?.[4]);
}

test("rows are known by their places", () => {
  const rows = new Rows();

  rows.take({ shape: shape(0, 5), at: 3, rows: numbered(3, 5) });

  assert.equal(rows.count, 5);
  assert.deepEqual(texts(rows), [undefined, undefined, undefined, "row 3", "row 4"]);
  assert.deepEqual(rows.missing(0, 5), [0, 3]);
});

test("nothing is missing where all rows are known", () => {
  const rows = new Rows();

  rows.take({ shape: shape(0, 5), at: 0, rows: numbered(0, 5) });

  assert.equal(rows.missing(0, 5), null);
  assert.equal(rows.missing(2, 2), null);
});

test("a row keeps its key while others come and go", () => {
  const rows = new Rows();
  rows.take({ shape: shape(0, 5), at: 0, rows: numbered(0, 5) });
  const key = rows.keyAt(4);

  rows.take({ shape: shape(2, 9), at: 7, rows: [] });
  rows.settle(2);

  assert.equal(rows.placeOf(key), 2);
  assert.equal(rows.known.get(key)[4], "row 4");
});

test("rows in sight outlive the log, and are known to be forgotten", () => {
  const rows = new Rows();
  rows.take({ shape: shape(0, 5), at: 0, rows: numbered(0, 5) });

  rows.take({ shape: shape(4, 9) });
  rows.settle(2);

  assert.equal(rows.count, 7);
  assert.deepEqual(texts(rows).slice(0, 3), ["row 2", "row 3", "row 4"]);
  assert.deepEqual([1, 2, 3, 4].map((key) => rows.isForgotten(key)), [true, true, true, false]);
  assert.deepEqual(rows.missing(0, 7), [3, 7]);
  assert.equal(rows.known.has(1), false);
});

test("older rows stand before those with numbers, and go together", () => {
  const rows = new Rows();
  rows.take({ shape: shape(7, 9, { older: 2 }), at: 0, rows: [row(1), row(3), row(7), row(8)] });

  assert.deepEqual(texts(rows), ["row 1", "row 3", "row 7", "row 8"]);
  assert.deepEqual([0, 1, 2, 3].map((place) => rows.placeOf(rows.keyAt(place))), [0, 1, 2, 3]);

  rows.take({ shape: shape(7, 9, { older: 1, version: 1 }) });

  assert.deepEqual(texts(rows), [undefined, "row 7", "row 8"]);
});

test("a row that has lost its place leads to the next", () => {
  const rows = new Rows();
  rows.take({ shape: shape(5, 9, { older: 2 }) });

  assert.equal(rows.placeOf(1), 2);
  assert.equal(rows.placeOf(-7), 2);
});

test("all rows are dropped when they have become others", () => {
  const rows = new Rows();
  rows.take({ shape: shape(0, 3), at: 0, rows: numbered(0, 3) });

  assert.equal(rows.take({ shape: shape(0, 3) }), false);
  assert.equal(rows.take({ shape: shape(0, 2, { epoch: 1 }) }), true);
  assert.deepEqual(texts(rows), [undefined, undefined]);
});

test("rows that were not ready are asked for again", () => {
  const rows = new Rows();
  rows.take({ shape: shape(0, 2), at: 0, rows: [row(0), [3, 1, 2, "got", "a picture", false]] });

  rows.dropUnready();

  assert.deepEqual(rows.missing(0, 2), [1, 2]);
});

test("the page does not keep more rows than it needs", () => {
  const rows = new Rows();
  for (let from = 0; from < 10_000; from += 100) {
    rows.take({ shape: shape(0, from + 100), at: from, rows: numbered(from, from + 100) });
    rows.settle(0);
    rows.trim(from);
  }

  assert.ok(rows.known.size <= 2_100, `${rows.known.size}`);
  assert.equal(rows.missing(9_900, 10_000), null);
});

test("the page does not keep more rows than it needs when it is read upwards", () => {
  const rows = new Rows();
  for (let from = 9_900; from >= 0; from -= 100) {
    rows.take({ shape: shape(0, 10_000), at: from, rows: numbered(from, from + 100) });
    rows.settle(0);
    rows.trim(from);
  }

  assert.ok(rows.known.size <= 2_100, `${rows.known.size}`);
  assert.equal(rows.missing(0, 100), null);
});
