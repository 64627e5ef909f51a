/** What the server's own endpoints answer; docs/api.md is the reference. */

export interface Status {
  version: string;
  state: "loading" | "ready" | "draining" | "failed" | "stopped";
  uptime_seconds: number;
  model: { id: string; architecture: string; context_length: number; weight_bytes: number } | null;
  queue: { waiting: number; limit: number };
  running: RunningRequest[];
  cache: { entries: number; bytes: number; capacity_bytes: number };
  memory: { active_bytes: number; peak_bytes: number; pooled_bytes: number };
  limits: { max_running: number; max_waiting: number; time_limit_seconds: number };
}

export interface RunningRequest {
  request_id: string;
  age_seconds: number;
  prompt_tokens: number;
  computed_tokens: number;
  cached_tokens: number;
  completion_tokens: number;
}

export interface Unit {
  path: string;
  role: string;
  layer: number | null;
  parameters: number;
  format: string;
  bits: number;
  bytes: number;
  decode_bytes: number;
  kld: number | null;
}

export interface LabModel {
  id: string;
  folder_name: string;
  architecture: string;
  context_length: number;
  vocabulary_size: number;
  weight_bytes: number;
  kv_bytes_per_1000_tokens: number;
  kv_window_bytes: number;
  memory: { available_bytes: number | null };
  layers: number;
  units: Unit[];
  other_bytes: number;
  bits_per_weight: number;
  baselines: { name: string; bytes: number }[];
  plan: unknown;
}

export interface Token {
  id: number;
  text: string;
  kind: "control" | "text" | "partial";
  channel: string | null;
  message: number | null;
  role: string | null;
}

export interface ParsedEvent {
  token: number;
  type: string;
  [field: string]: unknown;
}

export interface Inspection {
  tokens: Token[];
  text?: string;
  events?: ParsedEvent[];
  faults?: { token: number; message: string }[];
}

export interface Client {
  id: string;
  name: string;
  kind: "file" | "environment" | "impossible";
  path: string | null;
  language: string;
  snippet: string;
  steps: string[];
  note: string | null;
}

export interface Job {
  id: string;
  kind: "quantize" | "evaluate";
  options: Record<string, unknown>;
  state: "running" | "done" | "failed" | "cancelled";
  created: number;
  ended: number | null;
  progress: { phase: string; done: number; total: number; seconds_left: number | null } | null;
  error: string | null;
  has_result: boolean;
}
