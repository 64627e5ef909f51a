import { request } from "../api/connection";
import { apiError, isRecord, Unreachable } from "../api/errors";
import { EventSplitter } from "../api/sse";

/** The chunks of a streamed chat, until `[DONE]`. A stream that ends before that is `Unreachable`. */
export async function* streamChat(
  body: Record<string, unknown>,
  signal: AbortSignal,
): AsyncGenerator<Record<string, unknown>> {
  const streamed = { ...body, stream: true, stream_options: { include_usage: true } };
  const response = await request("/v1/chat/completions", { body: streamed, signal });
  if (!response.body) throw new Unreachable();
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const splitter = new EventSplitter();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Unreachable();
      for (const data of splitter.feed(decoder.decode(value, { stream: true }))) {
        if (data === "[DONE]") return;
        const chunk: unknown = JSON.parse(data);
        if (!isRecord(chunk)) continue;
        if (isRecord(chunk["error"])) throw apiError(0, chunk);
        yield chunk;
      }
    }
  } catch (error) {
    // A connection that breaks while a body is read is a TypeError ("network error").
    throw error instanceof TypeError ? new Unreachable() : error;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
