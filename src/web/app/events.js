// The events that came out, as a table that stays quick, and the whole life of one of them.

import { get, stream } from "./api.js";
import { dialog, h, number, put, tell } from "./dom.js";
import { store } from "./store.js";

const ROW = 32;
const COLUMNS = ["time.source", "source.ip", "source.fqdn", "source.asn", "classification.taxonomy", "classification.type", "feed.name"];

export function view() {
  let rows = [];
  let total = 0;
  const count = h("p", { class: "muted", role: "status" });
  const filter = h("input", { id: "event-filter", type: "search", size: 34, placeholder: "source.asn=64500 classification.type=scanner", spellcheck: "false" });
  const lost = h("input", { id: "event-lost", type: "checkbox", onchange: () => load() });
  const spacer = h("div", { class: "spacer" });
  const body = h("div", { class: "rows", role: "rowgroup" });
  const window_ = h("div", { class: "fill virtual", tabindex: 0, role: "table", "aria-label": "Events" },
    h("div", { class: "row head", role: "row" }, ["#", "output", ...COLUMNS].map((name) => h("span", { role: "columnheader" }, name))), spacer);
  spacer.append(body);

  async function load() {
    const query = new URLSearchParams();
    for (const part of filter.value.trim().split(/\s+/).filter(Boolean)) {
      const at = part.indexOf("=");
      if (at < 1) return tell(new Error(`a filter is FIELD=VALUE, such as source.asn=64500, and not “${part}”`));
      query.append(part.slice(0, at), part.slice(at + 1));
    }
    const answer = lost.checked
      ? await get(`${store.path("lives")}?dropped=true`)
      : await get(`${store.path("output/events")}?${query}`);
    rows = answer.events ?? answer.lives ?? [];
    total = answer.total ?? rows.length;
    window_.setAttribute("aria-rowcount", String(rows.length + 1));
    count.textContent = lost.checked ? `${number(rows.length)} did not arrive` : `${number(rows.length)}${total > rows.length ? ` of ${number(total)}` : ""} events`;
    spacer.style.height = `${rows.length * ROW}px`;
    draw();
  }

  function draw() {
    const from = Math.max(0, Math.floor(window_.scrollTop / ROW) - 8);
    const to = Math.min(rows.length, from + Math.ceil(window_.clientHeight / ROW) + 24);
    body.style.transform = `translateY(${from * ROW}px)`;
    put(body, rows.length
      ? rows.slice(from, to).map((life, index) => line(life, from + index))
      : h("p", { class: "empty" }, lost.checked ? "Everything arrived." : "No event came out yet."));
  }

  function line(life, index) {
    const cells = [life.number ?? "–", life.bot, ...COLUMNS.map((field) => life.message[field] ?? "")];
    return h("div", {
      class: `row end-${life.end}`, role: "row", tabindex: 0, "aria-rowindex": String(index + 2),
      onclick: () => openLife(life), onkeydown: (event) => { if (event.key === "Enter") openLife(life); },
    }, cells.map((cell) => h("span", { role: "cell", title: String(cell) }, String(cell))));
  }

  async function openLife(life) {
    try {
      const whole = life.stages ? life : await get(store.path(`output/events/${life.number}/life`));
      dialog(life.number ? `Event ${life.number}` : `Not delivered: ${life.reason}`, story(whole));
    } catch (problem) {
      tell(problem);
    }
  }

  let timer = null;
  const live = stream(store.path("stream/events"), () => {
    timer ??= setTimeout(() => { timer = null; load().catch(() => {}); }, 700);
  });
  filter.addEventListener("keydown", (event) => { if (event.key === "Enter") load().catch(tell); });
  filter.addEventListener("search", () => load().catch(tell));
  window_.addEventListener("scroll", () => requestAnimationFrame(draw));
  load().catch(tell);
  const resized = new ResizeObserver(draw);
  resized.observe(window_);
  return {
    element: h("section", { class: "view column", "aria-label": "Events" },
      h("div", { class: "bar" }, h("h1", {}, "Events"), count,
        h("label", { for: "event-filter", class: "hidden" }, "Filter"), filter,
        h("label", { for: "event-lost", class: "check" }, lost, " what did not arrive")),
      window_),
    close() { live.close(); resized.disconnect(); clearTimeout(timer); },
  };
}

const WORDS = { collected: "collected", injected: "put in by hand", "put-back": "put back", parsed: "made an event of the row", changed: "changed", passed: "passed it on", delivered: "delivered", dropped: "dropped it", failed: "gave it up" };

/** One event's whole path, from the raw row to the output. */
export function story(life) {
  const values = (fields, mark, old) => Object.entries(fields).filter(([name]) => name !== "raw" && name !== "__type").map(([name, value]) =>
    h("tr", { class: mark }, h("th", { scope: "row" }, h("span", { class: "mark", "aria-label": mark }, { added: "+", changed: "~", removed: "−" }[mark]), " ", h("code", {}, name)),
      h("td", {}, old ? [h("del", {}, plain(value[0])), " ", h("ins", {}, plain(value[1]))] : plain(value))));
  return h("div", { class: "story" },
    life.row ? h("div", {}, h("h3", {}, "Raw row"), h("pre", {}, life.row)) : null,
    h("ol", {}, life.stages.map((stage) => {
      const changes = [values(stage.added, "added"), values(stage.changed, "changed", true), values(stage.removed, "removed")].flat();
      return h("li", { class: `did-${stage.did}` },
        h("p", {}, h("b", {}, stage.bot), " ", WORDS[stage.did] ?? stage.did, stage.path && stage.path !== "_default" ? ` to ${stage.path}` : ""),
        changes.length ? h("table", {}, h("tbody", {}, changes)) : null);
    })),
    life.reason ? h("p", { class: "bad" }, life.reason) : null,
    h("details", {}, h("summary", {}, "The event in the end"), h("pre", {}, JSON.stringify(life.message, null, 2))));
}

function plain(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}
