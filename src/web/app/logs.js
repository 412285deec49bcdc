// Logs: of one bot or of all, by level, as they are written.

import { get, stream } from "./api.js";
import { h, put, tell } from "./dom.js";
import { store } from "./store.js";


const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];
const MOST = 2000;

/** The lines of a log, followed; `filter` may name a bot. */
export async function lines({ bot = null, level = "DEBUG", text = "" } = {}) {
  const filter = { level, text };
  const list = h("ol", { class: "log", tabindex: 0, "aria-label": bot ? `Log of ${bot}` : "Log" });
  const known = [];
  const fits = (line) => LEVELS.indexOf(line.level) >= LEVELS.indexOf(filter.level)
    && (!filter.text || `${line.bot} ${line.message}`.toLowerCase().includes(filter.text.toLowerCase()));
  const row = (line) => h("li", { class: `level-${line.level.toLowerCase()}` },
    h("time", { datetime: line.at }, line.at.slice(11, 23)), h("b", {}, line.level),
    bot ? null : h("span", { class: "log-bot" }, line.bot), h("span", { class: "log-text" }, line.message));
  function add(more) {
    const follows = list.scrollTop + list.clientHeight >= list.scrollHeight - 24;
    known.push(...more);
    known.splice(0, Math.max(0, known.length - MOST));
    list.append(...more.filter(fits).map(row));
    while (list.childElementCount > MOST) list.firstElementChild.remove();
    if (follows) list.scrollTop = list.scrollHeight;
  }
  function again() {
    put(list, known.filter(fits).map(row));
    list.scrollTop = list.scrollHeight;
  }
  const query = new URLSearchParams({ max: String(MOST), ...(bot ? { bot } : {}) });
  const page = await get(`${store.path("log")}?${query}`);
  add(page.lines);
  const after = new URLSearchParams({ after: String(page.next), ...(bot ? { bot } : {}) });
  const live = stream(`${store.path("stream/log")}?${after}`, (line) => add(Array.isArray(line) ? line : [line]));
  requestAnimationFrame(() => { list.scrollTop = list.scrollHeight; });
  return { element: list, close: () => live.close(), filter(change) { Object.assign(filter, change); again(); } };
}

/** The view of all logs. */
export function view() {
  const body = h("div", { class: "fill" });
  let shown = null;
  const bots = h("select", { id: "log-bot", onchange: open }, h("option", { value: "" }, "all bots"),
    store.graph.bots.map((bot) => h("option", { value: bot.id }, bot.id)));
  const level = h("select", { id: "log-level", onchange: () => shown?.filter({ level: level.value }) },
    LEVELS.map((name) => h("option", { value: name, selected: name === "INFO" }, name)));
  const text = h("input", { id: "log-text", type: "search", placeholder: "contains …", oninput: () => shown?.filter({ text: text.value }) });
  async function open() {
    shown?.close();
    try {
      shown = await lines({ bot: bots.value || null, level: level.value, text: text.value });
      put(body, shown.element);
    } catch (problem) {
      tell(problem);
    }
  }
  open();
  return {
    element: h("section", { class: "view column", "aria-label": "Logs" },
      h("div", { class: "bar" }, h("h1", {}, "Logs"),
        h("label", { for: "log-bot" }, "Bot"), bots, h("label", { for: "log-level" }, "From level"), level,
        h("label", { for: "log-text", class: "hidden" }, "Contains"), text),
      body),
    close: () => shown?.close(),
  };
}

