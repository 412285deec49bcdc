// Makes elements. Texts from outside become text nodes and nothing else.

/** Makes an element: `h("p", {class: "x", onclick: f}, "text", child, [more])`. */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** Does so for SVG. */
export function s(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "value" && "value" in element) element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Puts other children into an element. */
export function put(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Shows HTML that the server made of a playbook's Markdown; it escapes whatever is not Markdown. */
export function html(text, attributes = {}) {
  const template = document.createElement("template");
  template.innerHTML = text ?? "";
  return fill(document.createElement("div"), attributes, [template.content]);
}

/** A button; its work may take a while, and a problem is told. */
export function button(label, work, attributes = {}) {
  const element = h("button", { type: "button", ...attributes }, label);
  element.addEventListener("click", async (event) => {
    element.disabled = true;
    element.setAttribute("aria-busy", "true");
    try {
      await work(event);
    } catch (problem) {
      tell(problem);
    } finally {
      element.disabled = false;
      element.removeAttribute("aria-busy");
    }
  });
  return element;
}

/** Tells something in the corner: a text, or a problem. */
export function tell(what) {
  const problem = what instanceof Error;
  const box = h("div", { class: problem ? "notice bad" : "notice" },
    h("p", {}, problem ? what.message : what),
    problem && what.detail ? h("pre", {}, what.detail) : null);
  box.append(h("button", { type: "button", class: "quiet", "aria-label": "Close this notice", onclick: () => box.remove() }, "×"));
  document.getElementById("notices").append(box);
  if (!problem) setTimeout(() => box.remove(), 6000);
}

/** Opens the dialog with a title and a body; returns a function that closes it. */
export function dialog(title, ...body) {
  const element = document.getElementById("dialog");
  const close = () => element.close();
  put(element,
    h("div", { class: "dialog-head" }, h("h2", { id: "dialog-title" }, title),
      h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: close }, "×")),
    h("div", { class: "dialog-body" }, body));
  if (!element.open) element.showModal();
  return close;
}

/** A number as people read it. */
export function number(value) {
  return new Intl.NumberFormat("en", { maximumFractionDigits: value < 10 && value % 1 ? 1 : 0 }).format(value);
}

/** A rate as people read it. */
export function rate(value) {
  if (!value) return "0/s";
  return value < 0.1 ? "<0.1/s" : `${number(value)}/s`;
}
