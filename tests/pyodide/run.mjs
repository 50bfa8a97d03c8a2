// Calls a function of the checkout inside Pyodide:
//
//     node run.mjs DISTRIBUTION CHECKOUT MODULE [ARGUMENT...]
//
// The function is the coroutine function `main` of the module, which takes the arguments and
// returns what is printed last.

import { pathToFileURL } from "node:url";

const [distribution, checkout, module, ...rest] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${distribution}/pyodide.mjs`));
const pyodide = await loadPyodide({
  indexURL: distribution,
  packages: ["anywidget", "ipywidgets", "pygments", "websockets"],
});
pyodide.mountNodeFS("/checkout", checkout);
pyodide.runPython("import sys; sys.path.insert(0, '/checkout')");
const { main } = pyodide.pyimport(module);
console.log(await main(...rest));
process.exit(0);
