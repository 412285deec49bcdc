// Places the bots of a graph in layers from collectors to outputs, and leads each edge past the bots between its ends.

const GAP = { layer: 104, line: 64, box: 26, lane: 18 };
/** How far what turns round at the end of a line reaches out, where its label is, and the room for both; less where there is little. */
const WIDE = { least: 26, most: 66, label: 52, room: 122 };
const NARROW = { least: 16, most: 42, label: 22, room: 58 };
/** How far the ends of edges at one bot stand apart, at most. */
const PORT = 14;

/** Returns the layer of each bot: the longest way from a collector, and a collector close to what it feeds. */
function ranks(ids, edges) {
  const rank = new Map(ids.map((id) => [id, 0]));
  // A cycle, which is refused elsewhere, ends after as many rounds as there are bots.
  for (let round = 0; round < ids.length; round += 1) {
    let moved = false;
    for (const { from, to } of edges) {
      if (rank.get(to) < rank.get(from) + 1 && rank.get(from) + 1 < ids.length) {
        rank.set(to, rank.get(from) + 1);
        moved = true;
      }
    }
    if (!moved) break;
  }
  for (const id of ids) {
    const next = edges.filter((edge) => edge.from === id).map((edge) => rank.get(edge.to));
    const fed = edges.some((edge) => edge.to === id);
    if (!fed && next.length) rank.set(id, Math.max(0, Math.min(...next) - 1));
  }
  const used = [...new Set(rank.values())].sort((a, b) => a - b);
  return new Map([...rank].map(([id, layer]) => [id, used.indexOf(layer)]));
}

/** Returns layers of places, ordered so that few edges cross, and for each edge the places it goes through; a lane is a place without a bot. */
function layered(graph) {
  const ids = graph.bots.map((bot) => bot.id);
  const known = new Set(ids);
  const rank = ranks(ids, graph.edges.map(({ edge }) => edge).filter((edge) => known.has(edge.from) && known.has(edge.to)));
  const rows = [];
  const stand = (layer, place) => {
    (rows[layer] ??= []).push(place);
    return Object.assign(place, { layer, before: [], after: [] });
  };
  const bots = new Map(ids.map((id) => [id, stand(rank.get(id), { id })]));
  const ways = graph.edges.map(({ edge }) => {
    const [from, to] = [bots.get(edge.from), bots.get(edge.to)];
    if (!from || !to || to.layer <= from.layer) return null;
    const way = [from];
    for (let layer = from.layer + 1; layer < to.layer; layer += 1) way.push(stand(layer, {}));
    way.push(to);
    way.slice(1).forEach((place, index) => {
      place.before.push(way[index]);
      way[index].after.push(place);
    });
    return way;
  });
  order(rows);
  return { rows, bots, ways };
}

/** Puts each place near the middle of what it is connected with, forward and back in turn. */
function order(rows) {
  const settle = () => rows.forEach((row) => row.forEach((place, index) => { place.at = (index + 0.5) / row.length; }));
  settle();
  for (let round = 0; round < 8; round += 1) {
    for (const row of round % 2 ? rows.toReversed() : rows) {
      const weight = new Map(row.map((place) => {
        const near = round % 2 ? place.after : place.before;
        return [place, near.length ? near.reduce((sum, one) => sum + one.at, 0) / near.length : place.at];
      }));
      row.sort((a, b) => weight.get(a) - weight.get(b));
      row.forEach((place, index) => { place.at = (index + 0.5) / row.length; });
    }
  }
}

/**
 * Returns where everything is: boxes by bot, the size of the whole, its scale, and the path of each edge.
 *
 * Layers run to the right; what is too long for the room turns round at its end and runs back below, so that everything is as large as
 * can be. In a narrow room that makes a column.
 */
export function place(graph, { width, height, room }) {
  const { rows, bots, ways } = layered(graph);
  const box = { width, height, turn: room.width < 520 ? NARROW : WIDE };
  const scale = (size) => Math.min(1.3, room.width / size.width, room.height / size.height);
  const sizes = Array.from({ length: Math.max(1, rows.length) }, (_, index) => fold(rows, index + 1, box));
  // A little smaller is better than one more turn.
  const best = sizes.reduce((a, b, index) => (scale(b) > scale(sizes[a]) * 1.12 ? index : a), 0);
  const size = fold(rows, best + 1, box);
  const boxes = new Map([...bots].map(([id, at]) => [id, { x: at.x, y: at.y, back: at.back }]));
  return { boxes, size, scale: scale(size), paths: paths(ways, bots, graph, box) };
}

/** Lays layers out in so many lines, and returns the size of that. */
function fold(rows, lines, { width, height, turn }) {
  const most = Math.max(1, Math.ceil(rows.length / lines));
  const column = width + GAP.layer;
  const tall = (row) => row.reduce((sum, place) => sum + (place.id ? height : GAP.lane), (row.length - 1) * GAP.box);
  const left = rows.length > 2 * most ? turn.room : 0;
  let top = 0;
  for (let line = 0; line * most < rows.length; line += 1) {
    const part = rows.slice(line * most, (line + 1) * most);
    const highest = Math.max(...part.map(tall));
    part.forEach((row, index) => {
      let y = top + (highest - tall(row)) / 2;
      for (const place of row) {
        const own = place.id ? height : GAP.lane;
        Object.assign(place, { x: left + (line % 2 ? most - 1 - index : index) * column, y, middle: y + own / 2, line, back: line % 2 === 1 });
        y += own + GAP.box;
      }
    });
    top += highest + GAP.line;
  }
  const used = Math.min(most, Math.max(1, rows.length));
  const right = rows.length > most ? turn.room : 0;
  return { width: left + used * column - GAP.layer + right, height: Math.max(height, top - GAP.line) };
}

/** Leads each edge from the side where its bot sends to the side where the next one receives. */
function paths(ways, bots, graph, { width, height, turn }) {
  // The ends of edges at a bot stand apart, in the order of where they go; what turns round nests.
  const ends = new Map();
  const share = (place, side, list) => {
    const turns = (other) => other.line !== place.line;
    const sorted = list.toSorted((a, b) => (turns(a.other) ? b.other.middle - a.other.middle : a.other.middle - b.other.middle));
    const step = Math.min(PORT, (height - 18) / Math.max(1, sorted.length - 1));
    sorted.forEach(({ way }, index) => ends.set(`${side}${way}`, place.middle + (index - (sorted.length - 1) / 2) * step));
  };
  for (const place of bots.values()) {
    const of = (end, other) => ways.flatMap((way, index) => (way?.at(end) === place ? [{ way: index, other: way.at(other) }] : []));
    share(place, "out", of(0, 1));
    share(place, "in", of(-1, -2));
  }
  return ways.map((way, index) => {
    if (!way) return loop(graph.edges[index].edge, bots, { width, height });
    const out = (place) => ({ x: place.back ? place.x : place.x + width, y: place === way[0] ? ends.get(`out${index}`) : place.middle, back: place.back });
    const into = (place) => ({ x: place.back ? place.x + width : place.x, y: place === way.at(-1) ? ends.get(`in${index}`) : place.middle, back: place.back });
    const start = out(way[0]);
    const parts = way.slice(1).map((place, step) => {
      const joint = step ? `L${out(way[step]).x} ${out(way[step]).y}` : "";
      return joint + curve(out(way[step]), into(place), turn);
    });
    const end = into(way.at(-1));
    return { d: `M${start.x} ${start.y}${parts.join("")}`, ...label(start, into(way[1]), turn), end };
  });
}

function reach(a, b, turn) {
  return Math.min(turn.most, turn.least + Math.abs(b.y - a.y) * 0.16) * (a.back ? -1 : 1);
}

/** The places that bend a curve: before its start and after its end, or outside both where it turns round. */
function bends(a, b, turn) {
  if (a.back !== b.back) {
    const bend = (reach(a, b, turn) * 4) / 3;
    return [a.x + bend, b.x + bend];
  }
  return [(a.x + b.x) / 2, (a.x + b.x) / 2];
}

function curve(a, b, turn) {
  const [first, second] = bends(a, b, turn);
  return `C${first} ${a.y} ${second} ${b.y} ${b.x} ${b.y}`;
}

/** Where the label of a curve is: in its middle; of one that turns round beside its end, where it has come away from others. */
function label(a, b, turn) {
  if (a.back === b.back) return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  const out = Math.max(turn.label, Math.abs(reach(a, b, turn)) * 0.75);
  return { x: (a.x + b.x) / 2 + (a.back ? -out : out), y: a.y + (b.y - a.y) * 0.84 };
}

/** An edge that does not lead on, as in a cycle: round below. */
function loop(edge, bots, { width, height }) {
  const [a, b] = [bots.get(edge.from), bots.get(edge.to)];
  if (!a || !b) return null;
  const [x1, x2, y] = [a.x + width / 2, b.x + width / 2, Math.max(a.y, b.y) + height];
  const d = `M${x1} ${a.y + height}C${x1} ${y + 44} ${x2} ${y + 44} ${x2} ${b.y + height}`;
  return { d, x: (x1 + x2) / 2, y: y + 30, end: null };
}
