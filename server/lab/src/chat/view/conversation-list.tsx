import { useRef, useState } from "preact/hooks";

import { messageOf } from "../../api/errors";
import { announce } from "../../ui/announce";
import { IconButton } from "../../ui/controls";
import { Dialog } from "../../ui/dialog";
import { saveFile } from "../../ui/files";
import { ago } from "../../ui/format";
import { Icon } from "../../ui/icon";
import { hrefOf } from "../../ui/route";
import { notice } from "../notice";
import { archive, conversations, current, importArchive, kept, remove, rename } from "../session";
import type { Conversation } from "../turns";

/** So many are listed until more are asked for. */
const SHOWN = 100;

interface ListProps {
  startNew: () => void;
  close: () => void;
}

export function ConversationList({ startNew, close }: ListProps) {
  const [shown, setShown] = useState(SHOWN);
  const all = conversations.value;
  return (
    <nav class="panel conversations" aria-label="Conversations">
      <header class="panel-head">
        <button type="button" class="wide" onClick={startNew}>
          <Icon name="plus" />
          New conversation
        </button>
        <IconButton icon="close" label="Close the list" class="narrow-only" onClick={close} />
      </header>
      <ul class="panel-body">
        {all.slice(0, shown).map((each) => (
          <Entry key={each.id} conversation={each} close={close} />
        ))}
        {!all.length && <li class="muted pad">What you say stays in this browser.</li>}
        {all.length > shown && (
          <li>
            <button type="button" class="quiet" onClick={() => setShown(shown + SHOWN)}>
              More
            </button>
          </li>
        )}
      </ul>
      {!kept.value && <p class="notice">This browser keeps nothing: conversations end with the page.</p>}
      <Exchange />
    </nav>
  );
}

function Entry({ conversation, close }: { conversation: Conversation; close: () => void }) {
  const [asking, ask] = useState<"rename" | "remove" | null>(null);
  const chosen = current.value.id === conversation.id;
  const title = conversation.title || "New conversation";
  return (
    <li class={chosen ? "entry chosen" : "entry"}>
      <a href={hrefOf("chat", conversation.id)} aria-current={chosen ? "page" : undefined} onClick={close}>
        <span class="entry-title">{title}</span>
        <span class="fine">{ago(conversation.updated, Date.now())}</span>
      </a>
      <span class="entry-actions">
        <IconButton icon="edit" label={`Rename ${title}`} onClick={() => ask("rename")} />
        <IconButton icon="trash" label={`Delete ${title}`} onClick={() => ask("remove")} />
      </span>
      {asking === "rename" && <Rename conversation={conversation} close={() => ask(null)} />}
      {asking === "remove" && (
        <Dialog title="Delete this conversation?" onClose={() => ask(null)}>
          <p>“{title}” and all of its branches leave this browser. There is no other copy.</p>
          <div class="row end">
            <button type="button" onClick={() => ask(null)}>
              Keep
            </button>
            <button type="button" class="danger" onClick={() => void remove(conversation.id)}>
              Delete
            </button>
          </div>
        </Dialog>
      )}
    </li>
  );
}

function Rename({ conversation, close }: { conversation: Conversation; close: () => void }) {
  const [title, setTitle] = useState(conversation.title);
  return (
    <Dialog title="Rename" onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          close();
          void rename(conversation.id, title.trim());
        }}
      >
        <input
          aria-label="Title"
          value={title}
          autoFocus
          onInput={(event) => setTitle(event.currentTarget.value)}
        />
        <div class="row end">
          <button type="submit" class="primary">
            Rename
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Exchange() {
  const file = useRef<HTMLInputElement>(null);
  const save = async (id: string | null): Promise<void> => {
    saveFile(id === null ? "optiq-lab.json" : "conversation.json", await archive(id));
  };
  const read = async (files: FileList | null): Promise<void> => {
    const chosen = files?.[0];
    if (!chosen) return;
    try {
      const id = await importArchive(await chosen.text());
      announce("Imported.");
      if (id) location.hash = hrefOf("chat", id);
    } catch (error) {
      notice.shown.value = messageOf(error);
    }
  };
  return (
    <footer class="panel-foot">
      <button type="button" class="quiet" onClick={() => file.current?.click()}>
        Import
      </button>
      <button
        type="button"
        class="quiet"
        disabled={!current.value.leaf}
        onClick={() => void save(current.value.id)}
      >
        Export this
      </button>
      <button
        type="button"
        class="quiet"
        disabled={!conversations.value.length}
        onClick={() => void save(null)}
      >
        Export all
      </button>
      <input
        ref={file}
        type="file"
        accept="application/json"
        class="unseen"
        tabIndex={-1}
        aria-label="File to import"
        onChange={(event) => {
          void read(event.currentTarget.files);
          event.currentTarget.value = "";
        }}
      />
    </footer>
  );
}
