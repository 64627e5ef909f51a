import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { servedModel, status } from "../../status";
import { Choice } from "../../ui/controls";
import { Icon } from "../../ui/icon";
import { notice } from "../notice";
import { changeSettings, current, path, replies, say, stopReplies } from "../session";
import type { Effort } from "../turns";

const EFFORTS: readonly (readonly [Effort, string, string])[] = [
  ["none", "None", "No reasoning"],
  ["low", "Low", "Low effort"],
  ["medium", "Medium", "Medium effort"],
  ["high", "High", "High effort"],
];

export const COMPOSER_ID = "composer";

/** The text that is written but not sent, by conversation, so that looking elsewhere does not lose it. */
const drafts = new Map<string, string>();

export function Composer() {
  const conversation = current.value.id;
  const [text, setText] = useState(drafts.get(conversation) ?? "");
  const area = useRef<HTMLTextAreaElement>(null);
  const busy = path.value.some(({ id }) => replies.value.has(id));
  const write = (next: string): void => {
    setText(next);
    drafts.set(conversation, next);
  };
  useEffect(() => setText(drafts.get(conversation) ?? ""), [conversation]);
  useLayoutEffect(() => {
    const element = area.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight, 260)}px`;
  }, [text]);
  const send = (): void => {
    if (busy || !text.trim()) return;
    if (notice.guard(() => say(servedModel.value, text))) write("");
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {notice.shown.value && (
        <p class="notice bad" role="alert">
          {notice.shown.value}
        </p>
      )}
      <div class="composer-box">
        <textarea
          id={COMPOSER_ID}
          ref={area}
          rows={1}
          aria-label="Message"
          placeholder="Ask the model"
          value={text}
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        <div class="row">
          <Choice
            label="Reasoning effort"
            options={EFFORTS}
            value={current.value.settings.effort}
            onChange={(effort) => changeSettings({ effort })}
          />
          <span class="grow" />
          <Action busy={busy} empty={!text.trim()} />
        </div>
      </div>
      <Context />
    </form>
  );
}

function Action({ busy, empty }: { busy: boolean; empty: boolean }) {
  if (busy) {
    return (
      <button
        type="button"
        class="round"
        title="Stop (Escape)"
        aria-label="Stop"
        onClick={() => stopReplies()}
      >
        <Icon name="stop" />
      </button>
    );
  }
  return (
    <button type="submit" class="round primary" title="Send (Enter)" aria-label="Send" disabled={empty}>
      <Icon name="send" />
    </button>
  );
}

/** How much of the context the branch takes, as of its last reply. */
function Context() {
  const usage = path.value.findLast((turn) => turn.role === "assistant" && turn.usage !== null);
  const context = status.value?.model?.context_length;
  if (usage?.role !== "assistant" || !usage.usage || !context)
    return <p class="fine">Runs on this machine only.</p>;
  const used = usage.usage.prompt + usage.usage.completion;
  return (
    <p class="fine">
      {used.toLocaleString("en")} of {context.toLocaleString("en")} tokens of context
    </p>
  );
}
