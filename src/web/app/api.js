// Talks to the REST API: requests, problems and streams.

/** A request that was refused, as the API tells it (application/problem+json). */
export class Problem extends Error {
  constructor(status, body) {
    super(body.title ?? `the server answered ${status}`);
    this.status = status;
    this.code = body.code ?? "";
    this.detail = body.detail ?? "";
    this.problems = body.problems ?? [];
  }
}

/** Sends a request; returns what the answer holds: JSON as a value, anything else as text. */
export async function request(method, path, { json, text, headers = {} } = {}) {
  const options = { method, headers: { ...headers }, credentials: "same-origin" };
  if (json !== undefined) {
    options.body = JSON.stringify(json);
    options.headers["content-type"] = "application/json";
  } else if (text !== undefined) {
    options.body = text;
    options.headers["content-type"] ??= "text/plain; charset=utf-8";
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Problem(0, { title: "the lab does not answer; does it still run? `intelmq-lab status` tells" });
  }
  const isJson = /[/+]json/.test(response.headers.get("content-type") ?? "");
  const body = isJson ? await response.json() : await response.text();
  if (!response.ok) throw new Problem(response.status, isJson ? body : { title: body });
  return { body, etag: response.headers.get("etag") };
}

export const get = async (path) => (await request("GET", path)).body;
export const post = async (path, json) => (await request("POST", path, { json })).body;

/** One segment of a path. */
export const seg = encodeURIComponent;

/** How soon a stream that was cut is asked for again, in milliseconds. */
const AGAIN = 500;

/** Listens to a stream until `close` of what it returns is called. It comes back by itself after it was cut. */
export function stream(path, take, state = () => {}) {
  let [source, timer] = [null, null];
  function open() {
    source = new EventSource(path);
    source.onmessage = (event) => take(JSON.parse(event.data));
    source.onopen = () => state(true);
    source.onerror = () => {
      state(false);
      source.close();
      timer = setTimeout(open, AGAIN);
    };
  }
  open();
  return { close() { clearTimeout(timer); source.close(); } };
}
