import type { Turn } from "./turns";

/** A conversation's turns by id. Never changed in place, so that what depends on it notices. */
export type Tree = ReadonlyMap<string, Turn>;

export function withTurns(tree: Tree, turns: Iterable<Turn>): Tree {
  const next = new Map(tree);
  for (const turn of turns) next.set(turn.id, turn);
  return next;
}

/** The turns from the first to `leaf`. */
export function pathTo(tree: Tree, leaf: string | null): Turn[] {
  const path: Turn[] = [];
  const seen = new Set<string>();
  for (let id = leaf; id !== null && !seen.has(id);) {
    const turn = tree.get(id);
    if (!turn) break;
    seen.add(id);
    path.push(turn);
    id = turn.parent;
  }
  return path.reverse();
}

/** Which turns follow which, oldest first; the first turns follow null. */
export function childrenOf(tree: Tree): Map<string | null, string[]> {
  const children = new Map<string | null, string[]>();
  const byAge = [...tree.values()].sort((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1));
  for (const { id, parent } of byAge) {
    const siblings = children.get(parent);
    if (siblings) siblings.push(id);
    else children.set(parent, [id]);
  }
  return children;
}

/** The end of the newest branch below a turn; the turn itself where nothing follows. */
export function newestLeaf(tree: Tree, from: string | null): string | null {
  const children = childrenOf(tree);
  let leaf = from;
  for (;;) {
    const next = children.get(leaf)?.at(-1);
    if (next === undefined) return leaf;
    leaf = next;
  }
}
