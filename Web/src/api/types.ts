import type { components } from './schema.d'

/** The API's types by their names in docs/openapi.json: `Schema['MessageView']`. */
export type Schema = components['schemas']
