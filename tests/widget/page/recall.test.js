import assert from "node:assert/strict";
import test from "node:test";

import { Recall } from "../../../ipywsecho/widget/page/recall.js";

test("messages are recalled newest first, and the draft comes back", () => {
  const recall = new Recall();
  recall.add("one");
  recall.add("two");

  assert.equal(recall.move(1, "draft"), "two");
  assert.equal(recall.move(1, "two"), "one");
  assert.equal(recall.move(1, "one"), null);
  assert.equal(recall.move(-1, "one"), "two");
  assert.equal(recall.move(-1, "two"), "draft");
  assert.equal(recall.move(-1, "draft"), null);
});

test("a message that was sent twice is recalled once", () => {
  const recall = new Recall();
  for (const text of ["one", "two", "one"]) recall.add(text);

  assert.deepEqual(recall.sent, ["one", "two"]);
});

test("at most fifty messages are recalled", () => {
  const recall = new Recall();
  for (let number = 0; number < 60; number++) recall.add(String(number));

  assert.equal(recall.sent.length, 50);
  assert.equal(recall.sent[49], "10");
});

test("what is sent is the first to be recalled next", () => {
  const recall = new Recall();
  recall.add("one");
  recall.move(1, "");
  recall.add("two");

  assert.equal(recall.move(1, ""), "two");
});
