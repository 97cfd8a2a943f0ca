import { describe } from 'vitest'
import type { DriverCase } from './driver-case.ts'
import { launchContract } from './driver-launch.ts'
import { readerContract } from './driver-reader.ts'

/**
 * The contract of drivers: one suite over every agent program. A new driver NAME plugs in with
 *
 * 1. `test/fixtures/streams/NAME/SCENARIO.jsonl`: what the program printed, recorded and scrubbed (scenarios: see
 *    `Streams` in driver-case.ts); what it cannot be made to print is derived from what it did, or its place in the
 *    description says why it is not there;
 * 2. `test/fixtures/agents/NAME/NAME`: a program of that name, for PATH. A `sh` script of one line that calls
 *    `replays/replay.ts` is enough (see there): it writes down how it was called and prints a stream; `[[SCENARIO]]`
 *    in the prompt says which. A program that is talked to on standard input brings one of its own with the same manners;
 * 3. `test/contract/driver.NAME.test.ts`: `driverContract({…})` with the description that driver-case.ts asks for.
 *
 * Events are compared without notes: a driver may note more than another.
 */
export function driverContract(it: DriverCase): void {
  describe(`driver ${it.name}: what it reads`, () => readerContract(it))
  describe(`driver ${it.name}: what it starts`, () => launchContract(it))
}
