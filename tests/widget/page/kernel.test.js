import assert from "node:assert/strict";
import test from "node:test";

import { watch } from "../../../ipywsecho/widget/page/kernel.js";

/** A connection to a kernel, as JupyterLab's, with signals. */
function kernel(status = "idle") {
  const signal = () => ({ slots: [], connect(slot) { this.slots.push(slot); } });
  return { status, isDisposed: false, statusChanged: signal(), disposed: signal(),
    become(next) {
      this.status = next;
      for (const slot of this.statusChanged.slots) slot();
    } };
}

for (const end of ["terminating", "restarting", "autorestarting", "dead"]) {
  test(`a kernel that is ${end} is gone`, () => {
    const it = kernel();
    let gone = 0;
    watch(it, () => { gone += 1; });

    it.become("busy");
    assert.equal(gone, 0);
    it.become(end);
    assert.equal(gone, 1);
  });
}

test("a kernel is gone whose connection is given up, before or later", () => {
  const it = kernel();
  let gone = 0;
  watch(it, () => { gone += 1; });
  for (const slot of it.disposed.slots) slot();
  watch({ ...it, isDisposed: true }, () => { gone += 1; });

  assert.equal(gone, 2);
});

test("a front end that tells nothing of its kernel is taken to have one", () => {
  for (const it of [undefined, null, {}]) watch(it, () => assert.fail());
});
