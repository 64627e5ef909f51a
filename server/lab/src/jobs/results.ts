import { isRecord } from "../api/errors";

type Json = Record<string, unknown>;

/** One point of a plot: bytes against KL divergence. */
export interface Point {
  name: string;
  bytes: number;
  kld: number;
  baseline: boolean;
}

const numberIn = (record: Json, keys: string[]): number | null => {
  for (const key of keys) {
    const value = record[key];
    if (typeof value === "number" && Number.isFinite(value)) return value;
    if (isRecord(value) && typeof value["mean"] === "number") return value["mean"];
  }
  return null;
};

const BYTES = ["bytes", "total_bytes", "size_bytes", "file_bytes"];
const KLD = ["kld", "kld_mean", "mean_kld", "measured_kld", "predicted_kld"];

function pointOf(record: Json, baseline: boolean): Point | null {
  const bytes = numberIn(record, BYTES);
  const kld = numberIn(record, KLD);
  const name = record["name"] ?? record["label"];
  if (bytes === null || kld === null) return null;
  return { name: typeof name === "string" ? name : "", bytes, kld, baseline };
}

/** The frontier and its baselines, wherever a result of quantizing holds them; empty where it holds none. */
export function pointsOf(result: unknown): Point[] {
  if (!isRecord(result)) return [];
  return Object.entries(result).flatMap(([key, value]) => {
    if (isRecord(value)) return pointsOf(value);
    if (!Array.isArray(value)) return [];
    const points = value.filter(isRecord).map((record) => pointOf(record, key.includes("baseline")));
    return points.filter((point) => point !== null);
  });
}

export interface Score {
  suite: string;
  accuracy: number;
  low: number | null;
  high: number | null;
  items: number | null;
}

function scoreOf(suite: string, record: Json): Score | null {
  const accuracy = numberIn(record, ["accuracy", "score"]);
  if (accuracy === null) return null;
  const interval = record["interval"];
  const pair = Array.isArray(interval) ? interval : [record["low"], record["high"]];
  const [low, high] = pair.map((each: unknown) => (typeof each === "number" ? each : null));
  return {
    suite,
    accuracy,
    low: low ?? null,
    high: high ?? null,
    items: numberIn(record, ["items", "count", "total"]),
  };
}

/** Accuracy by suite of a result of evaluating; `suites` is a list with names, or an object by name. */
export function scoresOf(result: unknown): Score[] {
  const suites = isRecord(result) ? result["suites"] : null;
  const named: [unknown, unknown][] = Array.isArray(suites)
    ? suites.map((each: unknown) => [isRecord(each) ? (each["suite"] ?? each["name"]) : null, each])
    : Object.entries(isRecord(suites) ? suites : {});
  return named.flatMap(([name, each]) => {
    const score = isRecord(each) && typeof name === "string" ? scoreOf(name, each) : null;
    return score ?? [];
  });
}
