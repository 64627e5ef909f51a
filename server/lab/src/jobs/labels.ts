export interface Place {
  x: number;
  y: number;
}

export interface Label extends Place {
  anchor: "start" | "end";
}

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** At 12 px; wide enough for any name, so that no label is longer than it was taken for. */
const LETTER = 6.6;
const ABOVE = 10;
const BELOW = 4;
const GAP = 9;
const LINE = 15;
const MARK = 6;
const DOT = 3;

const boxOf = ({ x, y, anchor }: Label, name: string): Box => {
  const width = name.length * LETTER;
  const left = anchor === "start" ? x : x - width;
  return { left, right: left + width, top: y - ABOVE, bottom: y + BELOW };
};

const overlap = (a: Box, b: Box): number =>
  Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
  Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));

const outside = (box: Box, frame: Box): number =>
  Math.max(0, frame.left - box.left) +
  Math.max(0, box.right - frame.right) +
  Math.max(0, frame.top - box.top) +
  Math.max(0, box.bottom - frame.bottom);

/** Beside the mark first, then ever farther above and below it. */
function* candidates({ x, y }: Place): Generator<Label> {
  for (const steps of [0, -1, 1, -2, 2, -3, 3]) {
    const at = y + 4 + steps * LINE;
    yield { x: x + GAP, y: at, anchor: "start" };
    yield { x: x - GAP, y: at, anchor: "end" };
  }
}

const around = ({ x, y }: Place, reach: number): Box => ({
  left: x - reach,
  right: x + reach,
  top: y - reach,
  bottom: y + reach,
});

/** Where the names of marks stand so that they cover neither each other nor a mark nor a dot, and leave no frame. */
export function placeLabels(marks: (Place & { name: string })[], frame: Box, dots: Place[] = []): Label[] {
  const taken = [...marks.map((mark) => around(mark, MARK)), ...dots.map((dot) => around(dot, DOT))];
  return marks.map((mark) => {
    const ranked = [...candidates(mark)].map((label) => {
      const box = boxOf(label, mark.name);
      const covered = taken.reduce((sum, other) => sum + overlap(box, other), 0);
      return { label, box, cost: covered + 1000 * outside(box, frame) };
    });
    const best = ranked.reduce((first, next) => (next.cost < first.cost ? next : first));
    taken.push(best.box);
    return best.label;
  });
}
