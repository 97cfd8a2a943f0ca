#!/usr/bin/env node
import { systemEnvironment } from '../config/load.ts'
import { composeDaemon } from './compose.ts'
import { liveAsDaemon } from './process.ts'

/** `orchd`. */
await liveAsDaemon(systemEnvironment(), composeDaemon)
