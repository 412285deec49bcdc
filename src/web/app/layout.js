// Places the bots of a graph in layers from collectors to outputs.

/** Returns the layer of each bot, and the order within the layers that crosses few edges. */
export function layers(graph) {
  const ids = graph.bots.map((bot) => bot.id);
  const edges = graph.edges.map((edge) => edge.edge).filter((edge) => ids.includes(edge.from) && ids.includes(edge.to));
  const rank = new Map(ids.map((id) => [id, 0]));
  // Longest way from a collector; a cycle, which is refused elsewhere, ends after as many rounds as there are bots.
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
  // A collector stands close to what it feeds.
  for (const id of ids) {
    const next = edges.filter((edge) => edge.from === id).map((edge) => rank.get(edge.to));
    const fed = edges.some((edge) => edge.to === id);
    if (!fed && next.length) rank.set(id, Math.max(0, Math.min(...next) - 1));
  }
  const rows = [];
  for (const id of ids) (rows[rank.get(id)] ??= []).push(id);
  const layered = rows.filter(Boolean);
  for (let round = 0; round < 6; round += 1) {
    const place = new Map(layered.flatMap((row) => row.map((id, index) => [id, (index + 0.5) / row.length])));
    const down = round % 2 === 0;
    for (const row of layered) {
      const weight = new Map(row.map((id, index) => {
        const near = edges.filter((edge) => (down ? edge.to : edge.from) === id).map((edge) => place.get(down ? edge.from : edge.to));
        const mean = near.length ? near.reduce((sum, value) => sum + value, 0) / near.length : (index + 0.5) / row.length;
        return [id, mean];
      }));
      row.sort((a, b) => weight.get(a) - weight.get(b));
    }
  }
  return layered;
}

const GAP = { layer: 92, turn: 58, box: 22 };

/**
 * Returns where everything is: boxes by bot, the size of the whole, and the path of each edge.
 *
 * Layers run to the right; what is too long for the room turns round at its end and runs back below, so that everything is as large as
 * can be. In a narrow room that makes a column.
 */
export function place(graph, { width, height, room }) {
  const rows = layers(graph);
  const tries = Array.from({ length: Math.max(1, rows.length) }, (_, index) => fold(rows, index + 1, width, height));
  const scale = ({ size }) => Math.min(1.3, room.width / size.width, room.height / size.height);
  // A little smaller is better than one more turn.
  const best = tries.reduce((a, b) => (scale(b) > scale(a) * 1.12 ? b : a));
  const paths = graph.edges.map(({ edge }) => {
    const [a, b] = [best.boxes.get(edge.from), best.boxes.get(edge.to)];
    return a && b ? curve(a, b, width, height) : null;
  });
  return { ...best, scale: scale(best), paths };
}

/** Lays layers out in so many lines. */
function fold(rows, lines, width, height) {
  const most = Math.ceil(rows.length / lines);
  const boxes = new Map();
  const column = width + GAP.layer;
  let top = 0;
  for (let line = 0; line * most < rows.length; line += 1) {
    const part = rows.slice(line * most, (line + 1) * most);
    const tall = Math.max(...part.map((row) => row.length)) * (height + GAP.box) - GAP.box;
    part.forEach((row, index) => {
      const x = (line % 2 ? most - 1 - index : index) * column;
      const used = row.length * (height + GAP.box) - GAP.box;
      // Alone in a column, the bots of a layer stand side by side only if there is one of them.
      row.forEach((id, place) => boxes.set(id, { x, y: top + (tall - used) / 2 + place * (height + GAP.box), line }));
    });
    top += tall + GAP.turn;
  }
  const used = Math.min(most, rows.length);
  return { boxes, size: { width: Math.max(width, used * column - GAP.layer), height: Math.max(height, top - GAP.turn) } };
}

function curve(a, b, width, height) {
  if (a.line !== b.line) {
    const [x1, y1, x2, y2] = [a.x + width / 2, a.y + height, b.x + width / 2, b.y];
    const bend = Math.max(22, (y2 - y1) / 2);
    return { d: `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`, x: (x1 + x2) / 2, y: (y1 + y2) / 2 };
  }
  const back = a.line % 2 === 1;
  const [x1, x2] = back ? [a.x, b.x + width] : [a.x + width, b.x];
  const [y1, y2] = [a.y + height / 2, b.y + height / 2];
  const bend = Math.max(28, Math.abs(x2 - x1) / 2) * (back ? -1 : 1);
  return { d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, x: (x1 + x2) / 2, y: (y1 + y2) / 2 };
}
