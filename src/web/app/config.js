// The configuration of the botnet: read, checked, saved with the version that was read, and reloaded.

import { request, post } from "./api.js";
import { button, h, put, tell } from "./dom.js";
import { loadGraph, store } from "./store.js";

export function view() {
  const text = h("textarea", { class: "code", spellcheck: "false", "aria-label": "runtime.yaml", wrap: "off" });
  const gutter = h("pre", { class: "gutter", "aria-hidden": "true" });
  const problems = h("ul", { class: "problems", "aria-live": "polite" });
  let etag = null;
  let bad = new Set();

  async function load() {
    const answer = await request("GET", store.path("configuration"));
    text.value = answer.body.text;
    etag = answer.etag ?? `"${answer.body.revision}"`;
    show([]);
  }

  function show(list) {
    bad = new Set(list.map((problem) => problem.line).filter(Boolean));
    put(problems, list.map((problem) => h("li", { class: problem.severity ?? "error" },
      problem.line ? h("button", { type: "button", class: "link", onclick: () => jump(problem.line) }, `line ${problem.line}`) : null,
      problem.line ? ": " : "", problem.title, problem.help ? h("span", { class: "muted" }, ` ${problem.help}`) : null)));
    count();
  }

  function count() {
    const lines = text.value.split("\n").length;
    put(gutter, Array.from({ length: lines }, (_, index) => h("span", { class: bad.has(index + 1) ? "bad" : null }, `${index + 1}\n`)));
    gutter.scrollTop = text.scrollTop;
  }

  function jump(line) {
    const start = text.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    text.focus();
    text.setSelectionRange(start, start + (text.value.slice(start).split("\n")[0].length));
    text.scrollTop = (line - 6) * 20;
  }

  /** Runs a request whose problems are located complaints. */
  async function located(work, done) {
    try {
      await work();
      show([]);
      tell(done);
    } catch (problem) {
      if (problem.status === 412) throw new Error("somebody else changed the configuration meanwhile: read it again before you save");
      if (!problem.problems?.length) throw problem;
      show(problem.problems);
    }
  }

  text.addEventListener("input", count);
  text.addEventListener("scroll", () => { gutter.scrollTop = text.scrollTop; });
  load().catch(tell);
  return {
    element: h("section", { class: "view column", "aria-label": "Configuration" },
      h("div", { class: "bar" }, h("h1", {}, "Configuration"), h("code", {}, "runtime.yaml"),
        button("Read again", load, { class: "small" }),
        button("Check", () => located(() => request("POST", store.path("configuration/validate"), { text: text.value }), "the configuration is right"), { class: "small" }),
        button("Save and reload", () => located(async () => {
          const answer = await request("PUT", store.path("configuration"), { text: text.value, headers: { "if-match": etag, "content-type": "application/yaml" } });
          etag = answer.etag ?? `"${answer.body.revision}"`;
          await loadGraph();
        }, "saved, and taken into use"), { class: "primary small" }),
        button("Reload the bots", () => post(store.path("botnet/reload")), { class: "small" })),
      problems,
      h("div", { class: "editor fill" }, gutter, text)),
    close() {},
  };
}
