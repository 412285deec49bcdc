// What is known of the lab at the moment, and who wants to learn of changes.

import { get, seg, stream } from "./api.js";

/** How far back counts are kept, in milliseconds, and how far rates look back. */
const KEPT = 5 * 60_000;
const WINDOW = 1_500;

export const store = {
  labs: [], lab: null, playbook: null, graph: { bots: [], edges: [] }, snapshot: null, online: false,
  /** Snapshots of the last minutes, thinned: {at, received, sent, failed} by bot. */
  history: [],
  path: (rest = "") => `/v1/labs/${seg(store.lab.name)}${rest ? `/${rest}` : ""}`,
};

const listeners = new Map();

/** Calls a function whenever something of that name changed; returns how to stop that. */
export function on(name, listener) {
  if (!listeners.has(name)) listeners.set(name, new Set());
  listeners.get(name).add(listener);
  return () => listeners.get(name).delete(listener);
}

export function changed(name) {
  for (const listener of listeners.get(name) ?? []) listener();
}

export async function loadLabs() {
  const answer = await get("/v1/labs");
  store.labs = answer.labs;
  changed("labs");
}

/** How often a lab is asked whether somebody still changes it, and for how long one that is away, in milliseconds. */
const [ASK, PATIENCE] = [200, 120_000];

let streams = [];
let lost = false;

/** Chooses a lab and listens to it. */
export async function chooseLab(name) {
  for (const open of streams) open.close();
  streams = [];
  store.lab = store.labs.find((lab) => lab.name === name) ?? null;
  Object.assign(store, { playbook: null, graph: { bots: [], edges: [] }, snapshot: null, history: [] });
  changed("lab");
  if (!store.lab) return;
  await Promise.all([loadPlaybook(), loadGraph()]);
  streams.push(stream(store.path("stream/botnet"), take, (online) => {
    const back = online && lost;
    lost ||= !online;
    if (store.online !== online) {
      store.online = online;
      changed("online");
    }
    // It may be another botnet by now, and the lesson may be elsewhere.
    if (back) {
      lost = false;
      Promise.all([loadPlaybook(), loadGraph()]).catch(() => {});
    }
  }));
  streams.push(stream(store.path("stream/session"), (event) => {
    store.event = event;
    changed("session");
    if (["session-started", "step-finished", "session-finished"].includes(event.event)) loadPlaybook().catch(() => {});
  }));
}

let [reading, next, again] = [Promise.resolve(), null, null];

/** Reads the lesson, and returns it. It is read once at a time, and once more for all who ask meanwhile. */
export function loadPlaybook() {
  next ??= reading.catch(() => {}).then(() => {
    next = null;
    reading = readPlaybook();
    return reading;
  });
  return next;
}

async function readPlaybook() {
  const lesson = await get(store.path("playbook"));
  clearTimeout(again);
  // Somebody is at it, here or at a terminal: nothing can be done until that is over.
  if (lesson.busy) again = setTimeout(() => loadPlaybook().catch(() => {}), ASK);
  if (JSON.stringify(lesson) !== JSON.stringify(store.playbook)) {
    store.playbook = lesson;
    changed("playbook");
  }
  return lesson;
}

/**
 * Waits for what another process does with the lab, as the lab's own would end itself; meanwhile it does not answer.
 * Returns the lesson as it is then.
 */
export async function follow() {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const lesson = await loadPlaybook().catch(() => null);
    if (lesson?.trouble) throw new Error(lesson.trouble);
    if (lesson && !lesson.busy) return lesson;
    if (performance.now() > deadline) throw new Error("the lab does not come back; `intelmq-lab status` tells what became of it");
    await new Promise((done) => setTimeout(done, ASK));
  }
}

export async function loadGraph() {
  store.graph = await get(store.path("graph"));
  changed("graph");
}

let recent = [];

function take(snapshot) {
  const at = performance.now();
  const before = store.snapshot;
  store.snapshot = snapshot;
  const sample = { at, bots: new Map(snapshot.bots.map((bot) => [bot.id, bot])) };
  recent.push(sample);
  while (recent.length > 2 && at - recent[1].at > WINDOW) recent.shift();
  const last = store.history.at(-1);
  if (!last || at - last.at >= 1000) {
    store.history.push(sample);
    while (store.history.length && at - store.history[0].at > KEPT) store.history.shift();
  }
  if (before && before.revision !== snapshot.revision) loadGraph().catch(() => {});
  changed("snapshot");
}

/** How many a second a count has grown lately. */
function growth(bot, count) {
  const [first, last] = [recent[0], recent.at(-1)];
  if (!first || !last || last === first) return 0;
  const [a, b] = [first.bots.get(bot), last.bots.get(bot)];
  // What happened long ago is no rate: the window ends when nothing comes any more.
  const seconds = Math.max(performance.now() - first.at, WINDOW / 2) / 1000;
  if (!a || !b || performance.now() - last.at > WINDOW) return 0;
  return Math.max(0, count(b) - count(a)) / seconds;
}

export const edgeRate = (edge) => growth(edge.from, (bot) => bot.sent[edge.path] ?? 0);
export const botRate = (id, what) => growth(id, (bot) => (what === "sent" ? total(bot.sent) : bot[what]));
export const total = (sent) => Object.values(sent).reduce((sum, value) => sum + value, 0);
export const bot = (id) => store.snapshot?.bots.find((one) => one.id === id);
export const queue = (name) => store.snapshot?.queues.find((one) => one.name === name);
export const depth = (name) => {
  const found = queue(name);
  return found ? found.waiting + found.in_flight : 0;
};
