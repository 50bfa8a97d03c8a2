// Loads the modules of a console once a page: the first console asks its kernel for them. Each
// console carries this file, which is short, as its own.
const loaded = (globalThis[Symbol.for("ipywsecho DIGEST")] ??= {});

/** Makes the modules, each after those that it imports, and returns the last. */
async function make({ modules, style }) {
  const urls = {};
  for (const [name, source] of modules) {
    const code = source.replaceAll(/"\.\/(\w+\.js)"/g, (_, each) => JSON.stringify(urls[each]));
    urls[name] = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  }
  const sheet = document.createElement("style");
  sheet.textContent = style;
  document.head.append(sheet);
  return import(Object.values(urls).at(-1));
}

/** Asks the kernel for the modules, unless they are here by then. */
function ask(model) {
  return new Promise((resolve) => {
    const take = (message) => {
      if (message.kind !== "modules") return;
      model.off("msg:custom", take);
      resolve((loaded.module ??= make(message)));
    };
    model.on("msg:custom", take);
    model.send({ kind: "load" });
  });
}

// Called for each console. Nothing waits in `initialize`: no message comes before it has returned.
export default () => {
  let opened;
  return {
    initialize({ model }) {
      opened = (loaded.module ?? ask(model)).then((module) => [module, module.open(model)]);
      opened.catch((error) => {
        console.error(error);
        model.send({ kind: "failed", page: "", reason: String(error) });
      });
    },
    render({ el }) {
      let isOver = false;
      let remove = () => {};
      opened.then(([module, store]) => { if (!isOver) remove = module.show(store, el); }, () => {});
      return () => {
        isOver = true;
        remove();
      };
    },
  };
};
