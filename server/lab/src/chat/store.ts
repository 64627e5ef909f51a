import { type DBSchema, type IDBPDatabase, openDB } from "idb";

import type { Conversation, Turn } from "./turns";

interface Schema extends DBSchema {
  conversations: { key: string; value: Conversation };
  turns: { key: string; value: Turn; indexes: { conversation: string } };
}

/**
 * Conversations in the browser's IndexedDB. Each turn is a row of its own, so two tabs that write at once lose
 * nothing; a conversation's row is only changed by reading and writing it in one transaction.
 */
export class Store {
  private readonly db: IDBPDatabase<Schema>;

  private constructor(db: IDBPDatabase<Schema>) {
    this.db = db;
  }

  static async open(name = "optiq-lab"): Promise<Store> {
    const db = await openDB<Schema>(name, 1, {
      upgrade(fresh) {
        fresh.createObjectStore("conversations", { keyPath: "id" });
        fresh.createObjectStore("turns", { keyPath: "id" }).createIndex("conversation", "conversation");
      },
      // Another tab with a newer page wants to upgrade: it may.
      blocking: (_old, _new, event) => (event.target as IDBDatabase).close(),
    });
    return new Store(db);
  }

  /** Newest first. */
  async conversations(): Promise<Conversation[]> {
    const all = await this.db.getAll("conversations");
    return all.sort((a, b) => b.updated - a.updated);
  }

  async conversation(id: string): Promise<Conversation | null> {
    return (await this.db.get("conversations", id)) ?? null;
  }

  async turns(conversation: string): Promise<Turn[]> {
    return this.db.getAllFromIndex("turns", "conversation", conversation);
  }

  /** Adds or replaces rows as one step. */
  async put(conversations: Conversation[], turns: Turn[]): Promise<void> {
    const change = this.db.transaction(["conversations", "turns"], "readwrite");
    const rows = [
      ...conversations.map((row) => change.objectStore("conversations").put(row)),
      ...turns.map((row) => change.objectStore("turns").put(row)),
    ];
    await Promise.all([...rows, change.done]);
  }

  /** Writes some of a conversation's fields and leaves the others as they are now. */
  async amend(id: string, fields: Partial<Conversation>): Promise<void> {
    const change = this.db.transaction("conversations", "readwrite");
    const row = await change.store.get(id);
    if (row) await change.store.put({ ...row, ...fields });
    await change.done;
  }

  async remove(id: string): Promise<void> {
    const change = this.db.transaction(["conversations", "turns"], "readwrite");
    const turns = change.objectStore("turns");
    const keys = await turns.index("conversation").getAllKeys(id);
    await Promise.all([
      change.objectStore("conversations").delete(id),
      ...keys.map((key) => turns.delete(key)),
      change.done,
    ]);
  }
}
