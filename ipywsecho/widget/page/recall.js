// @ts-check
const RECALLED = 50; // messages

/** What was sent from the field, recalled by the arrow keys as in a shell. */
export class Recall {
  constructor() {
    /** @type {string[]} */
    this.sent = [];
    this.at = -1;
    this.draft = "";
  }
  /** @param {string} text */
  add(text) {
    this.sent = [text, ...this.sent.filter((each) => each !== text)].slice(0, RECALLED);
    this.at = -1;
  }
  /** @param {number} step 1 for an earlier message, -1 for a later. @param {string} text */
  move(step, text) {
    const at = this.at + step;
    if (at < -1 || at >= this.sent.length) return null;
    if (this.at === -1) this.draft = text;
    this.at = at;
    return at === -1 ? this.draft : this.sent[at];
  }
}
