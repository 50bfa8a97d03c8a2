// @ts-check
/** The rows that the page knows, by keys that stay while rows come and go.
 *
 * @typedef {{ epoch: number, older: number, version: number, solid: number, total: number,
 *   frames: number, hidden: number, forgotten: number, recounted: number, covered: number, emptied: number,
 *   kept: [number, number][] }} Shape
 *   See `Shape` in view/catalog.py.
 * @typedef {[log: number, position: number, number: number, kind: string, html: string,
 *   isReady: boolean]} Row  See `Row` in view/catalog.py.
 */

const KNOWN = 2_000; // rows that are kept in the page

/** The rows that the page knows, each by a key that it keeps: its number, or -1, -2 … if older. */
export class Rows {
  constructor() {
    /** @type {Shape} */
    this.shape = { epoch: -1, older: 0, version: 0, solid: 0, total: 0, kept: [], frames: 0,
      hidden: 0, forgotten: 0, recounted: 0, covered: 0, emptied: 0 };
    /** @type {Map<number, Row>} */
    this.known = new Map();
    /** The first numbered row that has a place; the kernel may have forgotten some from here on. */
    this.floor = 0;
  }
  get count() {
    return this.shape.older + this.shape.total - this.floor;
  }
  /** @param {number} place @returns {number} */
  keyAt(place) {
    const { older } = this.shape;
    return place < older ? -1 - place : this.floor + place - older;
  }
  /** @param {number} key @returns {number} The place, or that of the next row if it has none. */
  placeOf(key) {
    const { older } = this.shape;
    return key < 0 ? Math.min(-1 - key, older) : older + Math.max(key - this.floor, 0);
  }
  /** @param {number} key */
  isForgotten(key) {
    return key >= 0 && key < this.shape.solid;
  }
  /**
   * Takes in a message.
   * @param {{ shape: Shape, at?: number, rows?: Row[] }} message
   * @returns {boolean} Whether all rows have become others.
   */
  take({ shape, at = 0, rows = [] }) {
    const before = this.shape;
    const isOther = shape.epoch !== before.epoch;
    if (isOther) {
      this.known.clear();
      this.floor = shape.solid;
    } else if (shape.version !== before.version) {
      for (const key of this.known.keys()) if (key < 0) this.known.delete(key);
    }
    if (shape.recounted !== before.recounted) this.dropUnready();
    this.shape = shape;
    rows.forEach((row, index) => {
      const place = at + index;
      const key = place < shape.older ? -1 - place : shape.solid + place - shape.older;
      this.known.delete(key); // so that it becomes the newest of the map
      this.known.set(key, row);
    });
    return isOther;
  }
  /** Lets go of the rows that are forgotten, but for those from a key on. @param {number} key */
  settle(key) {
    const floor = Math.max(this.floor, Math.min(key, this.shape.solid));
    if (floor === this.floor) return;
    this.floor = floor;
    for (const each of this.known.keys()) if (each >= 0 && each < floor) this.known.delete(each);
  }
  /** Keeps no more rows than are of use, those around a place. @param {number} place */
  trim(place) {
    if (this.known.size <= KNOWN) return;
    for (const each of this.known.keys()) {
      if (Math.abs(this.placeOf(each) - place) > KNOWN / 4) this.known.delete(each);
    }
  }
  /** Forgets the rows that were not complete. */
  dropUnready() {
    for (const [key, row] of this.known) if (!row[5]) this.known.delete(key);
  }
  /**
   * @param {number} from @param {number} to Places.
   * @returns {[number, number] | null} The places from the first to the last that is not known.
   */
  missing(from, to) {
    const isMissing = (/** @type {number} */ place) => {
      const key = this.keyAt(place);
      return !this.known.has(key) && !this.isForgotten(key);
    };
    while (from < to && !isMissing(from)) from++;
    while (to > from && !isMissing(to - 1)) to--;
    return from < to ? [from, to] : null;
  }
}
