// Numbers as people read them.

/// Three significant digits, thousands apart, never an exponent: 1,230,000, 45.6, 0.00123. What is no number is "-".
export function significant(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "-";
  return value.toLocaleString("en-US", { maximumSignificantDigits: 3 });
}

/// The same with its unit, if it has one.
export function measured(value, unit) {
  const number = significant(value);
  return unit && number !== "-" ? `${number} ${unit}` : number;
}

/// Short, for an axis: 250, 20,000, 200 k, 1.5 M. `value` is one of the round values that axes have.
export function short(value) {
  const plain = (number) => number.toLocaleString("en-US", { maximumSignificantDigits: 6 });
  const least = { G: 1e9, M: 1e6, k: 1e5 };
  const sign = Object.keys(least).find((name) => Math.abs(value) >= least[name]);
  return sign ? `${plain(value / { G: 1e9, M: 1e6, k: 1e3 }[sign])} ${sign}` : plain(value);
}
