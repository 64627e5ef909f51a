import { getJson } from "../api/connection";
import type { Job } from "../api/types";
import { Loaded } from "../ui/loaded";
import { scoresOf } from "./results";
import { type ScoreColumn, ScoreTable } from "./score-table";

/** Runs that are compared at once; more do not fit side by side. */
const MOST = 4;

async function columnOf(job: Job): Promise<ScoreColumn> {
  const name = new Date(job.created * 1000).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
  return {
    name,
    scores: scoresOf(await getJson<unknown>(`/v1/lab/jobs/${encodeURIComponent(job.id)}/result`)),
  };
}

/** The newest evaluations beside one another, where there are several. */
export function Comparison({ jobs }: { jobs: Job[] }) {
  const done = jobs.filter(({ kind, state }) => kind === "evaluate" && state === "done").slice(0, MOST);
  if (done.length < 2) return null;
  return (
    <section aria-labelledby="comparison">
      <h2 id="comparison">Evaluations side by side</h2>
      <Loaded key={done.map(({ id }) => id).join()} load={() => Promise.all(done.map(columnOf))}>
        {(columns) => <ScoreTable columns={columns} />}
      </Loaded>
    </section>
  );
}
