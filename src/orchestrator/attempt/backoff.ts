/**
 * Exponential backoff with equal jitter, in ms: half of it is sure, half is drawn.
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function backoff(
  used: number,
  settings: { backoffSeconds: number; backoffMaxSeconds: number },
  fraction: number,
): number {
  const full = Math.min(settings.backoffMaxSeconds, settings.backoffSeconds * 2 ** used) * 1_000
  return Math.round(full / 2 + (full / 2) * fraction)
}
