/** How far a clock is behind another one, from questions and answers: the fastest round trip tells most. */
export interface ClockOffset {
  /** `sent` by our clock, `took` the round trip, `there` what the other clock said; all ms. */
  sample(sent: number, took: number, there: number): void
  /** ms that have to be added to our clock; 0 before the first sample. */
  value(): number
  /** ms of the newest round trip. */
  latency(): number
  forget(): void
}

/** So many are looked at: clocks that are set are followed that late. */
const SAMPLES = 15

export function createClockOffset(): ClockOffset {
  let samples: { took: number; offset: number }[] = []
  return {
    sample(sent, took, there) {
      samples = [...samples.slice(1 - SAMPLES), { took, offset: there - (sent + took / 2) }]
    },
    value() {
      const best = samples.reduce((a, b) => (b.took <= a.took ? b : a), { took: Infinity, offset: 0 })
      return Math.round(best.offset)
    },
    latency: () => samples.at(-1)?.took ?? 0,
    forget() {
      samples = []
    },
  }
}
