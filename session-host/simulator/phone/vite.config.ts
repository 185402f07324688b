import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** `vite build` makes the page that the simulator serves at `/`, beside its control API. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [react()],
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2023', modulePreload: { polyfill: false } },
})
