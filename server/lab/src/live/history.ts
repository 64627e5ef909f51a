import type { Status } from "../api/types";

/** Totals of /metrics that /v1/status does not have. */
export interface Totals {
  firstTokenSeconds: number;
  firstTokens: number;
  cacheHits: number;
  cachedTokens: number;
  promptTokens: number;
}

/** One look at the server; rates are over the time since the look before. */
export interface Sample {
  at: number;
  tokensPerSecond: number;
  running: number;
  waiting: number;
  cacheBytes: number;
  memoryBytes: number;
  /** Mean of the replies that began since the look before; null where none did. */
  firstTokenSeconds: number | null;
}

/** Samples that are kept: two minutes, one a second. */
export const KEPT = 120;

/** Values of a Prometheus text by name, summed over labels. */
export function readMetrics(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = /^([a-z_:]+)(?:\{[^}]*\})? (\S+)/i.exec(line);
    if (match?.[1] && match[2]) values.set(match[1], (values.get(match[1]) ?? 0) + Number(match[2]));
  }
  return values;
}

export function totalsOf(metrics: Map<string, number>): Totals {
  const value = (name: string): number => metrics.get(`optiq_${name}`) ?? 0;
  return {
    firstTokenSeconds: value("time_to_first_token_seconds_sum"),
    firstTokens: value("time_to_first_token_seconds_count"),
    cacheHits: value("cache_hits_total"),
    cachedTokens: value("cached_tokens_total"),
    promptTokens: value("prompt_tokens_total"),
  };
}

export interface Look {
  at: number;
  status: Status;
  totals: Totals;
}

/** Tokens that came between two looks, of the replies that still run. */
function written(before: Status, now: Status): number {
  const earlier = new Map(before.running.map((each) => [each.request_id, each.completion_tokens]));
  return now.running.reduce(
    (sum, each) => sum + Math.max(0, each.completion_tokens - (earlier.get(each.request_id) ?? 0)),
    0,
  );
}

export function sampleOf(before: Look | null, now: Look): Sample {
  const passed = before ? Math.max(0.05, (now.at - before.at) / 1000) : 1;
  const begun = before ? now.totals.firstTokens - before.totals.firstTokens : 0;
  const waited = before ? now.totals.firstTokenSeconds - before.totals.firstTokenSeconds : 0;
  return {
    at: now.at,
    tokensPerSecond: before ? written(before.status, now.status) / passed : 0,
    running: now.status.running.length,
    waiting: now.status.queue.waiting,
    cacheBytes: now.status.cache.bytes,
    memoryBytes: now.status.memory.active_bytes,
    firstTokenSeconds: begun > 0 ? waited / begun : null,
  };
}
