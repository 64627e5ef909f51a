import { useState } from "preact/hooks";

import { CopyButton, IconButton } from "../../ui/controls";
import { servedModel } from "../../status";
import { notice } from "../notice";
import { say } from "../session";
import type { UserTurn } from "../turns";
import { type Siblings, SiblingSteps } from "./sibling-steps";

/** More of a pasted text is shown when asked for. */
const SHOWN = 12_000;

export function UserView({ turn, siblings }: { turn: UserTurn; siblings: Siblings }) {
  const [editing, edit] = useState(false);
  const [all, showAll] = useState(turn.text.length <= SHOWN);
  if (editing) return <Editor turn={turn} close={() => edit(false)} />;
  return (
    <>
      <div class="bubble">
        {all ? turn.text : turn.text.slice(0, SHOWN)}
        {!all && (
          <button type="button" class="quiet" onClick={() => showAll(true)}>
            Show all {turn.text.length.toLocaleString("en")} characters
          </button>
        )}
      </div>
      <footer class="turn-foot">
        <SiblingSteps siblings={siblings} />
        <CopyButton icon label="Copy message" text={() => turn.text} />
        <IconButton icon="edit" label="Edit as a new branch" onClick={() => edit(true)} />
      </footer>
    </>
  );
}

function Editor({ turn, close }: { turn: UserTurn; close: () => void }) {
  const [text, setText] = useState(turn.text);
  const send = (): void => {
    if (!text.trim()) return;
    close();
    notice.guard(() => say(servedModel.value, text, turn.parent));
  };
  return (
    <form
      class="editor"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        aria-label="Edit message"
        rows={Math.min(12, text.split("\n").length + 1)}
        value={text}
        autoFocus
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            event.stopPropagation();
            close();
          } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
            event.preventDefault();
            send();
          }
        }}
      />
      <div class="row end">
        <button type="button" class="quiet" onClick={close}>
          Cancel
        </button>
        <button type="submit" class="primary">
          Send as a new branch
        </button>
      </div>
    </form>
  );
}
