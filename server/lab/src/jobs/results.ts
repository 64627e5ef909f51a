import { isRecord } from "../api/errors";

type Json = Record<string, unknown>;

/** One point of a plot: bytes against KL divergence. Named allocations are marks beside the frontier. */
export interface Point {
  name: string;
  bytes: number;
  kld: number;
  mark: boolean;
  /** Whether the divergence is that of the whole, measured, and not the sum over its units. */
  measured: boolean;
}

const number = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;
const records = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isRecord) : []);

function pointOf(record: Json, mark: boolean): Point | null {
  const measured = isRecord(record["measured"]) ? number(record["measured"]["divergence"]) : null;
  const kld = measured ?? number(mark ? record["predicted"] : record["divergence"]);
  const bytes = number(record["bytes"]);
  const name = typeof record["name"] === "string" ? record["name"] : "";
  return bytes === null || kld === null ? null : { name, bytes, kld, mark, measured: measured !== null };
}

/** The frontier and the named allocations of `optiq pareto --json`, wherever a result holds them; empty for none. */
export function pointsOf(result: unknown): Point[] {
  if (!isRecord(result)) return [];
  const own = [
    ...records(result["points"]).map((record) => pointOf(record, false)),
    ...records(result["marks"]).map((record) => pointOf(record, true)),
  ].filter((point) => point !== null);
  return own.length ? own : Object.values(result).flatMap(pointsOf);
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
