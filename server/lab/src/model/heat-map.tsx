import { useRef, useState } from "preact/hooks";

import type { Unit } from "../api/types";
import { bytes, count } from "../ui/format";
import { type Grid, shadeOf, step } from "./grid";

/** Bits of each unit: roles down, layers across. Arrow keys walk it; what is pointed at is told below. */
export function HeatMap({ grid }: { grid: Grid }) {
  const [place, setPlace] = useState<[number, number]>([0, 0]);
  const [pointed, point] = useState<Unit | null>(null);
  const table = useRef<HTMLTableElement>(null);
  const move = (event: KeyboardEvent): void => {
    const next = step(grid, place, event.key);
    if (!next) return;
    event.preventDefault();
    setPlace(next);
    table.current?.querySelector<HTMLElement>(`[data-place="${next.join("-")}"]`)?.focus();
  };
  return (
    <figure class="heat">
      <div class="heat-frame">
        <table ref={table} role="grid" aria-label="Bits by role and layer" onKeyDown={move}>
          <thead>
            <tr>
              <th scope="col">Role</th>
              {grid.layers.map((layer) => (
                <th key={layer} scope="col">
                  <span class="unseen">Layer </span>
                  {layer}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {grid.rows.map(({ role, cells }, row) => (
              <tr key={role}>
                <th scope="row">{role}</th>
                {cells.map((unit, column) => (
                  <Cell
                    key={column}
                    unit={unit}
                    place={`${row}-${column}`}
                    reached={place[0] === row && place[1] === column}
                    point={() => {
                      point(unit);
                      setPlace([row, column]);
                    }}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <figcaption aria-live="polite">{pointed ? <Details unit={pointed} /> : <Legend />}</figcaption>
    </figure>
  );
}

interface CellProps {
  unit: Unit | null;
  place: string;
  reached: boolean;
  point: () => void;
}

function Cell({ unit, place, reached, point }: CellProps) {
  const label = unit ? `${unit.path}: ${unit.format}, ${bytes(unit.bytes)}` : "none";
  return (
    <td
      role="gridcell"
      data-place={place}
      tabIndex={reached ? 0 : -1}
      aria-label={label}
      class={unit ? `shade-${shadeOf(unit.bits)}` : "none"}
      onMouseEnter={point}
      onFocus={point}
    >
      {unit ? Number(unit.bits.toFixed(1)) : ""}
    </td>
  );
}

function Legend() {
  return (
    <div class="legend">
      <span>Bits per weight</span>
      {[2, 3, 4, 5, 6, 8, 16].map((bits) => (
        <span key={bits} class={`swatch shade-${shadeOf(bits)}`}>
          {bits}
        </span>
      ))}
      <span class="muted">Point at a cell, or walk with the arrow keys.</span>
    </div>
  );
}

function Details({ unit }: { unit: Unit }) {
  return (
    <dl class="inline">
      <div>
        <dt>Unit</dt>
        <dd>
          <code>{unit.path}</code>
        </dd>
      </div>
      <div>
        <dt>Format</dt>
        <dd>
          {unit.format} ({unit.bits.toFixed(2)} bits)
        </dd>
      </div>
      <div>
        <dt>Bytes</dt>
        <dd>
          {bytes(unit.bytes)}, {bytes(unit.decode_bytes)} read a token
        </dd>
      </div>
      <div>
        <dt>Weights</dt>
        <dd>{count(unit.parameters)}</dd>
      </div>
      <div>
        <dt>KL divergence</dt>
        <dd>{unit.kld === null ? "not measured" : unit.kld.toExponential(2)}</dd>
      </div>
    </dl>
  );
}
