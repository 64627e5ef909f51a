import { isRecord } from "../api/errors";

/** The lists of rows of a plan that are small enough to be read as tables. */
const MOST_ROWS = 400;

function cell(value: unknown): string {
  if (typeof value === "number")
    return Number.isInteger(value) ? value.toLocaleString("en") : value.toPrecision(4);
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
}

/** What `optiq.json` holds: its plain values, and its lists of rows as tables. */
export function PlanTable({ plan }: { plan: unknown }) {
  if (!isRecord(plan)) return null;
  const entries = Object.entries(plan);
  const plain = entries.filter(([, value]) => typeof value !== "object" && value !== null);
  const tables = entries.filter(
    (entry): entry is [string, Record<string, unknown>[]] =>
      Array.isArray(entry[1]) &&
      entry[1].length > 0 &&
      entry[1].length <= MOST_ROWS &&
      entry[1].every(isRecord),
  );
  return (
    <section aria-labelledby="plan">
      <h2 id="plan">The plan</h2>
      <dl class="inline">
        {plain.map(([name, value]) => (
          <div key={name}>
            <dt>{name.replaceAll("_", " ")}</dt>
            <dd>{cell(value)}</dd>
          </div>
        ))}
      </dl>
      {tables.map(([name, rows]) => (
        <Rows key={name} name={name.replaceAll("_", " ")} rows={rows} />
      ))}
    </section>
  );
}

export function Rows({ name, rows }: { name: string; rows: Record<string, unknown>[] }) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label={name}>
      <table>
        <caption>{name}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column.replaceAll("_", " ")}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {columns.map((column) => (
                <td key={column} class={typeof row[column] === "number" ? "number" : ""}>
                  {cell(row[column])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
