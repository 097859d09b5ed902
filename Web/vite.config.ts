import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// `npm run dev` shows the pages with hot reload and passes every API request on to a running gateway.
const gateway = process.env.LYCEUM_GATEWAY ?? 'http://localhost:8080'
const api = ['/api', '/chat', '/v1', '/ws', '/health', '/alive', '/version', '/openapi', '/metrics']

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: {
    alias: {
      '@': new URL('./src', import.meta.url).pathname,
      // Its variant for browsers writes "&amp;" into innerHTML and reads the text: Trusted Types refuse it. This one has a table.
      'decode-named-character-reference': new URL('./node_modules/decode-named-character-reference/index.js', import.meta.url).pathname,
    },
  },
  build: {
    target: 'es2022',
    cssTarget: ['chrome111', 'safari16.4', 'firefox128'],
    manifest: true,
    // A data: URL would need a wider content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: 'es' },
  server: {
    port: 5173,
    proxy: Object.fromEntries(
      // The gateway checks that a request with a cookie comes from its own origin.
      api.map(path => [path, { target: gateway, changeOrigin: true, ws: true, headers: { origin: gateway } }]),
    ),
  },
  test: { environment: 'happy-dom', include: ['src/**/*.test.{ts,tsx}'] },
})
