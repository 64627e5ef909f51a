import type { Unit } from "../api/types";

function groupBy(units: Unit[], keyOf: (unit: Unit) => string): [string, Unit[]][] {
  const groups = new Map<string, Unit[]>();
  for (const unit of units) groups.set(keyOf(unit), [...(groups.get(keyOf(unit)) ?? []), unit]);
  return [...groups];
}

/** Units in the layers, as rows by role and columns by layer. */
export interface Grid {
  layers: number[];
  rows: { role: string; cells: (Unit | null)[] }[];
}

export function gridOf(units: Unit[], layers: number): Grid {
  const columns = Array.from({ length: layers }, (_, index) => index);
  const inLayers = units.filter(({ layer }) => layer !== null);
  const rows = groupBy(inLayers, ({ role }) => role).map(([role, own]) => {
    const byLayer = new Map(own.map((unit) => [unit.layer, unit]));
    return { role, cells: columns.map((layer) => byLayer.get(layer) ?? null) };
  });
  return { layers: columns, rows };
}

/** The nearest step of the scale, for a class name: 2 to 6, 8 and 16 bits. */
export function shadeOf(bits: number): number {
  return [2, 3, 4, 5, 6, 8].find((step) => bits < step + 0.76) ?? 16;
}

/** Where a key leads from a place in the grid; null where it is no key of the grid's. */
export function step(grid: Grid, [row, column]: [number, number], key: string): [number, number] | null {
  const [lastRow, lastColumn] = [grid.rows.length - 1, grid.layers.length - 1];
  switch (key) {
    case "ArrowRight":
      return [row, Math.min(column + 1, lastColumn)];
    case "ArrowLeft":
      return [row, Math.max(column - 1, 0)];
    case "ArrowDown":
      return [Math.min(row + 1, lastRow), column];
    case "ArrowUp":
      return [Math.max(row - 1, 0), column];
    case "Home":
      return [row, 0];
    case "End":
      return [row, lastColumn];
    default:
      return null;
  }
}

export interface RoleSum {
  role: string;
  units: number;
  parameters: number;
  bytes: number;
  decodeBytes: number;
  formats: string;
}

/** Units by role, the largest first. */
export function sumsByRole(units: Unit[]): RoleSum[] {
  const sums = groupBy(units, ({ role }) => role).map(([role, own]) => ({
    role,
    units: own.length,
    parameters: own.reduce((sum, unit) => sum + unit.parameters, 0),
    bytes: own.reduce((sum, unit) => sum + unit.bytes, 0),
    decodeBytes: own.reduce((sum, unit) => sum + unit.decode_bytes, 0),
    formats: formatsOf(own),
  }));
  return sums.sort((a, b) => b.bytes - a.bytes);
}

function formatsOf(units: Unit[]): string {
  const groups = groupBy(units, ({ format }) => format).sort(([, a], [, b]) => b.length - a.length);
  return groups.map(([format, own]) => (groups.length > 1 ? `${own.length} × ${format}` : format)).join(", ");
}
