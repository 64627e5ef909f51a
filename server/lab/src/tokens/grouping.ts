import type { ParsedEvent, Token } from "../api/types";

export interface Place {
  token: Token;
  index: number;
}

/** Tokens of one message, in the order of the stream. */
export interface MessageGroup {
  message: number | null;
  channel: string | null;
  role: string | null;
  places: Place[];
}

export function groupsOf(tokens: Token[]): MessageGroup[] {
  const groups: MessageGroup[] = [];
  tokens.forEach((token, index) => {
    const last = groups.at(-1);
    if (last && last.message === token.message) {
      last.places.push({ token, index });
      last.channel ??= token.channel;
      last.role ??= token.role;
    } else {
      const { message, channel, role } = token;
      groups.push({ message, channel, role, places: [{ token, index }] });
    }
  });
  return groups;
}

/** Events that follow one another and only bring text are one. */
export interface EventRow {
  first: number;
  last: number;
  type: string;
  detail: string;
}

/** The field in which an event brings a piece of a text; null where it is no such event. */
function pieceField(event: ParsedEvent): string | null {
  if (typeof event["text"] === "string") return "text";
  return event.type.endsWith("arguments") && typeof event["arguments"] === "string" ? "arguments" : null;
}

function pieceOf(event: ParsedEvent): string | null {
  const field = pieceField(event);
  return field === null ? null : String(event[field]);
}

function fieldsOf(event: ParsedEvent): string {
  const untold = ["token", "type", pieceField(event)];
  const fields = Object.entries(event).filter(
    ([name, value]) => !untold.includes(name) && value !== null && value !== "",
  );
  const words = fields.map(
    ([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return words.join(", ");
}

export function eventRows(events: ParsedEvent[]): EventRow[] {
  const rows: (EventRow & { fields: string; text: string | null })[] = [];
  for (const event of events) {
    const text = pieceOf(event);
    const fields = fieldsOf(event);
    const last = rows.at(-1);
    if (last && text !== null && last.text !== null && last.type === event.type && last.fields === fields) {
      last.text += text;
      last.last = event.token;
    } else {
      rows.push({ first: event.token, last: event.token, type: event.type, detail: "", fields, text });
    }
  }
  return rows.map(({ first, last, type, fields, text }) => {
    const quoted = text === null ? "" : JSON.stringify(text);
    return { first, last, type, detail: [fields, quoted].filter(Boolean).join(": ") };
  });
}
