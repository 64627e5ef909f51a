import { useState } from "preact/hooks";

import { getJson } from "../api/connection";
import { messageOf } from "../api/errors";
import type { Job } from "../api/types";
import { announce } from "../ui/announce";
import { Choice } from "../ui/controls";
import { usePolling } from "../ui/polling";
import { Page } from "../ui/page";
import { Comparison } from "./comparison";
import { JobCard } from "./job-card";
import { EvaluateJob, QuantizeJob } from "./job-forms";

const KINDS = [
  ["quantize", "Quantize"],
  ["evaluate", "Evaluate"],
] as const;

export default function JobsView() {
  const [kind, setKind] = useState<Job["kind"]>("quantize");
  const [jobs, setJobs] = useState<Job[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const read = async (): Promise<void> => {
    try {
      setJobs((await getJson<{ jobs: Job[] }>("/v1/lab/jobs")).jobs);
      setProblem(null);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  usePolling(read, 1500);
  const started = (job: Job): void => {
    setJobs((old) => [job, ...(old ?? [])]);
    announce("The job has started.");
  };
  return (
    <Page title="Jobs">
      <p class="muted">A job is a process of its own on this machine. It goes on when this page is closed.</p>
      <section class="new-job" aria-label="New job">
        <Choice label="Kind of job" options={KINDS} value={kind} onChange={setKind} />
        {kind === "quantize" ? <QuantizeJob started={started} /> : <EvaluateJob started={started} />}
      </section>
      <section aria-labelledby="jobs">
        <h2 id="jobs">Jobs</h2>
        {problem && <p class="notice bad">{problem}</p>}
        {jobs?.length === 0 && <p class="muted">None yet.</p>}
        <ul class="jobs">
          {jobs?.map((job) => (
            <JobCard key={job.id} job={job} changed={() => void read()} />
          ))}
        </ul>
      </section>
      {jobs && <Comparison jobs={jobs} />}
    </Page>
  );
}
