import { useState } from "preact/hooks";

import { getJson, getText, request } from "../api/connection";
import { messageOf } from "../api/errors";
import type { Job } from "../api/types";
import { ago, count, seconds } from "../ui/format";
import { Loaded } from "../ui/loaded";
import { usePolling } from "../ui/polling";
import { Frontier } from "./frontier";
import { pointsOf, scoresOf } from "./results";
import { ScoreTable } from "./score-table";

const NAMES = { quantize: "Quantize", evaluate: "Evaluate" } as const;

function subjectOf({ kind, options }: Job): string {
  if (kind === "evaluate") return Array.isArray(options["suites"]) ? options["suites"].join(", ") : "";
  const budget =
    options["size"] ?? (options["bpw"] === undefined ? "" : `${String(options["bpw"])} bits per weight`);
  return `${String(options["checkpoint"] ?? "")} · ${String(budget)}`;
}

interface CardProps {
  job: Job;
  changed: () => void;
}

export function JobCard({ job, changed }: CardProps) {
  const [shown, show] = useState<"log" | "result" | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const path = `/v1/lab/jobs/${encodeURIComponent(job.id)}`;
  const act = async (way: string, method: "POST" | "DELETE"): Promise<void> => {
    setProblem(null);
    try {
      await request(way, { method });
    } catch (error) {
      setProblem(messageOf(error));
    }
    changed();
  };
  const toggle = (what: "log" | "result"): void => show(shown === what ? null : what);
  return (
    <li class="card job" aria-label={`${NAMES[job.kind]} ${subjectOf(job)}`}>
      <header>
        <strong>{NAMES[job.kind]}</strong>
        <span class="grow subject">{subjectOf(job)}</span>
        <span class={`state ${job.state}`}>{job.state}</span>
      </header>
      {job.state === "running" && <Progress job={job} />}
      {job.error && <p class="notice bad">{job.error}</p>}
      {problem && (
        <p class="notice bad" role="alert">
          {problem}
        </p>
      )}
      <div class="row">
        <span class="fine grow">{timing(job)}</span>
        {job.has_result && (
          <button
            type="button"
            class="quiet"
            aria-expanded={shown === "result"}
            onClick={() => toggle("result")}
          >
            {job.state === "done" ? "Result" : "Result so far"}
          </button>
        )}
        <button type="button" class="quiet" aria-expanded={shown === "log"} onClick={() => toggle("log")}>
          Log
        </button>
        {job.state === "running" ? (
          <button type="button" class="quiet" onClick={() => void act(`${path}/cancel`, "POST")}>
            Cancel
          </button>
        ) : (
          <button type="button" class="quiet" onClick={() => void act(path, "DELETE")}>
            Remove
          </button>
        )}
      </div>
      {shown === "log" && <Log path={`${path}/log`} running={job.state === "running"} />}
      {shown === "result" && (
        <Loaded load={() => getJson<unknown>(`${path}/result`)}>{(value) => <Result value={value} />}</Loaded>
      )}
    </li>
  );
}

function timing({ created, ended }: Job): string {
  if (ended !== null) return `Took ${seconds(ended - created)}, ended ${ago(ended * 1000, Date.now())}`;
  return `Started ${ago(created * 1000, Date.now())}`;
}

function Progress({ job }: { job: Job }) {
  const now = job.progress;
  if (!now) return <p class="muted">Starting…</p>;
  const left = now.seconds_left === null ? "" : `, ${seconds(now.seconds_left)} left`;
  const told = now.total > 0 ? `${count(now.done)} of ${count(now.total)}` : count(now.done);
  return (
    <div class="progress">
      <progress aria-label={now.phase} max={now.total || 1} value={now.total ? now.done : undefined} />
      <p class="fine">
        {now.phase}: {told}
        {left}
      </p>
    </div>
  );
}

function Log({ path, running }: { path: string; running: boolean }) {
  const [text, setText] = useState("");
  usePolling(
    async () => {
      await getText(path, { quiet: true }).then(setText, (error: unknown) => setText(messageOf(error)));
    },
    running ? 2000 : 600_000,
    running,
  );
  return (
    <pre class="log" tabIndex={0} role="region" aria-label="Log">
      {text || "Nothing yet."}
    </pre>
  );
}

function Result({ value }: { value: unknown }) {
  const points = pointsOf(value);
  const scores = scoresOf(value);
  return (
    <>
      {points.length > 0 && <Frontier points={points} />}
      {scores.length > 0 && <ScoreTable columns={[{ name: "accuracy", scores }]} />}
      <details>
        <summary>As JSON</summary>
        <pre class="log" tabIndex={0} role="region" aria-label="Result as JSON">
          {JSON.stringify(value, null, 2)}
        </pre>
      </details>
    </>
  );
}
