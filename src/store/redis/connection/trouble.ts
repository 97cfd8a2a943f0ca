import type { ErrorCode } from '../../../errors.ts'
import type { StoreTrouble } from '../../store.ts'

/** `code`: of the error that refuses a start because of it. */
export type Trouble = StoreTrouble & { code?: ErrorCode }
