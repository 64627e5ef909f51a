import { useState } from "preact/hooks";

import { getJson } from "../api/connection";
import { ApiError, messageOf } from "../api/errors";
import type { Job } from "../api/types";
import { Choice, Field } from "../ui/controls";
import { type EvaluateForm, evaluateOptions, type QuantizeForm, quantizeOptions, SUITES } from "./options";

const BUDGETS = [
  ["bpw", "Bits per weight"],
  ["size", "Size"],
] as const;
const EXPERTS = [
  ["keep", "Keep as they are"],
  ["measure", "Measure"],
] as const;
const EFFORTS = [
  ["low", "Low"],
  ["medium", "Medium"],
  ["high", "High"],
] as const;

/** Starts a job; where memory is short beside the worker, asks before it shares. */
function useStart(kind: Job["kind"], options: () => Record<string, unknown>, started: (job: Job) => void) {
  const [problem, setProblem] = useState<{ text: string; memory: boolean } | null>(null);
  const start = async (share: boolean): Promise<void> => {
    setProblem(null);
    try {
      const body = { kind, options: options(), share_memory: share };
      started(await getJson<Job>("/v1/lab/jobs", { body }));
    } catch (error) {
      const memory = error instanceof ApiError && error.status === 409 && error.code === "memory";
      setProblem({ text: messageOf(error), memory });
    }
  };
  const shown = problem && (
    <div class="notice bad" role="alert">
      <p>{problem.text}</p>
      {problem.memory && (
        <button type="button" onClick={() => void start(true)}>
          Start it all the same
        </button>
      )}
    </div>
  );
  return { start: () => void start(false), shown };
}

export function QuantizeJob({ started }: { started: (job: Job) => void }) {
  const [form, setForm] = useState<QuantizeForm>({
    checkpoint: "",
    out: "",
    budget: "bpw",
    bpw: "4.5",
    size: "",
    calibration: "",
    experts: "keep",
  });
  const set = (change: Partial<QuantizeForm>): void => setForm({ ...form, ...change });
  const { start, shown } = useStart("quantize", () => quantizeOptions(form), started);
  return (
    <form
      class="job-form"
      onSubmit={(event) => {
        event.preventDefault();
        start();
      }}
    >
      <Field label="Checkpoint" hint="A folder on this machine, or a repository.">
        <input value={form.checkpoint} onInput={(event) => set({ checkpoint: event.currentTarget.value })} />
      </Field>
      <Field label="Result goes to" hint="A folder that does not exist yet.">
        <input value={form.out} onInput={(event) => set({ out: event.currentTarget.value })} />
      </Field>
      <div class="stack">
        <span class="field-name">Budget</span>
        <Choice label="Budget" options={BUDGETS} value={form.budget} onChange={(budget) => set({ budget })} />
        {form.budget === "bpw" ? (
          <input
            aria-label="Bits per weight"
            inputMode="decimal"
            value={form.bpw}
            onInput={(event) => set({ bpw: event.currentTarget.value })}
          />
        ) : (
          <input
            aria-label="Size"
            placeholder="10.6GiB"
            value={form.size}
            onInput={(event) => set({ size: event.currentTarget.value })}
          />
        )}
      </div>
      <Field label="Calibration text" hint="Nothing means the text that comes with OptiQ.">
        <input
          value={form.calibration}
          onInput={(event) => set({ calibration: event.currentTarget.value })}
        />
      </Field>
      <div class="stack">
        <span class="field-name">Native experts</span>
        <Choice
          label="Native experts"
          options={EXPERTS}
          value={form.experts}
          onChange={(experts) => set({ experts })}
        />
      </div>
      {shown}
      <div class="row end">
        <button type="submit" class="primary">
          Start quantizing
        </button>
      </div>
    </form>
  );
}

export function EvaluateJob({ started }: { started: (job: Job) => void }) {
  const [form, setForm] = useState<EvaluateForm>({
    suites: ["pocket"],
    data: "",
    limit: "",
    effort: "medium",
  });
  const set = (change: Partial<EvaluateForm>): void => setForm({ ...form, ...change });
  const { start, shown } = useStart("evaluate", () => evaluateOptions(form), started);
  const toggle = (suite: string): void => {
    const has = form.suites.includes(suite);
    set({ suites: has ? form.suites.filter((each) => each !== suite) : [...form.suites, suite] });
  };
  return (
    <form
      class="job-form"
      onSubmit={(event) => {
        event.preventDefault();
        start();
      }}
    >
      <fieldset>
        <legend>Suites</legend>
        <div class="checks">
          {SUITES.map((suite) => (
            <label key={suite}>
              <input type="checkbox" checked={form.suites.includes(suite)} onChange={() => toggle(suite)} />
              {suite}
            </label>
          ))}
        </div>
      </fieldset>
      <Field label="Folder with the data" hint="Nothing means the hub, through the usual cache.">
        <input value={form.data} onInput={(event) => set({ data: event.currentTarget.value })} />
      </Field>
      <Field label="Items of each suite" hint="Nothing means all.">
        <input
          inputMode="numeric"
          value={form.limit}
          onInput={(event) => set({ limit: event.currentTarget.value })}
        />
      </Field>
      <div class="stack">
        <span class="field-name">Reasoning effort</span>
        <Choice
          label="Reasoning effort"
          options={EFFORTS}
          value={form.effort}
          onChange={(effort) => set({ effort })}
        />
      </div>
      {shown}
      <div class="row end">
        <button type="submit" class="primary">
          Start evaluating this server
        </button>
      </div>
    </form>
  );
}
