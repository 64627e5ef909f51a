/** What the server said instead of an answer: OpenAI's error object, or a status alone. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string | null;
  readonly field: string | null;
  readonly detail: unknown;

  constructor(status: number, message: string, code: string | null, field: string | null, detail: unknown) {
    super(message);
    this.status = status;
    this.code = code;
    this.field = field;
    this.detail = detail;
  }
}

/** The server could not be reached, or went away in the middle of an answer. */
export class Unreachable extends Error {
  constructor() {
    super("The server does not answer.");
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const textOr = <T>(value: unknown, other: T): string | T => (typeof value === "string" ? value : other);

/** An answer's body, or the data of an error event, as an error. */
export function apiError(status: number, body: unknown): ApiError {
  const error = isRecord(body) && isRecord(body["error"]) ? body["error"] : {};
  const message = textOr(
    error["message"],
    status ? `The server answered with ${status}.` : "The reply failed.",
  );
  return new ApiError(status, message, textOr(error["code"], null), textOr(error["param"], null), error);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
