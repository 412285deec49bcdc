// One bot: what it is, its parameters, its counts over time, its log and its dump; and what can be done to it.

import { get, post, seg } from "./api.js";
import { button, h, number, put, s, tell } from "./dom.js";
import { dumpList } from "./dumps.js";
import { lines } from "./logs.js";
import { badge, word } from "./states.js";
import { bot, on, store, total } from "./store.js";

const TABS = { about: "Parameters", counts: "Counts", log: "Log", dump: "Dump" };

/** Opens a bot beside the graph. */
export function inspect(id, tab, close) {
  const head = h("div", { class: "inspector-state" });
  const body = h("div", { class: "inspector-body", role: "tabpanel" });
  let shown = null;
  const act = (action) => button(action, async () => {
    await post(store.path(`bots/${seg(id)}/${action}`));
    tell(`${id}: ${action} done`);
  }, { class: "small" });
  const tabs = Object.entries(TABS).map(([key, name]) =>
    h("button", { type: "button", role: "tab", dataset: { tab: key }, onclick: () => show(key) }, name));

  async function show(key) {
    shown?.close?.();
    shown = null;
    for (const one of tabs) one.setAttribute("aria-selected", String(one.dataset.tab === key));
    put(body, h("p", { class: "empty" }, "…"));
    try {
      shown = await PANES[key](id);
      put(body, shown.element);
    } catch (problem) {
      put(body, h("p", { class: "bad" }, problem.message));
    }
  }

  function update() {
    const one = bot(id);
    put(head, badge(one?.state ?? "unreachable"), ` ${word(one?.state ?? "unreachable")}`,
      one?.instances > 1 ? ` · ${one.instances} instances` : "",
      one ? ` · ${number(one.received)} received · ${number(total(one.sent))} sent · ${number(one.dropped)} dropped · ${number(one.failed)} failed` : "",
      one?.last_error ? h("p", { class: "bad" }, one.last_error) : null);
  }

  const stop = on("snapshot", update);
  update();
  show(tab ?? "about");
  const collector = store.graph.bots.find((one) => one.id === id)?.kind === "Collector";
  return {
    element: h("section", { class: "inspector", "aria-label": `Bot ${id}` },
      h("div", { class: "inspector-head" }, h("h2", {}, id),
        h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: close }, "×")),
      head, h("p", { class: "actions" }, act("start"), act("stop"), act("restart"), act("reload"), collector ? act("run") : null),
      h("div", { role: "tablist", class: "tabs", onkeydown: arrows }, tabs), body),
    close() { stop(); shown?.close?.(); },
  };
}

/** Moves between tabs with the arrow keys. */
export function arrows(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...event.currentTarget.querySelectorAll("[role=tab]")];
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  next.focus();
  next.click();
}

const PANES = { about, counts, log, dump };

async function about(id) {
  const answer = await get(store.path(`bots/${seg(id)}`));
  const rows = answer.parameters.map((parameter) => h("tr", { class: parameter.set ? "set" : null },
    h("th", { scope: "row" }, h("code", {}, parameter.name)),
    h("td", {}, h("code", {}, JSON.stringify(parameter.value ?? parameter.default ?? null))),
    h("td", {}, parameter.doc)));
  return {
    element: h("div", {},
      h("p", {}, answer.summary), h("p", {}, h("code", {}, answer.module)),
      h("div", { class: "scroll" }, h("table", { class: "parameters" },
        h("thead", {}, h("tr", {}, ["parameter", "value", "what it does"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, rows)))),
  };
}

async function counts(id) {
  const frame = h("div", { class: "chart" });
  const draw = () => put(frame, chart(id));
  const stop = on("snapshot", draw);
  draw();
  return { element: frame, close: stop };
}

/** Received, sent and failed over the last minutes, as lines. */
function chart(id) {
  const samples = store.history.filter((sample) => sample.bots.has(id));
  const series = { received: (one) => one.received, sent: (one) => total(one.sent), failed: (one) => one.failed };
  const [width, height] = [420, 150];
  if (samples.length < 2) return h("p", { class: "empty" }, "Counts appear here after a few seconds.");
  const [from, to] = [samples[0].at, samples.at(-1).at];
  const values = Object.values(series).flatMap((count) => samples.map((sample) => count(sample.bots.get(id))));
  const most = Math.max(1, ...values);
  const least = Math.min(...values);
  const x = (at) => ((at - from) / Math.max(1, to - from)) * (width - 8) + 4;
  const y = (value) => height - 8 - ((value - least) / Math.max(1, most - least)) * (height - 20);
  const last = samples.at(-1).bots.get(id);
  return h("figure", {},
    s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Counts of ${id} over ${Math.round((to - from) / 1000)} seconds` },
      s("path", { class: "axis", d: `M4 ${height - 8}H${width - 4}` }),
      Object.entries(series).map(([name, count]) => s("path", {
        class: `line line-${name}`,
        d: samples.map((sample, index) => `${index ? "L" : "M"}${x(sample.at).toFixed(1)} ${y(count(sample.bots.get(id))).toFixed(1)}`).join(""),
      }))),
    h("figcaption", {}, Object.entries(series).map(([name, count]) =>
      h("span", { class: `key key-${name}` }, `${name} ${number(count(last))}`)), ` last ${Math.round((to - from) / 1000)} s`));
}

async function log(id) {
  return lines({ bot: id });
}

async function dump(id) {
  return dumpList(id);
}
