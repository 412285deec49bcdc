// The lesson: its steps, what each wants, doing and checking them, hints, and what was seen.

import { get, post } from "./api.js";
import { button, h, html, put, tell } from "./dom.js";
import { changed, follow, loadPlaybook, on, store } from "./store.js";

const SIGNS = { passed: "✓", failed: "✗", broken: "!", next: "▸", open: "·" };
const WORDS = { passed: "passed", failed: "failed", broken: "could not be done", next: "next", open: "to come" };

/** The number of the step that is due, counted from 1; the last one if all passed. */
export function due() {
  const steps = store.playbook?.steps ?? [];
  return (steps.find((step) => step.state !== "passed") ?? steps.at(-1))?.number ?? 1;
}

/** What can be done with a step; each returns when it is done. */
export const doing = {
  scene: (number) => done(number, `steps/${number}/prepare`),
  solve: (number) => done(number, `steps/${number}/do`),
  check: (number) => done(number, `steps/${number}/check`),
  reset: (number) => done(number, "reset", { step: number }),
};

/** Whether something is being done that this page asked for. */
let working = false;

async function done(number, path, json) {
  working = true;
  changed("playbook");
  try {
    const answer = await post(store.path(path), json);
    if (!answer.busy) return answer;
    const lesson = await follow();
    return { result: lesson.steps[number - 1]?.result?.result };
  } finally {
    working = false;
    changed("playbook");
  }
}

/** The hints that were given, by lab and step. */
const given = new Map();
/** What had the keyboard's focus before it could not be pressed for a while. */
let held = null;

export function view(parameters) {
  const list = h("ol", { class: "step-list" });
  const body = h("article", { class: "step" });
  let chosen = Number(parameters.get("step")) || due();

  function drawList() {
    const steps = store.playbook?.steps ?? [];
    put(list, steps.map((step) => h("li", {},
      h("button", {
        type: "button", class: `step-link is-${step.state}`, "aria-current": step.number === chosen ? "step" : null,
        onclick: () => choose(step.number),
      }, h("span", { class: "step-sign", "aria-hidden": "true" }, SIGNS[step.state] ?? "·"),
      h("span", {}, `${step.number}. ${step.title}`), h("span", { class: "hidden" }, ` ${WORDS[step.state] ?? ""}`)))));
  }

  function choose(number) {
    chosen = number;
    drawList();
    drawStep(body, chosen, choose);
  }

  const stops = [on("playbook", () => { drawList(); drawStep(body, chosen, choose); })];
  if (store.playbook) choose(chosen);
  return {
    element: h("section", { class: "view steps", "aria-label": "Steps" },
      h("div", { class: "steps-side" }, h("h1", {}, store.playbook?.title ?? "Steps"), h("p", { class: "muted" }, store.playbook?.summary ?? ""), list), body),
    close: () => stops.forEach((stop) => stop()),
  };
}

/** Draws one step: text, buttons, result, hints. */
export function drawStep(body, number, choose, { large = false } = {}) {
  const step = store.playbook?.steps.find((one) => one.number === number);
  if (!step) return put(body, h("p", { class: "empty" }, "There is no such step."));
  const key = `${store.lab.name} ${number}`;
  const hints = h("div", { class: "hints", "aria-live": "polite" }, (given.get(key) ?? []).map((hint) => html(hint, { class: "hint" })));
  const busy = working || store.playbook.busy;
  const run = (label, work, attributes) => button(label, async () => {
    const ran = await work(number);
    await loadPlaybook();
    if (ran?.result === "passed") tell(`step ${number} passed`);
  }, { disabled: busy, ...attributes });
  if (body.contains(document.activeElement)) held = document.activeElement.textContent;
  const last = store.playbook.steps.length;
  put(body,
    h("header", {}, h("p", { class: "muted" }, `Step ${number} of ${last} · ${WORDS[step.state] ?? ""}`), h("h2", {}, step.title)),
    html(step.text, { class: "prose" }),
    large ? null : h("p", { class: "actions" },
      run("Set the scene", doing.scene, { title: "Bring the lab to where this step begins" }),
      run("Check", doing.check, { class: "primary", title: "Look whether what you did is what the step wants" }),
      run("Do it for me", doing.solve),
      step.hints ? button(`Hint`, async () => {
        const known = given.get(key) ?? [];
        if (known.length >= step.hints) return;
        const hint = await get(store.path(`steps/${number}/hints/${known.length + 1}`));
        given.set(key, [...known, hint.html]);
        hints.append(html(hint.html, { class: "hint" }));
      }) : null,
      run("Reset", async (which) => { if (confirm(`Bring the lab back to where step ${which} begins?`)) await doing.reset(which); }, { class: "danger" })),
    busy ? h("p", { class: "muted", role: "status" }, "Somebody is changing the lab …") : null,
    hints, result(step),
    step.seen ? h("details", { open: step.state === "passed" }, h("summary", {}, step.state === "passed" ? "What was seen" : "The answer"), html(step.seen, { class: "prose" })) : null,
    large ? null : h("nav", { class: "pager", "aria-label": "Steps" },
      number > 1 ? h("button", { type: "button", onclick: () => choose(number - 1) }, "← Back") : h("span"),
      number < last ? h("button", { type: "button", onclick: () => choose(number + 1) }, "Next →") : h("span")));
  const again = [...body.querySelectorAll("button:enabled")].find((one) => one.textContent === held);
  if (again && document.activeElement === document.body) {
    again.focus({ preventScroll: true });
    held = null;
  }
  return body;
}

/** How a step ended: each expectation with what was seen, and a readable difference where it fails. */
export function result(step) {
  const ended = step.result;
  if (!ended) return null;
  return h("section", { class: `result is-${ended.result}`, "aria-label": "Result" },
    h("p", {}, h("b", {}, `${SIGNS[ended.result] ?? ""} ${WORDS[ended.result] ?? ended.result}`), ended.summary ? ` · ${ended.summary}` : ""),
    ended.problem ? h("pre", { class: "bad" }, ended.problem) : null,
    h("ul", {}, (ended.verdicts ?? []).map((verdict) => h("li", { class: verdict.passed ? "good" : "bad" },
      h("p", {}, `${verdict.passed ? "✓" : "✗"} ${verdict.expectation}`),
      verdict.passed ? null : h("p", {}, `seen: ${verdict.seen}`),
      verdict.detail ? difference(verdict.detail) : null))));
}

function difference(text) {
  return h("pre", { class: "diff" }, text.split("\n").map((line) => {
    const kind = /^\s*\+/.test(line) ? "plus" : /^\s*-/.test(line) ? "minus" : null;
    return h("span", { class: kind }, `${line}\n`);
  }));
}
