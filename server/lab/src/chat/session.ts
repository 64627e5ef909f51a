import { computed, signal } from "@preact/signals";

import {
  type AssistantTurn,
  type Conversation,
  DEFAULT_SETTINGS,
  newId,
  type Settings,
  titleOf,
} from "./turns";
import type { ToolTurn, Turn, UserTurn } from "./turns";
import { askedWith, messagesOf } from "./body";
import { readArchive } from "./exchange";
import { type Reply, startReply } from "./reply";
import { Store } from "./store";
import { type TabMessage, Tabs } from "./tabs";
import { newestLeaf, pathTo, type Tree, withTurns } from "./tree";

/** All conversations, newest first. */
export const conversations = signal<Conversation[]>([]);
/** The one that is looked at; it is written down when something is said in it. */
export const current = signal<Conversation>(fresh(DEFAULT_SETTINGS));
export const tree = signal<Tree>(new Map());
export const path = computed(() => pathTo(tree.value, current.value.leaf));
/** The replies that this tab is writing, by their turn's id. */
export const replies = signal<ReadonlyMap<string, Reply>>(new Map());
/** False where the browser keeps nothing (private windows of some). */
export const kept = signal(true);

const OWNER_ANSWER_MS = 800;
const store: Promise<Store | null> = Store.open().catch(() => {
  kept.value = false;
  return null;
});
const tabs = new Tabs(hear);

function fresh(settings: Settings): Conversation {
  const now = Date.now();
  return { id: newId(), title: "", created: now, updated: now, settings, leaf: null };
}

function listed(conversation: Conversation): void {
  const others = conversations.value.filter(({ id }) => id !== conversation.id);
  conversations.value = [conversation, ...others].sort((a, b) => b.updated - a.updated);
}

/** Writes turns down, with their conversation when that has changed, and tells the other tabs. */
async function save(turns: Turn[], conversation: Conversation | null): Promise<void> {
  await (await store)?.put(conversation ? [conversation] : [], turns);
  if (conversation) tabs.tell({ type: "conversation", conversation });
  for (const turn of turns) tabs.tell({ type: "turn", turn });
}

/** Adds turns to the current conversation and looks at the last one. */
function extend(turns: Turn[]): void {
  const last = turns.at(-1);
  if (!last) return;
  const first = turns[0];
  const title = current.value.title || (first?.role === "user" ? titleOf(first.text) : "");
  current.value = { ...current.value, title, leaf: last.id, updated: Date.now() };
  tree.value = withTurns(tree.value, turns);
  listed(current.value);
  void save(turns, current.value);
}

function emptyReply(parent: string | null, asked: Record<string, unknown>): AssistantTurn {
  return {
    id: newId(),
    conversation: current.value.id,
    parent,
    created: Date.now(),
    role: "assistant",
    text: "",
    reasoning: "",
    calls: [],
    state: "streaming",
    finish: null,
    error: null,
    usage: null,
    reasoningPieces: 0,
    times: { first: null, thought: null, ended: null },
    system: current.value.settings.system,
    asked,
  };
}

function closeReply(turn: AssistantTurn): void {
  const left = new Map(replies.value);
  left.delete(turn.id);
  if (tree.value.has(turn.id)) tree.value = withTurns(tree.value, [turn]);
  replies.value = left;
  void save([turn], null);
}

/** Says `before` and asks for the reply to it. Throws SettingsError before anything is said. */
function ask(model: string, before: Turn[], parent: string | null): void {
  const reply = emptyReply(before.at(-1)?.id ?? parent, askedWith(current.value.settings, model));
  const history = [...pathTo(tree.value, parent), ...before];
  extend([...before, reply]);
  const messages = messagesOf(history, reply.system);
  const keep = (turn: AssistantTurn): void => void save([turn], null);
  replies.value = new Map(replies.value).set(reply.id, startReply(reply, messages, keep, closeReply));
}

export function say(model: string, text: string, parent = current.value.leaf): void {
  const base = { id: newId(), conversation: current.value.id, parent, created: Date.now() };
  const turn: UserTurn = { ...base, role: "user", text };
  ask(model, [turn], parent);
}

/** Another reply beside this one. */
export function regenerate(model: string, turn: AssistantTurn): void {
  ask(model, [], turn.parent);
}

export function giveResults(model: string, call: AssistantTurn, results: ToolTurn["results"]): void {
  const base = { id: newId(), conversation: current.value.id, parent: call.id, created: Date.now() };
  const turn: ToolTurn = { ...base, role: "tool", results };
  ask(model, [turn], call.id);
}

export function stopReplies(): boolean {
  const running = path.value.map(({ id }) => replies.value.get(id)).filter((reply) => reply !== undefined);
  running.forEach((reply) => reply.stop());
  return running.length > 0;
}

/** Looks at the newest branch below a turn. */
export function lookAt(turn: string): void {
  const leaf = newestLeaf(tree.value, turn);
  current.value = { ...current.value, leaf };
  void store.then((open) => open?.amend(current.value.id, { leaf }));
}

export function changeSettings(change: Partial<Settings>): void {
  const settings = { ...current.value.settings, ...change };
  current.value = { ...current.value, settings };
  void store.then((open) => open?.amend(current.value.id, { settings }));
}

export async function rename(id: string, title: string): Promise<void> {
  await (await store)?.amend(id, { title });
  if (current.value.id === id) current.value = { ...current.value, title };
  const found = conversations.value.find((each) => each.id === id);
  if (!found) return;
  listed({ ...found, title });
  tabs.tell({ type: "conversation", conversation: { ...found, title } });
}

export async function remove(id: string): Promise<void> {
  await (await store)?.remove(id);
  forget(id);
  tabs.tell({ type: "removed", conversation: id });
}

function forget(id: string): void {
  conversations.value = conversations.value.filter((each) => each.id !== id);
  if (current.value.id === id) startNew();
}

/** An empty conversation with the settings of the one before; it is written down when something is said in it. */
export function startNew(): void {
  current.value = fresh(current.value.settings);
  tree.value = new Map();
}

/** False where there is no such conversation. */
export async function open(id: string): Promise<boolean> {
  if (current.value.id === id) return true;
  const opened = await store;
  const found = await opened?.conversation(id);
  if (!opened || !found) return false;
  tree.value = withTurns(new Map(), await opened.turns(id));
  current.value = found;
  void settleOrphans();
  return true;
}

/** Replies that nobody writes any more, because their page was closed, are marked as interrupted. */
async function settleOrphans(): Promise<void> {
  const open = [...tree.value.values()].filter(isStreaming).filter(({ id }) => !replies.value.has(id));
  if (!open.length) return;
  for (const { id, created } of open) heard.set(id, created);
  open.forEach(({ id }) => tabs.tell({ type: "owner", turn: id }));
  await new Promise((resolve) => setTimeout(resolve, OWNER_ANSWER_MS));
  const lost = open.filter(({ id, created }) => heard.get(id) === created);
  const settled = lost.map((turn): AssistantTurn => ({ ...turn, state: "interrupted" }));
  tree.value = withTurns(tree.value, settled);
  await save(settled, null);
}

const heard = new Map<string, number>();

function isStreaming(turn: Turn): turn is AssistantTurn {
  return turn.role === "assistant" && turn.state === "streaming";
}

function hear(message: TabMessage): void {
  switch (message.type) {
    case "conversation":
      listed(message.conversation);
      if (message.conversation.id === current.value.id) {
        current.value = { ...message.conversation, leaf: current.value.leaf };
      }
      return;
    case "turn":
      hearTurn(message.turn);
      return;
    case "removed":
      forget(message.conversation);
      return;
    case "owner": {
      const reply = replies.value.get(message.turn);
      if (reply) tabs.tell({ type: "turn", turn: reply.turn.value });
    }
  }
}

function hearTurn(turn: Turn): void {
  heard.set(turn.id, Date.now());
  if (turn.conversation !== current.value.id) return;
  const isNew = !tree.value.has(turn.id);
  tree.value = withTurns(tree.value, [turn]);
  if (isNew && turn.parent === current.value.leaf) current.value = { ...current.value, leaf: turn.id };
}

export async function loadConversations(): Promise<void> {
  conversations.value = (await (await store)?.conversations()) ?? [];
  const last = conversations.value[0];
  if (last && !current.value.leaf) current.value = { ...current.value, settings: last.settings };
}

/** Conversations as the text of a file: one, or all. */
export async function archive(id: string | null): Promise<string> {
  const opened = await store;
  const chosen = conversations.value.filter((each) => id === null || each.id === id);
  const entries = await Promise.all(
    chosen.map(async (conversation) => ({
      conversation,
      turns: (await opened?.turns(conversation.id)) ?? [],
    })),
  );
  return JSON.stringify({ format: "optiq-lab", version: 1, conversations: entries }, null, 1);
}

/** The id of the newest conversation of the file. Throws ArchiveError. */
export async function importArchive(source: string): Promise<string | null> {
  const entries = readArchive(source);
  for (const { conversation, turns } of entries) {
    await save(turns, conversation);
    listed(conversation);
  }
  return entries[0]?.conversation.id ?? null;
}
