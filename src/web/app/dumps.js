// Messages that bots gave up: why, and back into a queue after a repair, or away.

import { get, post, request, seg } from "./api.js";
import { button, dialog, h, put, tell } from "./dom.js";
import { store } from "./store.js";

/** The dump of one bot. */
export async function dumpList(bot) {
  const frame = h("div", { class: "dump" });
  async function load() {
    const entries = await get(store.path(`bots/${seg(bot)}/dump`));
    put(frame, entries.length
      ? [h("p", { class: "actions" },
          button("Requeue all", () => requeue(bot, [], load), { class: "small" }),
          button("Delete all", async () => {
            if (confirm(`Delete all ${entries.length} dumped messages of ${bot}?`)) await remove(bot, [], load);
          }, { class: "small danger" })),
        h("ul", { class: "entries" }, entries.map((entry) => item(bot, entry, load)))]
      : h("p", { class: "empty" }, "Nothing was given up."));
  }
  await load();
  return { element: frame, load };
}

function item(bot, entry, load) {
  return h("li", {},
    h("p", { class: "why" }, entry.traceback.trim().split("\n").at(-1)),
    h("p", { class: "muted" }, entry.id, entry.source_queue ? ` · from ${entry.source_queue}` : ""),
    h("details", {}, h("summary", {}, "Message"), h("pre", {}, readable(entry.message))),
    h("p", { class: "actions" },
      button("Requeue", () => requeue(bot, [entry.id], load), { class: "small" }),
      entry.unreadable ? null : button("Repair …", () => repair(bot, entry, load), { class: "small" }),
      button("Delete", () => remove(bot, [entry.id], load), { class: "small danger" })));
}

async function requeue(bot, ids, load, extra = {}) {
  const changed = await post(store.path(`bots/${seg(bot)}/dump/requeue`), { ids, ...extra });
  tell(`${changed.count} back in the queue`);
  await load();
}

async function remove(bot, ids, load) {
  const changed = await post(store.path(`bots/${seg(bot)}/dump/delete`), ids);
  tell(`${changed.count} deleted`);
  await load();
}

/** Lets the message be edited, and puts it back. */
function repair(bot, entry, load) {
  const text = h("textarea", { rows: 14, spellcheck: "false", "aria-label": "The message", value: readable(entry.message) });
  const wrong = h("p", { class: "bad", role: "alert" });
  const close = dialog("Repair a message",
    h("p", {}, "`raw` is shown decoded as `raw (text)`, when it is text; a report keeps its row there."), text, wrong,
    h("p", { class: "actions" }, button("Save and requeue", async () => {
      wrong.textContent = "";
      let value;
      try { value = JSON.parse(text.value); } catch (error) { wrong.textContent = `This is no JSON: ${error.message}`; return; }
      if (typeof value["raw (text)"] === "string") {
        value.raw = encode(value["raw (text)"]);
        delete value["raw (text)"];
      }
      await request("PUT", store.path(`bots/${seg(bot)}/dump/${seg(entry.id)}`), { json: { message: JSON.stringify(value) } });
      await requeue(bot, [entry.id], load);
      close();
    }, { class: "primary" })));
}

function readable(message) {
  try {
    const value = JSON.parse(message);
    if (typeof value.raw === "string") {
      const text = decode(value.raw);
      if (text !== null) {
        value["raw (text)"] = text;
        delete value.raw;
      }
    }
    return JSON.stringify(value, null, 2);
  } catch {
    return message;
  }
}

function decode(base64) {
  try {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function encode(text) {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}

/** The view of all dumps. */
export function view() {
  const body = h("div", { class: "stack" });
  const bots = store.snapshot?.bots ?? [];
  const order = [...bots].sort((a, b) => b.failed - a.failed);
  Promise.all(order.map(async (bot) => ({ bot, entries: await get(store.path(`bots/${seg(bot.id)}/dump`)) })))
    .then(async (all) => {
      const full = all.filter(({ entries }) => entries.length);
      if (!full.length) put(body, h("p", { class: "empty" }, "No bot gave up a message. When one does, it waits here: nothing is lost."));
      else put(body, ...(await Promise.all(full.map(async ({ bot }) => h("section", { class: "card" }, h("h2", {}, bot.id), (await dumpList(bot.id)).element)))));
    }, tell);
  return { element: h("section", { class: "view", "aria-label": "Dumps" }, h("div", { class: "bar" }, h("h1", {}, "Dumps")), body), close() {} };
}
