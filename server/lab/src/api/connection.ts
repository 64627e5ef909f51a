import { signal } from "@preact/signals";

import { apiError, type ApiError, Unreachable } from "./errors";

/** Whether the last request reached the server. */
export const reachable = signal(true);

/** What is asked of the user: a key, and whether one was refused before. The key itself is never stored. */
export const keyRequest = signal<{ refused: boolean } | null>(null);

let key: string | null = null;
let waiting: { promise: Promise<boolean>; settle: (given: boolean) => void } | null = null;

export function hasKey(): boolean {
  return key !== null;
}

/** The user's answer to `keyRequest`; null for none. */
export function answerKeyRequest(given: string | null): void {
  if (given !== null) key = given;
  keyRequest.value = null;
  waiting?.settle(given !== null);
  waiting = null;
}

function askForKey(sent: string | null): Promise<boolean> {
  if (sent !== key) return Promise.resolve(true);
  if (!waiting) {
    let settle: (given: boolean) => void = () => {};
    const promise = new Promise<boolean>((resolve) => (settle = resolve));
    waiting = { promise, settle };
    keyRequest.value = { refused: sent !== null };
  }
  return waiting.promise;
}

export interface Ask {
  method?: "GET" | "POST" | "DELETE";
  body?: unknown;
  signal?: AbortSignal;
  /** Whether a 401 asks the user for the key; what polls leaves that to what the user does. */
  quiet?: boolean;
}

async function send(path: string, ask: Ask): Promise<Response> {
  const headers = new Headers();
  if (key !== null) headers.set("Authorization", `Bearer ${key}`);
  if (ask.body !== undefined) headers.set("Content-Type", "application/json");
  const init: RequestInit = { method: ask.method ?? (ask.body === undefined ? "GET" : "POST"), headers };
  if (ask.body !== undefined) init.body = JSON.stringify(ask.body);
  if (ask.signal) init.signal = ask.signal;
  try {
    const response = await fetch(path, init);
    reachable.value = true;
    return response;
  } catch (error) {
    if (ask.signal?.aborted) throw error;
    reachable.value = false;
    throw new Unreachable();
  }
}

async function failure(response: Response): Promise<ApiError> {
  return apiError(response.status, await response.json().catch(() => null));
}

/** A response with a 2xx status; everything else is thrown as an error. A 401 asks for the key and tries again. */
export async function request(path: string, ask: Ask = {}): Promise<Response> {
  for (;;) {
    const sent = key;
    const response = await send(path, ask);
    if (response.ok) return response;
    const error = await failure(response);
    if (response.status !== 401 || ask.quiet || !(await askForKey(sent))) throw error;
  }
}

/** The body of a JSON answer; its shape is what the API's page says. */
export async function getJson<T>(path: string, ask: Ask = {}): Promise<T> {
  return (await (await request(path, ask)).json()) as T;
}

export async function getText(path: string, ask: Ask = {}): Promise<string> {
  return (await request(path, ask)).text();
}
