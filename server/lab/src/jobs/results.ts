import { isRecord } from "../api/errors";

type Json = Record<string, unknown>;

/** One point of a plot: bytes against KL divergence. Named ones stand beside the frontier; one may be the job's own. */
export interface Point {
  name: string;
  bytes: number;
  kld: number;
  kind: "frontier" | "other" | "own";
  /** Whether the divergence is that of the whole, measured, and not the sum over its units. */
  measured: boolean;
}

const number = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;
const records = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isRecord) : []);

function pointOf(record: Json, kind: "frontier" | "other"): Point | null {
  const measured = isRecord(record["measured"]) ? number(record["measured"]["divergence"]) : null;
  const kld = measured ?? number(kind === "other" ? record["predicted"] : record["divergence"]);
  const bytes = number(record["bytes"]);
  const name = typeof record["name"] === "string" ? record["name"] : "";
  return bytes === null || kld === null ? null : { name, bytes, kld, kind, measured: measured !== null };
}

/** The checkpoint that was written, as `optiq quantize --json` measured it. */
function written(evidence: unknown): Point[] {
  if (!isRecord(evidence) || !isRecord(evidence["divergence"])) return [];
  const [size, kld] = [number(evidence["bytes"]), number(evidence["divergence"]["mean"])];
  return size === null || kld === null
    ? []
    : [{ name: "this checkpoint", bytes: size, kld, kind: "own", measured: true }];
}

/** The frontier and the named allocations of `optiq pareto --json`, wherever a result holds them; empty for none. */
export function pointsOf(result: unknown): Point[] {
  if (!isRecord(result)) return [];
  const here = [
    ...written(result["evidence"]),
    ...records(result["points"]).map((record) => pointOf(record, "frontier")),
    ...records(result["marks"]).map((record) => pointOf(record, "other")),
  ].filter((point) => point !== null);
  return [...here, ...Object.values(result).flatMap(pointsOf)];
}

export interface Score {
  suite: string;
  accuracy: number;
  low: number | null;
  high: number | null;
  items: number | null;
}

/** Accuracy by suite, of `optiq eval --json`; empty where a result has none. */
export function scoresOf(result: unknown): Score[] {
  const suites = isRecord(result) && isRecord(result["suites"]) ? result["suites"] : {};
  return Object.entries(suites).flatMap(([suite, entry]) => {
    const estimate = isRecord(entry) && isRecord(entry["accuracy"]) ? entry["accuracy"] : {};
    const accuracy = number(estimate["value"]);
    if (accuracy === null) return [];
    const [low, high] = [number(estimate["low"]), number(estimate["high"])];
    return [{ suite, accuracy, low, high, items: number(estimate["items"]) }];
  });
}
