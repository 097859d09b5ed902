/**
 * The page's one Trusted Types policy: scripts of workers come from our own origin. Without Trusted Types in the browser the address itself.
 * Gateway's `trusted-types` directive names it.
 */
const policy = (
  window as unknown as { trustedTypes?: { createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string } } }
).trustedTypes?.createPolicy('lyceum', {
  createScriptURL: url => {
    if (new URL(url, location.href).origin !== location.origin) throw new TypeError(`foreign script: ${url}`)
    return url
  },
})

export const scriptAddress = (url: string | URL): string => policy?.createScriptURL(url.toString()) ?? url.toString()
