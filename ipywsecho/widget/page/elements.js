// @ts-check
/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Partial<HTMLElementTagNameMap[T]>} what @param {Record<string, string>} attributes
 * @param {Node[]} children @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, what = {}, attributes = {}, ...children) {
  const element = Object.assign(document.createElement(tag), what);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** @param {string} textContent @param {() => void} onclick @param {string} [name] */
export function button(textContent, onclick, name = "") {
  return make("button", { textContent, onclick, className: `jupyter-button ${name}`, type: "button" });
}
