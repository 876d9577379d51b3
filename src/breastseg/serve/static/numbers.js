// Numbers as people read them.

const figures = (value, digits) => value.toLocaleString("en", { maximumSignificantDigits: digits });

/** Square millimetres: three figures, and never more than four decimals. */
export function mm2(value) {
  if (value > 0 && value < 0.0001) return "<0.0001 mm²";
  return `${figures(value < 0.01 ? Math.round(value * 1e4) / 1e4 : value, 3)} mm²`;
}

export const percent = (value) => `${value > 0 && value < 0.1 ? "<0.1" : value.toFixed(1)} %`;

/** A length given in microns: µm, or mm from one up. */
export const length = (um) => (um >= 1000 ? `${figures(um / 1000, 4)} mm` : `${figures(um, 4)} µm`);

export const whole = (value) => Math.round(value).toLocaleString("en");

export const plain = (value) => figures(value, 4);

export function bytes(value) {
  if (value < 1000) return `${value} bytes`;
  const unit = value >= 1e9 ? ["GB", 1e9] : value >= 1e6 ? ["MB", 1e6] : ["kB", 1e3];
  return `${figures(value / unit[1], 3)} ${unit[0]}`;
}

/** Time left, roughly. */
export function left(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s left`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min left`;
  return `${(seconds / 3600).toFixed(1)} h left`;
}

export const day = (iso) => new Date(iso).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });

/** The longest of 1, 2, 5, 10, ... microns that fits: [microns, CSS px]. */
export function niceLength(umPerPx, mostPx) {
  const most = umPerPx * mostPx;
  const ten = 10 ** Math.floor(Math.log10(most));
  const um = [5, 2, 1].map((step) => step * ten).find((step) => step <= most) ?? ten;
  return [um, um / umPerPx];
}
