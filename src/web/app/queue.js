// A look into a queue: the oldest messages that wait, without taking them.

import { get, request, seg } from "./api.js";
import { button, h, number, put, tell } from "./dom.js";
import { depth, on, queue, store } from "./store.js";

export function peek(name, close) {
  const state = h("p", {});
  const list = h("div", { class: "messages" });
  async function look() {
    const messages = await get(store.path(`queues/${seg(name)}/messages?max=20`));
    put(list, messages.length ? messages.map(message) : h("p", { class: "empty" }, "No message waits here. What comes is taken at once."));
  }
  function update() {
    const limit = queue(name)?.limit;
    put(state, `${number(depth(name))} waiting`, limit ? `; senders wait at ${number(limit)}` : "");
  }
  const stop = on("snapshot", update);
  update();
  look().catch(tell);
  return {
    element: h("section", { class: "inspector", "aria-label": `Queue ${name}` },
      h("div", { class: "inspector-head" }, h("h2", {}, name),
        h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: close }, "×")),
      state,
      h("p", { class: "actions" }, button("Look again", look, { class: "small" }),
        button("Clear", async () => {
          if (!confirm(`Remove every message that waits in ${name}?`)) return;
          const { body } = await request("DELETE", store.path(`queues/${seg(name)}/messages`));
          tell(`${body.count} messages removed from ${name}`);
          await look();
        }, { class: "small danger" })),
      list),
    close: stop,
  };
}

/** One message: its main fields, and all of it when opened. */
export function message(text) {
  let value = null;
  try { value = JSON.parse(text); } catch { return h("pre", {}, text); }
  const main = ["time.source", "source.ip", "source.fqdn", "source.url", "classification.type", "feed.name"].filter((field) => value[field] !== undefined);
  return h("details", {}, h("summary", {}, main.map((field) => value[field]).join(" · ") || value.__type || "message"),
    h("pre", {}, JSON.stringify(value, null, 2)));
}
