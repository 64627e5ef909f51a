import { bytes } from "../ui/format";
import { placeLabels, type Label } from "./labels";
import type { Point } from "./results";

const BOX = { width: 640, height: 320, left: 64, right: 20, top: 16, bottom: 42 };
/** A name that is farther above or below its mark is tied to it by a line. */
const LEADER = 20;
const FRAME = { left: BOX.left, right: BOX.width, top: BOX.top, bottom: BOX.height - BOX.bottom };

interface Scale {
  x: (value: number) => number;
  y: (value: number) => number;
}

/** Bytes are linear, divergences logarithmic: they span orders of magnitude. One of 0 has no place on the latter. */
export function scaleOf(points: Point[]): Scale {
  const sizes = points.map((point) => point.bytes);
  const logs = points.filter((point) => point.kld > 0).map((point) => Math.log10(point.kld));
  const place = (value: number, values: number[], from: number, to: number): number => {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return most > least ? from + ((value - least) / (most - least)) * (to - from) : (from + to) / 2;
  };
  return {
    x: (value) => place(value, sizes, BOX.left + 12, BOX.width - BOX.right - 12),
    y: (value) => place(Math.log10(value), logs, BOX.height - BOX.bottom - 12, BOX.top + 12),
  };
}

/** KL divergence against bytes: the frontier as a line, named allocations as marks. The table below says the same. */
export function Frontier({ points }: { points: Point[] }) {
  const { x, y } = scaleOf(points);
  const shown = points.filter((point) => point.kld > 0);
  const line = shown.filter((point) => point.kind === "frontier").sort((a, b) => a.bytes - b.bytes);
  const placed = (point: Point) => ({ name: point.name, x: x(point.bytes), y: y(point.kld) });
  const path = line.map((point) => `${x(point.bytes).toFixed(1)},${y(point.kld).toFixed(1)}`).join("L");
  const named = shown.filter((point) => point.kind !== "frontier");
  const labels = placeLabels(named.map(placed), FRAME, line.map(placed));
  return (
    <figure class="frontier">
      <svg viewBox={`0 0 ${BOX.width} ${BOX.height}`} role="img" aria-label="KL divergence against bytes">
        <path
          class="axis"
          d={`M${BOX.left},${BOX.top}V${BOX.height - BOX.bottom}H${BOX.width - BOX.right}`}
        />
        <text x={(BOX.left + BOX.width) / 2} y={BOX.height - 8} text-anchor="middle">
          bytes
        </text>
        <text x={BOX.left - 8} y={BOX.top + 8} text-anchor="end">
          KLD
        </text>
        <Ends points={points} />
        {path && <path class="line" d={`M${path}`} />}
        {line.map((point, index) => (
          <circle key={index} class="point" cx={x(point.bytes)} cy={y(point.kld)} r={2.5}>
            <title>{described(point)}</title>
          </circle>
        ))}
        {named.map((point, index) => (
          <Mark key={point.name} point={point} x={x(point.bytes)} y={y(point.kld)} label={labels[index]} />
        ))}
      </svg>
      <PointTable label="Allocations" points={points.filter((point) => point.kind !== "frontier")} />
      {line.length > 0 && (
        <details>
          <summary>The frontier's {line.length} points</summary>
          <PointTable label="Points of the frontier" points={line} />
        </details>
      )}
    </figure>
  );
}

/** The least and the most of both axes. */
function Ends({ points }: { points: Point[] }) {
  const sizes = points.map((point) => point.bytes);
  const klds = points.map((point) => point.kld).filter((kld) => kld > 0);
  const below = BOX.height - BOX.bottom;
  return (
    <>
      <text x={BOX.left} y={below + 18}>
        {bytes(Math.min(...sizes))}
      </text>
      <text x={BOX.width - BOX.right} y={below + 18} text-anchor="end">
        {bytes(Math.max(...sizes))}
      </text>
      {klds.length > 0 && (
        <>
          <text x={BOX.left - 8} y={below - 8} text-anchor="end">
            {Math.min(...klds).toPrecision(2)}
          </text>
          <text x={BOX.left - 8} y={BOX.top + 26} text-anchor="end">
            {Math.max(...klds).toPrecision(2)}
          </text>
        </>
      )}
    </>
  );
}

const described = (point: Point): string =>
  `${point.name} ${bytes(point.bytes)}, KLD ${point.kld.toPrecision(3)} ${point.measured ? "measured" : "predicted"}`.trim();

function Mark({ point, x, y, label }: { point: Point; x: number; y: number; label: Label | undefined }) {
  return (
    <g class={point.kind === "own" ? "own" : "baseline"}>
      {point.kind === "own" ? (
        <path d={`M${x},${y - 7}l7,7l-7,7l-7,-7z`} />
      ) : (
        <rect x={x - 4} y={y - 4} width={8} height={8} />
      )}
      {label && Math.abs(label.y - y) > LEADER && (
        <path class="leader" d={`M${x},${y}L${label.x},${label.y - 4}`} />
      )}
      {label && (
        <text x={label.x} y={label.y} text-anchor={label.anchor}>
          {point.name}
        </text>
      )}
      <title>{described(point)}</title>
    </g>
  );
}

function PointTable({ label, points }: { label: string; points: Point[] }) {
  if (!points.length) return null;
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            <th scope="col">Plan</th>
            <th scope="col" class="number">
              Bytes
            </th>
            <th scope="col" class="number">
              KL divergence
            </th>
          </tr>
        </thead>
        <tbody>
          {[...points]
            .sort((a, b) => a.bytes - b.bytes)
            .map((point, index) => (
              <tr key={index}>
                <th scope="row">{point.name || "frontier"}</th>
                <td class="number">{bytes(point.bytes)}</td>
                <td class="number">
                  {point.kld.toPrecision(3)} {point.measured ? "measured" : "predicted"}
                </td>
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  );
}
