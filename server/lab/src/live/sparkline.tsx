/** A line that has just begun is drawn as if there were so many values: a short one says little. */
const LEAST_ROOM = 30;
const WIDTH = 240;
const HEIGHT = 44;

/** The line of values that grew old to the left; the newest is at the right edge. */
export function linePath(values: number[], room: number, most: number): string {
  const step = WIDTH / Math.max(1, room - 1);
  const left = WIDTH - (values.length - 1) * step;
  const points = values.map((value, index) => {
    const height = most > 0 ? (value / most) * (HEIGHT - 4) : 0;
    return `${(left + index * step).toFixed(1)},${(HEIGHT - 2 - height).toFixed(1)}`;
  });
  return points.length ? `M${points.join("L")}` : "";
}

export function Sparkline({ values }: { values: number[] }) {
  const room = Math.max(LEAST_ROOM, values.length);
  const most = Math.max(...values, 0);
  const line = linePath(values, room, most);
  const left = WIDTH - (values.length - 1) * (WIDTH / Math.max(1, room - 1));
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {line && <path class="area" d={`${line}L${WIDTH},${HEIGHT}L${left.toFixed(1)},${HEIGHT}Z`} />}
      <path class="line" d={line} vector-effect="non-scaling-stroke" />
    </svg>
  );
}
