// @ts-check
/** What a page says of a console whose kernel is gone, which can say nothing itself any more. */
export const GONE = "the kernel is gone; run the cell again";

const ENDED = ["terminating", "restarting", "autorestarting", "dead"];

/**
 * Calls a function when the kernel is gone, if the front end offers a way to know.
 * @param {any} kernel JupyterLab's connection to the kernel, if there is one
 * @param {() => void} gone
 */
export function watch(kernel, gone) {
  if (!kernel?.statusChanged?.connect) return;
  const look = () => { if (kernel.isDisposed || ENDED.includes(kernel.status)) gone(); };
  kernel.statusChanged.connect(look);
  kernel.disposed?.connect(gone);
  look();
}
