// How the states of bots look: a shape and a word for each, so that colour is never the only sign.

import { s } from "./dom.js";

export const STATES = {
  running: { word: "running", shape: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0" },
  starting: { word: "starting", shape: "M0-5a5 5 0 0 1 0 10z" },
  stopped: { word: "stopped", shape: "M-4.5-4.5h9v9h-9z" },
  disabled: { word: "disabled", shape: "M-5-1.3h10v2.6h-10z" },
  failed: { word: "failed", shape: "M0-5.5L5.8 4.5H-5.8z" },
  finished: { word: "finished", shape: "M-5.2-.2l2-2 2.2 2.2 4.4-4.6 2 2-6.4 6.6z" },
  unreachable: { word: "unreachable", shape: "M-5-3l2-2 3 3 3-3 2 2-3 3 3 3-2 2-3-3-3 3-2-2 3-3z" },
};

/** The sign of a state; the word stands beside it. */
export function sign(state, attributes = {}) {
  const known = STATES[state] ?? STATES.unreachable;
  return s("path", { d: known.shape, class: `state state-${state}`, "aria-hidden": "true", ...attributes });
}

/** The same as a small picture of its own. */
export function badge(state) {
  return s("svg", { class: "sign", viewBox: "-7 -7 14 14", width: 14, height: 14, "aria-hidden": "true" }, sign(state));
}

export const word = (state) => STATES[state]?.word ?? state;
