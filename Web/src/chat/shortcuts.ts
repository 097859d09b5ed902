/** Keys of the chat, for the list of all keys. `keys` are shown as they are; `name` stands in `chat.json` under `keys`. */
export const chatShortcuts = [
  { keys: ['/'], name: 'compose' },
  { keys: ['Enter'], name: 'send' },
  { keys: ['Shift', 'Enter'], name: 'newline' },
  { keys: ['Esc'], name: 'stop' },
  { keys: ['Alt', 'N'], name: 'newChat' },
  { keys: ['Alt', 'K'], name: 'search' },
  { keys: ['Alt', '↓'], name: 'newest' },
] as const
