/** What the forms of a job ask for, and what is sent of it. */

export interface QuantizeForm {
  checkpoint: string;
  out: string;
  budget: "bpw" | "size";
  bpw: string;
  size: string;
  calibration: string;
  experts: "keep" | "measure";
}

export interface EvaluateForm {
  suites: string[];
  data: string;
  limit: string;
  effort: "low" | "medium" | "high";
}

export const SUITES = ["mmlu", "gsm8k", "ifeval", "bfcl", "humaneval", "hashhop", "pocket"] as const;

/** A form that cannot be sent as it stands. */
export class FormError extends Error {}

function demand(text: string, what: string): string {
  if (!text.trim()) throw new FormError(`${what} is missing.`);
  return text.trim();
}

export function quantizeOptions(form: QuantizeForm): Record<string, unknown> {
  const options: Record<string, unknown> = {
    checkpoint: demand(form.checkpoint, "The checkpoint"),
    out: demand(form.out, "The folder for the result"),
    calibration: form.calibration.trim() || null,
    experts: form.experts,
  };
  if (form.budget === "size") return { ...options, size: demand(form.size, "The size") };
  const bpw = Number(demand(form.bpw, "The number of bits"));
  if (!(bpw > 0 && bpw <= 32)) throw new FormError("Bits per weight are a number above 0, up to 32.");
  return { ...options, bpw };
}

export function evaluateOptions(form: EvaluateForm): Record<string, unknown> {
  if (!form.suites.length) throw new FormError("Choose at least one suite.");
  const limit = form.limit.trim() ? Number(form.limit) : null;
  if (limit !== null && !(Number.isInteger(limit) && limit > 0)) {
    throw new FormError("The limit is a whole number above 0, or nothing.");
  }
  return {
    suites: form.suites,
    data: form.data.trim() || null,
    limit,
    reasoning_effort: form.effort,
    base_url: null,
  };
}
