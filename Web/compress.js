// After the build: each file that compresses gets its brotli and gzip beside it, so that the gateway only sends them. Browsers take
// brotli over https and on localhost only; gzip is for a school's plain http.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { brotliCompressSync, gzipSync } from 'node:zlib'

const dist = new URL('./dist/', import.meta.url)
const page = 'index.html'
const names = readdirSync(dist, { recursive: true })
  .filter(name => /\.(css|html|js|json|svg|txt|wasm|webmanifest)$/.test(name) && !name.startsWith('.') && name !== page)

// The page's own comes last: with it, the build is whole.
for (const name of [...names, page]) {
  const file = new URL(name, dist)
  const text = readFileSync(file)
  writeFileSync(new URL(`${file}.gz`), gzipSync(text, { level: 9 }))
  writeFileSync(new URL(`${file}.br`), brotliCompressSync(text))
}
