/** What a context takes beside the weights. */
export interface Fit {
  tokens: number;
  bytes: number;
  /** Null where the machine does not tell how much it has left. */
  fits: boolean | null;
}

const LENGTHS = [4096, 16384, 32768, 65536, 131072];

/** Keys and values of contexts up to the model's own; the window of the sliding layers is paid once. */
export function fitsOf(
  perThousand: number,
  window: number,
  context: number,
  available: number | null,
): Fit[] {
  const lengths = [...new Set([...LENGTHS.filter((length) => length < context), context])];
  return lengths.map((tokens) => {
    const bytes = window + (perThousand * tokens) / 1000;
    return { tokens, bytes, fits: available === null ? null : bytes <= available };
  });
}
