import { useState } from "preact/hooks";

import { Markdown } from "../../markdown/markdown";
import { servedModel } from "../../status";
import { CopyButton, IconButton } from "../../ui/controls";
import { Snippet } from "../../ui/snippet";
import { notice } from "../notice";
import { regenerate, replies } from "../session";
import type { AssistantTurn } from "../turns";
import { CallCards } from "./call-cards";
import { ReasoningFold } from "./reasoning-fold";
import { ReplyFigures } from "./reply-figures";
import { type Siblings, SiblingSteps } from "./sibling-steps";
import { SnippetDialog } from "./snippet-dialog";

interface AssistantProps {
  turn: AssistantTurn;
  siblings: Siblings;
  last: boolean;
}

export function AssistantView({ turn: kept, siblings, last }: AssistantProps) {
  const reply = replies.value.get(kept.id);
  const turn = reply ? reply.turn.value : kept;
  const streaming = turn.state === "streaming";
  return (
    <>
      {turn.reasoning && <ReasoningFold turn={turn} started={reply?.started ?? null} />}
      {streaming && !turn.reasoning && !turn.text && !turn.calls.length && <Waiting />}
      {turn.text && <Answer turn={turn} ended={!streaming} />}
      {turn.calls.length > 0 && <CallCards turn={turn} open={last && !streaming} />}
      <Ending turn={turn} />
      {!streaming && <Foot turn={turn} siblings={siblings} />}
    </>
  );
}

function Waiting() {
  return (
    <p class="waiting" role="status">
      <span class="pulse" aria-hidden="true" />
      Reading
    </p>
  );
}

function Answer({ turn, ended }: { turn: AssistantTurn; ended: boolean }) {
  if (!turn.asked["response_format"]) return <Markdown text={turn.text} ended={ended} />;
  return <Snippet code={pretty(turn.text)} language="json" />;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Why a reply is not whole, where it is not. */
function Ending({ turn }: { turn: AssistantTurn }) {
  const again = (): void => void notice.guard(() => regenerate(servedModel.value, turn));
  if (turn.state === "stopped") return <p class="ending">Stopped.</p>;
  if (turn.state === "done" && turn.finish === "length") {
    return <p class="ending">Ended by the limit on tokens.</p>;
  }
  if (turn.state !== "failed" && turn.state !== "interrupted") return null;
  const broke = turn.text || turn.reasoning ? "The reply broke off; what came is kept." : "No reply came.";
  return (
    <div class="notice bad" role="alert">
      <p>{turn.state === "failed" ? (turn.error ?? "The reply failed.") : broke}</p>
      <button type="button" onClick={again}>
        Try again
      </button>
    </div>
  );
}

function Foot({ turn, siblings }: { turn: AssistantTurn; siblings: Siblings }) {
  const [snippet, showSnippet] = useState(false);
  return (
    <footer class="turn-foot">
      <SiblingSteps siblings={siblings} />
      <CopyButton icon label="Copy answer" text={() => turn.text} />
      <IconButton
        icon="again"
        label="Another reply, as a new branch"
        onClick={() => notice.guard(() => regenerate(servedModel.value, turn))}
      />
      <IconButton icon="code" label="This request as curl or Python" onClick={() => showSnippet(true)} />
      <ReplyFigures turn={turn} />
      {snippet && <SnippetDialog turn={turn} close={() => showSnippet(false)} />}
    </footer>
  );
}
