// Chooses the lab and the view, and shows whether the lab answers.

import { h, put, tell } from "./dom.js";
import { inspect } from "./bot.js";
import { picture, table } from "./graph.js";
import { peek } from "./queue.js";
import { chooseLab, loadLabs, on, store } from "./store.js";
import * as steps from "./steps.js";
import * as events from "./events.js";
import * as logs from "./logs.js";
import * as dumps from "./dumps.js";
import * as config from "./config.js";
import { audience, presenter } from "./projector.js";

const VIEWS = {
  graph: { name: "Graph", make: graphView },
  steps: { name: "Steps", make: steps.view },
  events: { name: "Events", make: events.view },
  logs: { name: "Logs", make: logs.view },
  dumps: { name: "Dumps", make: dumps.view },
  configuration: { name: "Configuration", make: config.view },
  projector: { name: "Projector", make: audience },
  presenter: { name: "Presenter", make: presenter, hidden: true },
};

let shown = null;

/** The graph, a table of the same beside it, and what was chosen in it. */
function graphView() {
  const side = h("div", { class: "side" });
  const frame = h("div", { class: "graph-frame" });
  let opened = null;
  const close = () => {
    opened?.close();
    opened = null;
    put(side);
    frame.parentElement?.classList.remove("with-side");
  };
  const open = ({ bot, queue, tab }) => {
    close();
    opened = bot ? inspect(bot, tab, close) : peek(queue, close);
    put(side, opened.element);
    frame.parentElement?.classList.add("with-side");
    side.querySelector("button")?.focus({ preventScroll: true });
  };
  const [drawing, rows] = [picture({ open }), table(open)];
  frame.append(drawing.element, h("details", { class: "as-table" }, h("summary", {}, "The same as a table"), rows.element));
  return {
    element: h("section", { class: "view split", "aria-label": "Graph" }, frame, side),
    close() { close(); drawing.close(); rows.close(); },
  };
}

function where() {
  const [name, query] = location.hash.slice(1).split("?");
  return { name: VIEWS[name] ? name : "graph", parameters: new URLSearchParams(query) };
}

function show() {
  const { name, parameters } = where();
  shown?.close();
  shown = null;
  const main = document.getElementById("main");
  if (!store.lab) {
    put(main, h("section", { class: "view" }, h("h1", {}, "No lab runs"),
      h("p", {}, "Bring one up: ", h("code", {}, "intelmq-lab up PLAYBOOK"), ", and load this page again.")));
    return;
  }
  shown = VIEWS[name].make(parameters);
  put(main, shown.element);
  document.title = `${VIEWS[name].name} · ${store.lab.name} · intelmq-lab`;
  drawNav(name);
}

function drawNav(current) {
  put(document.getElementById("nav"), Object.entries(VIEWS).filter(([, view]) => !view.hidden).map(([name, view]) =>
    h("a", { href: `#${name}`, "aria-current": name === current ? "page" : null }, view.name)));
}

function drawLab() {
  const choice = store.labs.length > 1
    ? h("select", { "aria-label": "Lab", onchange: (event) => chooseLab(event.target.value).then(show, tell) },
        store.labs.map((lab) => h("option", { value: lab.name, selected: lab.name === store.lab?.name }, lab.name)))
    : h("span", {}, store.lab?.name ?? "");
  const about = store.lab ? `${store.lab.playbook} · ${store.lab.target} · ${store.lab.broker}` : "";
  put(document.getElementById("lab"), choice, h("span", { class: "muted" }, about));
}

on("lab", drawLab);
on("labs", drawLab);
on("online", () => {
  const pulse = document.getElementById("pulse");
  pulse.textContent = store.online ? "live" : "the lab does not answer";
  pulse.classList.toggle("bad", !store.online);
});
addEventListener("hashchange", show);

try {
  await loadLabs();
  const first = store.labs.find((lab) => lab.running) ?? store.labs[0];
  if (first) await chooseLab(first.name);
} catch (problem) {
  tell(problem);
}
show();
