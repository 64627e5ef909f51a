import { bytes } from "../ui/format";
import type { Point } from "./results";

const BOX = { width: 640, height: 300, left: 64, right: 20, top: 16, bottom: 42 };

interface Scale {
  x: (value: number) => number;
  y: (value: number) => number;
}

/** Bytes are linear, divergences logarithmic: they span orders of magnitude. */
export function scaleOf(points: Point[]): Scale {
  const sizes = points.map((point) => point.bytes);
  const logs = points.map((point) => Math.log10(Math.max(point.kld, 1e-9)));
  const place = (value: number, values: number[], from: number, to: number): number => {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return most > least ? from + ((value - least) / (most - least)) * (to - from) : (from + to) / 2;
  };
  return {
    x: (value) => place(value, sizes, BOX.left + 12, BOX.width - BOX.right - 12),
    y: (value) => place(Math.log10(Math.max(value, 1e-9)), logs, BOX.height - BOX.bottom - 12, BOX.top + 12),
  };
}

/** KL divergence against bytes: the frontier as a line, named allocations as squares. The table below says the same. */
export function Frontier({ points }: { points: Point[] }) {
  const { x, y } = scaleOf(points);
  const line = points.filter((point) => !point.mark).sort((a, b) => a.bytes - b.bytes);
  const path = line.map((point) => `${x(point.bytes).toFixed(1)},${y(point.kld).toFixed(1)}`).join("L");
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
        {points.map((point, index) => (
          <Mark key={index} point={point} x={x(point.bytes)} y={y(point.kld)} />
        ))}
      </svg>
      <PointTable points={points} />
    </figure>
  );
}

/** The least and the most of both axes. */
function Ends({ points }: { points: Point[] }) {
  const sizes = points.map((point) => point.bytes);
  const klds = points.map((point) => point.kld);
  const below = BOX.height - BOX.bottom;
  return (
    <>
      <text x={BOX.left} y={below + 18}>
        {bytes(Math.min(...sizes))}
      </text>
      <text x={BOX.width - BOX.right} y={below + 18} text-anchor="end">
        {bytes(Math.max(...sizes))}
      </text>
      <text x={BOX.left - 8} y={below - 8} text-anchor="end">
        {Math.min(...klds).toPrecision(2)}
      </text>
      <text x={BOX.left - 8} y={BOX.top + 26} text-anchor="end">
        {Math.max(...klds).toPrecision(2)}
      </text>
    </>
  );
}

function Mark({ point, x, y }: { point: Point; x: number; y: number }) {
  const title =
    `${point.name} ${bytes(point.bytes)}, KLD ${point.kld.toPrecision(3)} ${point.measured ? "measured" : "predicted"}`.trim();
  return (
    <g class={point.mark ? "baseline" : "point"}>
      {point.mark ? <rect x={x - 4} y={y - 4} width={8} height={8} /> : <circle cx={x} cy={y} r={4.5} />}
      {point.mark && (
        <text x={x + 9} y={y + 4}>
          {point.name}
        </text>
      )}
      <title>{title}</title>
    </g>
  );
}

function PointTable({ points }: { points: Point[] }) {
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label="Points of the frontier">
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
