// The botnet as a living picture: bots in layers, queues on the edges, traffic as thickness and moving dots.

import { h, number, put, rate, s } from "./dom.js";
import { place } from "./layout.js";
import { badge, sign, word } from "./states.js";
import { bot, botRate, depth, edgeRate, on, store, total } from "./store.js";

const BOX = { width: 204, height: 62 };
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** Makes the picture; `open` is told which bot or edge was chosen. */
export function picture({ large = false, open = () => {} } = {}) {
  const frame = h("div", { class: large ? "graph large" : "graph" });
  let drawn = { bots: new Map(), edges: [] };

  /** The room for the picture: the whole width, and what is left of the window's height. */
  function room() {
    const [width, height] = [frame.clientWidth - 40, (large ? frame.clientHeight : innerHeight - 230) - 40];
    // A narrow page is read downwards.
    const endless = !large && width < 520;
    return { width: Math.max(240, width), height: endless ? Infinity : Math.max(large ? 120 : 320, height) };
  }

  function draw() {
    const layout = place(store.graph, { ...BOX, room: room() });
    const { width, height } = layout.size;
    const svg = s("svg", {
      viewBox: `-12 -14 ${width + 24} ${height + 28}`, role: "group", "aria-label": "The pipeline",
      class: "pipeline", width: (width + 24) * layout.scale, height: (height + 28) * layout.scale,
    });
    drawn = { bots: new Map(), edges: [] };
    const [under, over, words] = [s("g"), s("g"), s("g", { class: "words" })];
    store.graph.edges.forEach(({ edge }, index) => {
      if (layout.paths[index]) drawn.edges.push(drawEdge(edge, layout.paths[index], under, words, open));
    });
    for (const one of store.graph.bots) {
      const at = layout.boxes.get(one.id);
      if (at) drawn.bots.set(one.id, drawBot(one, at, over, open));
    }
    svg.append(under, over, words);
    put(frame, store.graph.bots.length ? svg : h("p", { class: "empty" }, "This botnet has no bots."));
    for (const parts of drawn.bots.values()) fit(parts.name);
    update();
  }

  function update() {
    for (const [id, parts] of drawn.bots) updateBot(id, parts);
    for (const parts of drawn.edges) updateEdge(parts);
  }

  const stops = [on("graph", draw), on("snapshot", update)];
  let wide = 0;
  const resized = new ResizeObserver(() => {
    if (frame.clientWidth !== wide) draw();
    wide = frame.clientWidth;
  });
  resized.observe(frame);
  // Rates fall back to nothing when nothing comes any more.
  const clock = setInterval(update, 500);
  const motion = move(() => drawn.edges);
  draw();
  return {
    element: frame,
    close() {
      stops.forEach((stop) => stop());
      resized.disconnect();
      clearInterval(clock);
      motion();
    },
  };
}

function drawEdge(edge, path, parent, words, open) {
  const way = s("path", { d: path.d, class: "way" });
  const grip = s("path", { d: path.d, class: "grip" });
  const tip = path.end ? s("path", { class: "tip", d: `M${path.end.x} ${path.end.y}l${path.end.back ? 9 : -9} -5v10z` }) : null;
  const dots = s("g", { class: "dots", "aria-hidden": "true" });
  const label = s("text", { x: path.x, y: path.y - 6, class: "way-label" });
  const name = edge.path === "_default" ? "" : edge.path;
  const title = s("text", { x: path.x, y: path.y + 15, class: "way-path" }, name);
  const group = s("g", {
    class: "edge", tabindex: 0, role: "button",
    onclick: () => open({ queue: edge.queue }),
    onkeydown: (event) => activate(event, () => open({ queue: edge.queue })),
  }, way, tip, grip, dots);
  parent.append(group);
  words.append(label, title);
  return { edge, way, dots, label, group, length: 0, rate: 0, phase: Math.random() };
}

function updateEdge(parts) {
  const waiting = depth(parts.edge.queue);
  parts.rate = edgeRate(parts.edge);
  const busy = parts.rate > 0;
  parts.way.style.strokeWidth = String(1.6 + Math.min(9, Math.log10(1 + parts.rate) * 2.6));
  parts.group.classList.toggle("busy", busy);
  parts.group.classList.toggle("waits", waiting > 0);
  say(parts, [waiting > 0 ? `${number(waiting)} waiting` : "", busy ? rate(parts.rate) : ""].filter(Boolean));
  parts.group.setAttribute("aria-label",
    `queue ${parts.edge.queue} from ${parts.edge.from} to ${parts.edge.to}: ${number(waiting)} waiting, ${rate(parts.rate)}`);
}

/** Writes lines above an edge, the last one nearest to it; bots leave no room beside each other for long ones. */
function say(parts, lines) {
  const words = lines.join("\n");
  if (parts.words === words) return;
  parts.words = words;
  const x = parts.label.getAttribute("x");
  put(parts.label, lines.map((line, index) => s("tspan", { x, dy: `${index ? 1.15 : -1.15 * (lines.length - 1)}em` }, line)));
}

function drawBot(one, at, parent, open) {
  const kind = (one.kind ?? "bot").toLowerCase();
  const name = s("text", { x: 16, y: 25, class: "bot-name" }, one.id);
  const state = s("g", { transform: "translate(20 45)" });
  const counts = s("text", { x: 34, y: 49, class: "bot-counts" });
  const failed = s("g", { class: "failed-badge", transform: `translate(${BOX.width - 6} 2)`, tabindex: -1 });
  const group = s("g", {
    class: `bot kind-${kind}`, transform: `translate(${at.x} ${at.y})`, tabindex: 0, role: "button",
    onclick: (event) => open({ bot: one.id, tab: event.target.closest(".failed-badge") ? "dump" : "about" }),
    onkeydown: (event) => activate(event, () => open({ bot: one.id })),
  },
  s("path", { class: "box", d: outline(kind), transform: at.back ? `matrix(-1 0 0 1 ${BOX.width} 0)` : null }),
  name, s("title", {}, one.id), state, counts, failed);
  parent.append(group);
  return { name, state, counts, failed, group, kind };
}

/** Each group has an outline of its own. */
function outline(kind) {
  const { width: w, height: t } = BOX;
  switch (kind) {
    case "collector": return `M16 0H${w - 6}a6 6 0 0 1 6 6V${t - 6}a6 6 0 0 1-6 6H16A16 ${t / 2} 0 0 1 16 0z`;
    case "parser": return `M10 0H${w - 10}L${w} ${t / 2}L${w - 10} ${t}H10L0 ${t / 2}z`;
    case "output": return `M6 0H${w - 16}A16 ${t / 2} 0 0 1 ${w - 16} ${t}H6a6 6 0 0 1-6-6V6a6 6 0 0 1 6-6z`;
    default: return `M6 0H${w - 6}a6 6 0 0 1 6 6V${t - 6}a6 6 0 0 1-6 6H6a6 6 0 0 1-6-6V6a6 6 0 0 1 6-6z`;
  }
}

function updateBot(id, parts) {
  const one = bot(id);
  const state = one?.state ?? "unreachable";
  if (parts.shown !== state) {
    put(parts.state, sign(state));
    parts.group.dataset.state = state;
    parts.shown = state;
  }
  const speed = one ? botRate(id, parts.kind === "collector" ? "sent" : "received") : 0;
  const count = one ? (parts.kind === "collector" ? total(one.sent) : one.received) : 0;
  parts.counts.textContent = `${word(state)} · ${number(count)}${speed ? ` · ${rate(speed)}` : ""}`;
  const failures = one?.failed ?? 0;
  if (parts.failures !== failures) {
    parts.failures = failures;
    const text = number(failures);
    const width = 14 + text.length * 7;
    put(parts.failed, failures ? [
      s("rect", { x: -width + 6, y: -10, width, height: 20, rx: 10 }),
      s("text", { x: 6 - width / 2, y: 4 }, text)] : []);
  }
  parts.group.setAttribute("aria-label", `${id}, ${word(state)}, ${number(count)} ${parts.kind === "collector" ? "sent" : "received"}${failures ? `, ${failures} failed` : ""}`);
}

/** Shortens a name that is too long for its box; the whole is its title. */
function fit(name) {
  const id = name.textContent;
  for (let keep = id.length - 1; keep > 3 && name.getComputedTextLength() > BOX.width - 26; keep -= 1) {
    name.textContent = `${id.slice(0, keep)}…`;
  }
}

function activate(event, work) {
  if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  work();
}

/** Moves dots along the edges that have traffic; returns how to end that. */
function move(edges) {
  let running = true;
  let before = performance.now();
  function frame(now) {
    if (!running) return;
    const passed = Math.min(0.1, (now - before) / 1000);
    before = now;
    if (!calm.matches && !document.hidden) {
      for (const parts of edges()) moveDots(parts, passed);
    }
    requestAnimationFrame(frame);
  }
  requestAnimationFrame(frame);
  return () => { running = false; };
}

function moveDots(parts, passed) {
  const wanted = parts.rate > 0 ? Math.min(9, 1 + Math.round(Math.log10(1 + parts.rate) * 2)) : 0;
  while (parts.dots.childElementCount > wanted) parts.dots.lastElementChild.remove();
  while (parts.dots.childElementCount < wanted) parts.dots.append(s("circle", { r: 3.4 }));
  if (!wanted) return;
  parts.length ||= parts.way.getTotalLength();
  parts.phase = (parts.phase + (passed * 90) / Math.max(60, parts.length)) % 1;
  [...parts.dots.children].forEach((dot, index) => {
    const at = parts.way.getPointAtLength(((parts.phase + index / wanted) % 1) * parts.length);
    dot.setAttribute("cx", at.x);
    dot.setAttribute("cy", at.y);
  });
}

/** The same as a table: every bot with its state and counts, every queue with its depth and rate. */
export function table(open) {
  const [bots, queues] = [h("tbody"), h("tbody")];
  const names = [...new Set(store.graph.edges.map(({ edge }) => edge.queue))];
  function update() {
    put(bots, store.graph.bots.map(({ id, kind }) => {
      const one = bot(id);
      return h("tr", {},
        h("th", { scope: "row" }, h("button", { type: "button", class: "link", onclick: () => open({ bot: id }) }, id)),
        h("td", {}, kind ?? ""),
        h("td", {}, badge(one?.state ?? "unreachable"), " ", word(one?.state ?? "unreachable")),
        h("td", { class: "num" }, number(one?.received ?? 0)),
        h("td", { class: "num" }, number(one ? total(one.sent) : 0)),
        h("td", { class: "num" }, number(one?.dropped ?? 0)),
        h("td", { class: "num" }, one?.failed ? h("button", { type: "button", class: "link bad", onclick: () => open({ bot: id, tab: "dump" }) }, number(one.failed)) : "0"));
    }));
    put(queues, names.map((name) => {
      const sum = store.graph.edges.filter(({ edge }) => edge.queue === name).reduce((all, { edge }) => all + edgeRate(edge), 0);
      return h("tr", {},
        h("th", { scope: "row" }, h("button", { type: "button", class: "link", onclick: () => open({ queue: name }) }, name)),
        h("td", { class: "num" }, number(depth(name))), h("td", { class: "num" }, rate(sum)));
    }));
  }
  const stops = [on("snapshot", update), on("graph", update)];
  update();
  const head = (...names) => h("thead", {}, h("tr", {}, names.map((name, index) => h("th", { scope: "col", class: index > 2 || name === "waiting" || name === "rate" ? "num" : null }, name))));
  return {
    element: h("div", { class: "tables" },
      h("div", { class: "scroll" }, h("table", {}, h("caption", {}, "Bots"), head("bot", "group", "state", "received", "sent", "dropped", "failed"), bots)),
      h("div", { class: "scroll" }, h("table", {}, h("caption", {}, "Queues"), head("queue", "waiting", "rate"), queues))),
    close: () => stops.forEach((stop) => stop()),
  };
}
