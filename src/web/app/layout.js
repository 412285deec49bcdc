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

/** Returns where everything is: boxes by bot, the size of the whole, and the path of each edge. */
export function place(graph, { upright, width: box, height }) {
  const rows = layers(graph);
  const gap = upright ? { along: 56, across: 20 } : { along: 84, across: 26 };
  const [long, wide] = upright ? [height, box] : [box, height];
  const most = Math.max(1, ...rows.map((row) => row.length));
  const across = most * wide + (most - 1) * gap.across;
  const boxes = new Map();
  rows.forEach((row, layer) => {
    const used = row.length * wide + (row.length - 1) * gap.across;
    row.forEach((id, index) => {
      const a = layer * (long + gap.along);
      const c = (across - used) / 2 + index * (wide + gap.across);
      boxes.set(id, upright ? { x: c, y: a } : { x: a, y: c });
    });
  });
  const along = rows.length * long + Math.max(0, rows.length - 1) * gap.along;
  const size = upright ? { width: across, height: along } : { width: along, height: across };
  const paths = graph.edges.map(({ edge }) => {
    const [a, b] = [boxes.get(edge.from), boxes.get(edge.to)];
    return a && b ? curve(a, b, upright, box, height) : null;
  });
  return { boxes, size, paths };
}

function curve(a, b, upright, width, height) {
  if (upright) {
    const [x1, y1, x2, y2] = [a.x + width / 2, a.y + height, b.x + width / 2, b.y];
    const bend = Math.max(24, (y2 - y1) / 2);
    return { d: `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`, x: (x1 + x2) / 2, y: (y1 + y2) / 2 };
  }
  const [x1, y1, x2, y2] = [a.x + width, a.y + height / 2, b.x, b.y + height / 2];
  const bend = Math.max(28, (x2 - x1) / 2);
  return { d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, x: (x1 + x2) / 2, y: (y1 + y2) / 2 };
}
