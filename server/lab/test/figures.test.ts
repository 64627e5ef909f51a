import { expect, test } from "vitest";

import { scaleOf } from "../src/jobs/frontier";
import { placeLabels } from "../src/jobs/labels";
import { FormError, evaluateOptions, quantizeOptions } from "../src/jobs/options";
import { pointsOf, scoresOf, type Point } from "../src/jobs/results";
import { readMetrics, sampleOf, totalsOf } from "../src/live/history";
import { linePath } from "../src/live/sparkline";
import { fitsOf } from "../src/model/fit";
import { gridOf, shadeOf, step } from "../src/model/grid";
import { eventRows, groupsOf } from "../src/tokens/grouping";
import { InputError, questionOf } from "../src/tokens/input";
import { SentenceTeller } from "../src/ui/announce";
import { bytes, seconds } from "../src/ui/format";

const unit = (role: string, layer: number | null) => ({
  path: `${role}.${layer}`,
  role,
  layer,
  parameters: 1,
  format: "bf16",
  bits: 16,
  bytes: 2,
  decode_bytes: 2,
  kld: null,
});

test("units without a layer are not in the grid, and what a layer lacks is an empty cell", () => {
  const grid = gridOf([unit("q", 0), unit("router", 1), unit("head", null)], 2);

  expect(grid.rows.map(({ role, cells }) => [role, cells.map((cell) => cell?.path ?? null)])).toEqual([
    ["q", ["q.0", null]],
    ["router", [null, "router.1"]],
  ]);
});

test("arrow keys stay inside the grid", () => {
  const grid = gridOf([unit("q", 0), unit("o", 1)], 2);

  expect(step(grid, [0, 0], "ArrowLeft")).toEqual([0, 0]);
  expect(step(grid, [0, 0], "ArrowDown")).toEqual([1, 0]);
  expect(step(grid, [0, 0], "End")).toEqual([0, 1]);
  expect(step(grid, [0, 0], "a")).toBeNull();
});

test("scales and biases do not push a format into the next shade", () => {
  expect([4, 4.25, 4.5, 5, 8.5, 16].map(shadeOf)).toEqual([4, 4, 4, 5, 8, 16]);
});

test("contexts end at the model's own, and say when they do not fit", () => {
  expect(fitsOf(1000, 50, 8192, 8000)).toEqual([
    { tokens: 4096, bytes: 4146, fits: true },
    { tokens: 8192, bytes: 8242, fits: false },
  ]);
});

test("the rate counts what running replies have written since the look before", () => {
  const status = (written: number) =>
    ({
      running: [{ request_id: "a", completion_tokens: written }],
      queue: { waiting: 0 },
      cache: { bytes: 0 },
      memory: { active_bytes: 0 },
    }) as unknown as Parameters<typeof sampleOf>[1]["status"];
  const totals = totalsOf(
    readMetrics('optiq_cache_hits_total 3\noptiq_prompt_tokens_total{a="b"} 10\n# x\n'),
  );

  const sample = sampleOf({ at: 0, status: status(10), totals }, { at: 500, status: status(30), totals });

  expect(totals).toMatchObject({ cacheHits: 3, promptTokens: 10 });
  expect(sample.tokensPerSecond).toBe(40);
});

test("a line of one value stands at the right edge", () => {
  expect(linePath([5], 10, 5)).toBe("M240.0,2.0");
});

test("token ids may be written in any way, words may not", () => {
  expect(questionOf("ids", "[200005, 35644]\n7").body).toEqual({ tokens: [200005, 35644, 7] });
  expect(() => questionOf("ids", "1 two")).toThrow(InputError);
  expect(questionOf("messages", "[]").body).toEqual({ messages: [] });
});

test("tokens are grouped by message, text events that follow one another are one row", () => {
  const token = (message: number | null, channel: string | null) =>
    ({ id: 1, text: "a", kind: "text", channel, message, role: null }) as const;

  expect(
    groupsOf([token(0, null), token(0, "final"), token(1, null)]).map(({ places }) => places.length),
  ).toEqual([2, 1]);
  expect(
    eventRows([
      { token: 0, type: "text", text: "a" },
      { token: 1, type: "text", text: "b" },
      { token: 2, type: "end", reason: "stop" },
    ]),
  ).toEqual([
    { first: 0, last: 1, type: "text", detail: '"ab"' },
    { first: 2, last: 2, type: "end", detail: "reason stop" },
  ]);
});

test("a job's form tells what is missing, and sends no empty text", () => {
  const form = {
    checkpoint: "c",
    out: "o",
    budget: "size",
    bpw: "",
    size: "1GiB",
    calibration: " ",
    experts: "keep",
  } as const;

  expect(quantizeOptions(form)).toEqual({
    checkpoint: "c",
    out: "o",
    size: "1GiB",
    calibration: null,
    experts: "keep",
  });
  expect(() => quantizeOptions({ ...form, out: "" })).toThrow(FormError);
  expect(() => evaluateOptions({ suites: [], data: "", limit: "", effort: "low" })).toThrow(FormError);
});

test("points and scores are found in a result, or are none", () => {
  const measured = { divergence: 0.2, low: 0.1, high: 0.3, part: "held out" };
  const frontier = {
    points: [{ bytes: 1, divergence: 0.1 }],
    marks: [
      { name: "a", bytes: 2, predicted: 0.3, measured },
      { name: "b", bytes: 3, predicted: 0.4, measured: null },
      { name: "c", bytes: 4, predicted: null, measured: null },
    ],
  };
  const accuracy = { value: 0.5, low: 0.4, high: 0.6, items: 20 };

  const points = pointsOf({ out: "x", frontier, evidence: { bytes: 2, divergence: { mean: 0.05 } } });

  expect(points.map(({ name, kld, kind, measured: whole }) => [name, kld, kind, whole])).toEqual([
    ["this checkpoint", 0.05, "own", true],
    ["", 0.1, "frontier", false],
    ["a", 0.2, "other", true],
    ["b", 0.4, "other", false],
  ]);
  expect(scoresOf({ suites: { gsm8k: { items: 20, accuracy } } })).toEqual([
    { suite: "gsm8k", accuracy: 0.5, low: 0.4, high: 0.6, items: 20 },
  ]);
  expect([pointsOf("x"), scoresOf(null)]).toEqual([[], []]);
});

const point = (bytes: number, kld: number): Point => ({
  name: "",
  bytes,
  kld,
  kind: "frontier",
  measured: false,
});

test("one point stands in the middle of a plot", () => {
  const { x } = scaleOf([point(5, 1)]);

  expect(x(5)).toBeGreaterThan(100);
});

test("the source, which costs nothing, does not squeeze the others", () => {
  const without = scaleOf([point(1, 0.5), point(2, 0.1)]);
  const beside = scaleOf([point(1, 0.5), point(2, 0.1), point(9, 0)]);

  expect(beside.y(0.3)).toBe(without.y(0.3));
});

test("names of marks that are close do not cover each other, nor leave the frame", () => {
  const frame = { left: 0, right: 300, top: 0, bottom: 200 };
  const marks = ["rest affine 4", "everything affine 4", "rest mxfp4", "rest affine 5"].map(
    (name, index) => ({
      name,
      x: 250 + 8 * index,
      y: 100 + 2 * index,
    }),
  );

  const boxes = placeLabels(marks, frame).map(({ x, y, anchor }, index) => {
    const width = 6 * (marks[index]?.name.length ?? 0);
    return { left: anchor === "start" ? x : x - width, right: anchor === "start" ? x + width : x, y };
  });

  for (const [index, box] of boxes.entries()) {
    expect(box.left).toBeGreaterThanOrEqual(0);
    expect(box.right).toBeLessThanOrEqual(300);
    for (const other of boxes.slice(0, index)) {
      const apart = box.left > other.right || other.left > box.right || Math.abs(box.y - other.y) >= 12;
      expect(apart).toBe(true);
    }
  }
});

test("a growing text is told by whole sentences, each once", () => {
  const teller = new SentenceTeller();

  const said = [teller.next("One. Tw", false), teller.next("One. Two", false), teller.next("One. Two", true)];

  expect(said).toEqual(["One.", "", "Two"]);
});

test("numbers are written as people read them", () => {
  expect([bytes(0), bytes(1536), bytes(10.6 * 2 ** 30)]).toEqual(["0 B", "1.50 KiB", "10.6 GiB"]);
  expect([seconds(1.25), seconds(90), seconds(7260)]).toEqual(["1.3 s", "90 s", "2 h 1 min"]);
});
