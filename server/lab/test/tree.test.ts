import { expect, test } from "vitest";

import { childrenOf, newestLeaf, pathTo } from "../src/chat/tree";
import { user, treeOf } from "./sample-turns";

const tree = treeOf(
  user("a", null, 1),
  user("b", "a", 2),
  user("b2", "a", 3),
  user("c", "b", 4),
  user("c2", "b", 5),
);

test("a path leads from the first turn to its leaf", () => {
  expect(pathTo(tree, "c").map(({ id }) => id)).toEqual(["a", "b", "c"]);
  expect(pathTo(tree, null)).toEqual([]);
});

test("a damaged tree with a circle still gives a path", () => {
  const circle = treeOf(user("x", "y"), user("y", "x"));

  expect(pathTo(circle, "x").map(({ id }) => id)).toEqual(["y", "x"]);
});

test("siblings are in the order in which they were made", () => {
  expect(childrenOf(tree).get("a")).toEqual(["b", "b2"]);
});

test("the newest branch below a turn is followed to its end", () => {
  expect(newestLeaf(tree, "b")).toBe("c2");
  expect(newestLeaf(tree, "b2")).toBe("b2");
});
