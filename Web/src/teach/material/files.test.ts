import { expect, test } from 'vitest'
import { endingsOf, refusalOf, titleOf } from './files'

const capabilities = {
  documents: ['text/markdown', 'text/plain', 'application/pdf'],
  limits: { upload_bytes: 100, text_bytes: 10, document_bytes: 50, images: 0, image_bytes: 0 },
}

test.each([
  ['notes.md', 5, null],
  ['NOTES.MD', 11, 'too_large'],
  ['cells.pdf', 50, null],
  ['cells.pdf', 51, 'too_large'],
  ['empty.pdf', 0, 'empty'],
  ['picture.png', 5, 'type'],
  ['slides.pptx', 5, 'type'],
  ['old.doc', 5, 'old_office'],
  ['no ending', 5, 'type'],
])('%s of %i bytes: %s', (name, size, refusal) => expect(refusalOf({ name, size }, capabilities)).toBe(refusal))

test('endings are those that the system takes', () => expect(endingsOf(capabilities.documents)).toEqual(['.md', '.txt', '.pdf']))

test('a title is the name without its ending', () => expect(['a_b  c.final.pdf', '生物.docx', '.md'].map(titleOf)).toEqual(['a b c.final', '生物', '.md']))
