// The view for the projector: the current step in large type and the graph, nothing else; and the presenter's window beside it.
// Both windows tell each other where they are.

import { button, h, html, put, tell } from "./dom.js";
import { picture } from "./graph.js";
import { doing, drawStep, due, result } from "./steps.js";
import { loadPlaybook, on, store } from "./store.js";

const KEYS = [["→ or n", "next step"], ["← or b", "back"], ["d", "do it"], ["c", "check"], ["r", "reset the step"], ["t", "start or stop the timer"]];

/** What both windows share: the step, and how to change it. */
function shared(draw) {
  const channel = new BroadcastChannel(`intelmq-lab:${store.lab.name}`);
  const state = { step: due() };
  channel.onmessage = ({ data }) => {
    if (data.ask) channel.postMessage({ step: state.step });
    if (data.step && data.step !== state.step) { state.step = data.step; draw(); }
  };
  channel.postMessage({ ask: true });
  const go = (step) => {
    const last = store.playbook?.steps.length ?? 1;
    state.step = Math.min(last, Math.max(1, step));
    channel.postMessage({ step: state.step });
    draw();
  };
  const work = async (what) => {
    try {
      const ran = await doing[what](state.step);
      await loadPlaybook();
      if (ran?.result) tell(`step ${state.step}: ${ran.result}`);
    } catch (problem) {
      tell(problem);
    }
  };
  const keys = (event) => {
    if (event.target.closest?.("input, textarea, select, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      ArrowRight: () => go(state.step + 1), n: () => go(state.step + 1), PageDown: () => go(state.step + 1),
      ArrowLeft: () => go(state.step - 1), b: () => go(state.step - 1), PageUp: () => go(state.step - 1),
      d: () => work("solve"), c: () => work("check"), r: () => work("reset"), t: () => state.timer?.(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  document.addEventListener("keydown", keys);
  const stops = [on("playbook", draw)];
  return { state, go, work, close() { channel.close(); document.removeEventListener("keydown", keys); stops.forEach((stop) => stop()); } };
}

export function audience() {
  const body = h("article", { class: "step" });
  const graph = picture({ large: true });
  const both = shared(() => drawStep(body, both?.state.step ?? due(), () => {}, { large: true }));
  drawStep(body, both.state.step, () => {}, { large: true });
  document.body.classList.add("projector");
  return {
    element: h("section", { class: "view audience", "aria-label": "Projector" }, body, graph.element,
      h("p", { class: "corner" }, h("a", { href: "#steps" }, "Leave"), " ",
        h("button", { type: "button", class: "link", onclick: () => window.open(`#presenter`, "presenter", "width=900,height=760") }, "Presenter's window"))),
    close() { document.body.classList.remove("projector"); graph.close(); both.close(); },
  };
}

export function presenter() {
  const body = h("div", { class: "presenter-body" });
  const clock = h("output", { class: "timer", "aria-label": "Timer" }, "00:00");
  let since = null;
  let spent = 0;
  const elapsed = () => spent + (since === null ? 0 : performance.now() - since);
  const tick = setInterval(() => {
    const seconds = Math.floor(elapsed() / 1000);
    clock.textContent = `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
  }, 250);
  const toggle = () => {
    if (since === null) since = performance.now();
    else { spent = elapsed(); since = null; }
  };
  function draw() {
    const number = both.state.step;
    const steps = store.playbook?.steps ?? [];
    const [step, next] = [steps[number - 1], steps[number]];
    if (!step) return;
    put(body,
      h("h2", {}, `${step.number}. ${step.title}`), result(step),
      h("h3", {}, "Notes"), step.notes ? html(step.notes, { class: "prose" }) : h("p", { class: "empty" }, "none"),
      h("h3", {}, "Next"), h("p", {}, next ? `${next.number}. ${next.title}` : "This is the last step."));
  }
  const both = shared(() => both && draw());
  both.state.timer = toggle;
  draw();
  return {
    element: h("section", { class: "view presenter", "aria-label": "Presenter" },
      h("div", { class: "bar" }, h("h1", {}, store.playbook?.title ?? ""), clock, button("Start or stop", toggle, { class: "small" }),
        button("Zero", () => { spent = 0; since = since === null ? null : performance.now(); }, { class: "small" })),
      h("p", { class: "actions" },
        button("← Back", () => both.go(both.state.step - 1)), button("Next →", () => both.go(both.state.step + 1), { class: "primary" }),
        button("Do it", () => both.work("solve")), button("Check", () => both.work("check")), button("Reset", () => both.work("reset"), { class: "danger" })),
      body,
      h("dl", { class: "keys" }, KEYS.map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)]))),
    close() { clearInterval(tick); both.close(); },
  };
}
