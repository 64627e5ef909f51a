import { useMemo, useState } from "preact/hooks";

import type { Token } from "../api/types";
import { count } from "../ui/format";
import { groupsOf, type MessageGroup, type Place } from "./grouping";

/** So many tokens are drawn until more are asked for. */
const SHOWN = 4000;
const CHANNELS = ["analysis", "commentary", "final"];

interface StreamProps {
  tokens: Token[];
  faults: { token: number }[];
  marked: number | null;
  mark: (index: number) => void;
}

/** The tokens, one message a row, coloured by channel. */
export function Stream({ tokens, faults, marked, mark }: StreamProps) {
  const [shown, setShown] = useState(SHOWN);
  const groups = useMemo(() => groupsOf(tokens.slice(0, shown)), [tokens, shown]);
  const faulty = useMemo(() => new Set(faults.map(({ token }) => token)), [faults]);
  const token = marked === null ? undefined : tokens[marked];
  return (
    <>
      <p class="legend">
        {[...CHANNELS, "control"].map((name) => (
          <span key={name} class={`swatch channel-${name}`}>
            {name}
          </span>
        ))}
      </p>
      <p class="token-details" aria-live="polite">
        {token ? (
          <>
            Token <strong>{marked}</strong>: id <code>{token.id}</code>,{" "}
            <code>{JSON.stringify(token.text)}</code>, {token.kind}
            {token.channel && `, channel ${token.channel}`}
            {token.role && `, role ${token.role}`}
          </>
        ) : (
          <span class="muted">Point at a token to see its id.</span>
        )}
      </p>
      <div
        class="stream"
        tabIndex={0}
        role="region"
        aria-label="Tokens"
        onMouseOver={(event) => hovered(event, mark)}
      >
        {groups.map((group) => (
          <Group key={group.places[0]?.index} group={group} faulty={faulty} marked={marked} />
        ))}
      </div>
      {tokens.length > shown && (
        <button type="button" onClick={() => setShown(shown + 4 * SHOWN)}>
          Show more of {count(tokens.length)}
        </button>
      )}
    </>
  );
}

function hovered(event: MouseEvent, mark: (index: number) => void): void {
  const index = event.target instanceof HTMLElement ? event.target.dataset["index"] : undefined;
  if (index !== undefined) mark(Number(index));
}

interface GroupProps {
  group: MessageGroup;
  faulty: Set<number>;
  marked: number | null;
}

function Group({ group, faulty, marked }: GroupProps) {
  const channel = group.channel && CHANNELS.includes(group.channel) ? group.channel : "none";
  const name = [group.role, group.channel].filter(Boolean).join(" · ") || "outside of messages";
  return (
    <div class={`message channel-${channel}`}>
      <span class="message-name">{name}</span>
      <span class="message-tokens">
        {group.places.map((place) => (
          <TokenMark
            key={place.index}
            place={place}
            faulty={faulty.has(place.index)}
            marked={marked === place.index}
          />
        ))}
      </span>
    </div>
  );
}

function TokenMark({
  place: { token, index },
  faulty,
  marked,
}: {
  place: Place;
  faulty: boolean;
  marked: boolean;
}) {
  const text = token.kind === "partial" && !token.text ? "·" : token.text.replaceAll("\n", "⏎\n");
  const names = ["token", token.kind, index % 2 ? "odd" : "", faulty ? "faulty" : "", marked ? "marked" : ""];
  return (
    <span class={names.filter(Boolean).join(" ")} data-index={index}>
      {text}
    </span>
  );
}
