import { useMemo } from "preact/hooks";

import type { Inspection } from "../api/types";
import { eventRows } from "./grouping";

/** Events that are listed; a stream of more has said what it is by then. */
const SHOWN = 500;

/** What the parser makes of the tokens: its events, and what it found wrong. */
export function Verdict({ inspection, mark }: { inspection: Inspection; mark: (index: number) => void }) {
  const rows = useMemo(() => eventRows(inspection.events ?? []), [inspection]);
  const faults = inspection.faults ?? [];
  return (
    <section aria-labelledby="verdict">
      <h2 id="verdict">How it is understood</h2>
      <h3>Faults</h3>
      {faults.length === 0 && <p class="good">None.</p>}
      <ul class="faults">
        {faults.map((fault, index) => (
          <li key={index}>
            <button type="button" class="quiet" onClick={() => mark(fault.token)}>
              at {fault.token}
            </button>
            {fault.message}
          </li>
        ))}
      </ul>
      <h3>Events</h3>
      <ol class="events">
        {rows.slice(0, SHOWN).map((row, index) => (
          <li key={index}>
            <button type="button" class="quiet" onClick={() => mark(row.first)}>
              {row.first === row.last ? row.first : `${row.first}–${row.last}`}
            </button>
            <strong>{row.type.replaceAll("_", " ")}</strong> <span>{row.detail}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
