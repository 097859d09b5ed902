import type { Schema } from '@/api/types'

/** Types of documents by the end of the file's name. Browsers do not know all of them (Markdown), so the name decides. */
const types: Record<string, string> = {
  md: 'text/markdown',
  markdown: 'text/markdown',
  txt: 'text/plain',
  html: 'text/html',
  htm: 'text/html',
  pdf: 'application/pdf',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
}

const extensionOf = (name: string): string => /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? ''

export const mediaTypeOf = (name: string): string | undefined => types[extensionOf(name)]

/** "cells.pdf" as "cells": how what is made of a file is called at first. */
export const titleOf = (name: string): string => name.replace(/\.[^.]+$/, '').replace(/[_\s]+/g, ' ').trim().slice(0, 100) || name

/** The endings that this system takes, for a file input and for people. */
export const endingsOf = (documents: readonly string[]): string[] =>
  Object.entries(types)
    .filter(([ending, type]) => documents.includes(type) && !['markdown', 'htm'].includes(ending))
    .map(([ending]) => `.${ending}`)

export type Refusal = 'type' | 'old_office' | 'empty' | 'too_large'

const texts = ['text/markdown', 'text/plain', 'text/html']

/** Why a file would be refused, before it is sent; null: it would be taken. */
export function refusalOf(file: { name: string; size: number }, capabilities: Pick<Schema['CapabilitiesView'], 'documents' | 'limits'>): Refusal | null {
  const type = mediaTypeOf(file.name)
  if (['doc', 'ppt'].includes(extensionOf(file.name))) return 'old_office'
  if (!type || !capabilities.documents.includes(type)) return 'type'
  if (file.size === 0) return 'empty'
  return file.size > largestOf(file.name, capabilities.limits) ? 'too_large' : null
}

/** How many bytes a file of this name may have. */
export function largestOf(name: string, limits: Schema['LimitsView']): number {
  const file = limits.document_bytes ?? limits.upload_bytes
  return texts.includes(mediaTypeOf(name) ?? '') ? (limits.text_bytes ?? file) : file
}
