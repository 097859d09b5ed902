export interface BudgetOwner {
  /** Who set it: the operator in the configuration, or an owner. */
  by: 'operator' | 'owner'
  /** Whose it is: a person, a key, a whole organisation; what is not known as it is. */
  of: 'person' | 'key' | 'tenant' | 'other'
  /** Its id, and for a person the organisation's. */
  id: string
  tenant?: string
}

/** Reads the name of a budget: `set:person:TENANT/PERSON`, `set:tenant:TENANT`, `key:ID`, `key:user:TENANT/PERSON`, `tenant:TENANT`. */
export function readBudget(budget: string): BudgetOwner {
  const by = budget.startsWith('set:') ? 'owner' : 'operator'
  const name = budget.replace(/^set:/, '')
  const person = /^(?:person|key:user):(.*)\/([^/]*)$/.exec(name)
  if (person) return { by, of: 'person', tenant: person[1], id: person[2]! }
  const [, of, id] = /^(tenant|key):(.*)$/.exec(name) ?? []
  return of ? { by, of: of as 'tenant' | 'key', id: id! } : { by, of: 'other', id: budget }
}
