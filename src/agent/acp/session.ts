import { z } from 'zod'

/** What a new session offers to choose from, and the requests that choose. */

const choice = z.object({ value: z.string(), name: z.string().default('') })
const group = z.object({ options: z.array(choice) })
const configOption = z.object({
  id: z.string(),
  category: z.string().nullish(),
  currentValue: z.unknown().optional(),
  options: z.array(z.union([group, choice])).default([]),
})
const offered = z.object({
  sessionId: z.string().optional(),
  configOptions: z.array(z.unknown().optional()).nullish(),
  modes: z
    .object({ currentModeId: z.string(), availableModes: z.array(z.object({ id: z.string() })) })
    .nullish(),
  models: z
    .object({
      currentModelId: z.string().nullish(),
      availableModels: z.array(z.object({ modelId: z.string() })),
    })
    .nullish(),
})

export interface Setting {
  method: string
  params: Record<string, unknown>
}
export interface Offer {
  session?: string
  /** Modes and models by id, and how each is chosen. */
  modes: Map<string, Setting>
  models: Map<string, Setting>
}

/** The answer to session/new, load or resume; undefined when it is none. */
export function parseOffer(result: unknown): Offer | undefined {
  const data = offered.safeParse(result ?? {}).data
  if (!data) return undefined
  const offer: Offer = { session: data.sessionId, modes: new Map(), models: new Map() }
  for (const { id } of data.modes?.availableModes ?? [])
    offer.modes.set(id, { method: 'session/set_mode', params: { modeId: id } })
  // Before configuration options there was a method of its own; Gemini CLI still has it.
  for (const { modelId } of data.models?.availableModels ?? [])
    offer.models.set(modelId, { method: 'session/set_model', params: { modelId } })
  for (const option of data.configOptions ?? []) addOption(offer, option)
  return offer
}

function addOption(offer: Offer, json: unknown): void {
  const option = configOption.safeParse(json).data
  const target =
    option?.category === 'model' ? offer.models : option?.category === 'mode' ? offer.modes : undefined
  if (!option || !target) return
  for (const { value } of option.options.flatMap((it) => ('options' in it ? it.options : [it])))
    target.set(value, { method: 'session/set_config_option', params: { configId: option.id, value } })
}

const READ_ONLY = /^(plan|read|read[-_]?only)$/i

/** The mode in which an agent changes nothing, when it has one. */
export const readOnlyMode = (modes: Offer['modes']): Setting | undefined =>
  [...modes].find(([id]) => READ_ONLY.test(id))?.[1]
