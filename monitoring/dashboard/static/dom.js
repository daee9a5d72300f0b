// Builds the page's elements. Text is only ever set as text, so nothing that a user sent can run.

export function element(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter(isShown));
  return node;
}

export function quiet(...children) {
  return element("p", { className: "quiet" }, ...children);
}

export function hint(...children) {
  return element("p", { className: "hint" }, ...children);
}

export function badge(kind, text) {
  return element("span", { className: `badge ${kind}` }, text);
}

export function link(href, text, properties = {}) {
  return element("a", { href, ...properties }, text);
}

export function button(label, onclick, properties = {}) {
  return element("button", { type: "button", onclick, ...properties }, label);
}

// Rebuilds a container only when what it shows has changed, so that nothing flickers or loses focus.
const shown = new WeakMap();
export function show(container, content, build) {
  const key = JSON.stringify(content);
  if (shown.get(container) === key) return;
  const focused = container.contains(document.activeElement) ? document.activeElement.id : "";
  container.replaceChildren(...[build(content)].flat(Infinity).filter(isShown));
  shown.set(container, key);
  if (focused) document.getElementById(focused)?.focus();
}

export function table(headings, rows, properties = {}) {
  const head = element("tr", {}, ...headings.map((text) => element("th", { scope: "col" }, text)));
  return element(
    "div", { className: "scroll" },
    element("table", properties, element("thead", {}, head), element("tbody", {}, ...rows)),
  );
}

// A table whose cells are coloured by their share; it may scroll sideways, by keyboard too.
export function heatMap(label, headings, rows, foot = null) {
  const head = element("tr", {}, ...headings.map((text) => element("th", { scope: "col" }, text)));
  return element("div", { className: "scroll", tabIndex: 0, attributes: { role: "region", "aria-label": label } }, element(
    "table", { className: "heat" },
    element("thead", {}, head), element("tbody", {}, ...rows), foot && element("tfoot", {}, foot),
  ));
}

export function cells(...contents) {
  return contents.map((content) => element("td", {}, ...[content].flat().filter(isShown)));
}

function fill(node, properties, children) {
  const { dataset, attributes, ...rest } = properties;
  Object.assign(node, rest);
  Object.assign(node.dataset, dataset ?? {});
  for (const [name, value] of Object.entries(attributes ?? {})) node.setAttribute(name, value);
  node.append(...children.flat().filter(isShown));
  return node;
}

function isShown(child) {
  return child !== null && child !== undefined && child !== false;
}
