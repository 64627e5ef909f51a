import { computed, signal } from "@preact/signals";

import { getJson, reachable } from "./api/connection";
import { ApiError } from "./api/errors";
import type { Status } from "./api/types";

/** The newest /v1/status; null before the first, and while the server does not answer. */
export const status = signal<Status | null>(null);
/** The server wants a key that it has not been given. */
export const locked = signal(false);

/** The served model's name; requests may name any, so an unknown one is no obstacle. */
export const servedModel = computed(() => status.value?.model?.id ?? lastModel);

let lastModel = "gpt-oss";

/** Asks once. What goes wrong is shown by `reachable` and `locked`, and never thrown. */
export async function readStatus(): Promise<void> {
  try {
    const answer = await getJson<Status>("/v1/status", { quiet: !locked.peek() && status.peek() !== null });
    lastModel = answer.model?.id ?? lastModel;
    status.value = answer;
    locked.value = false;
  } catch (error) {
    status.value = null;
    locked.value = error instanceof ApiError && error.status === 401;
    if (!(error instanceof ApiError)) reachable.value = false;
  }
}
