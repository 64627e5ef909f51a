import type { Score } from "./results";

export interface ScoreColumn {
  name: string;
  scores: Score[];
}

const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;

function cell(score: Score | undefined): string {
  if (!score) return "–";
  const interval =
    score.low !== null && score.high !== null ? ` (${percent(score.low)} to ${percent(score.high)})` : "";
  return percent(score.accuracy) + interval + (score.items === null ? "" : `, ${score.items} items`);
}

/** Runs side by side: a suite a row, a run a column, with the interval where the run tells one. */
export function ScoreTable({ columns }: { columns: ScoreColumn[] }) {
  const suites = [...new Set(columns.flatMap(({ scores }) => scores.map(({ suite }) => suite)))];
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label="Accuracy">
      <table>
        <thead>
          <tr>
            <th scope="col">Suite</th>
            {columns.map(({ name }) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {suites.map((suite) => (
            <tr key={suite}>
              <th scope="row">{suite}</th>
              {columns.map(({ name, scores }) => (
                <td key={name} class="number">
                  {cell(scores.find((score) => score.suite === suite))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
